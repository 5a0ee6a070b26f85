"""The search loop: ask, train, remember, tell; nothing is told before it is on disk."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from sweepspot.errors import TrialError
from sweepspot.journal import Journal
from sweepspot.protocols import Engine, Executor
from sweepspot.trial import State, Trial, TrialResult, run_id

__all__ = ["FailureRule", "replay", "search", "train_again"]

SAME_CAUSE = 3
"""Failures in a row with one cause, or failures of a sweep's first trials, that stop the sweep."""


class FailureRule:
    """Notices that trials fail for a reason that further trials would share."""

    def __init__(self, trained: int = 0) -> None:
        self._ended = trained
        self._causes: list[str] = []

    def hear(self, result: TrialResult) -> None:
        """Count a result.

        Raises:
            TrialError: Three trials in a row failed with one cause, or the first three of the sweep
                with any.
        """
        self._ended += 1
        if result.state is not State.FAILED:
            self._causes = []
            return
        self._causes.append(result.reason or "no reason given")
        last = self._causes[-SAME_CAUSE:]
        all_failed = self._ended == SAME_CAUSE and len(last) == SAME_CAUSE
        if all_failed or (len(last) == SAME_CAUSE and len({_cause(c) for c in last}) == 1):
            which = (
                f"the first {SAME_CAUSE} trials failed"
                if all_failed
                else f"{SAME_CAUSE} trials in a row failed with one cause"
            )
            raise TrialError(
                f"trial {run_id(result.number)}: {which}, "
                f"the last one with: {last[-1]}; mend the cause and run the same command again"
            )


def replay(engine: Engine, journal: Journal) -> None:
    """Let a fresh engine relive the journal, in number order."""
    for number in sorted(journal.asked):
        engine.replay(journal.asked[number], journal.results.get(number))


def search(
    engine: Engine,
    executor: Executor,
    journal: Journal,
    *,
    hear: Callable[[TrialResult], None],
    trials: int,
    deadline: float | None = None,
) -> None:
    """Run the search until it has asked enough, is out of time, or has nothing left to propose.

    Args:
        engine: Has relived the journal.
        executor: Idle.
        journal: Trials that it holds without a result are trained first.
        hear: Told each result after journal and engine.
        trials: Trials in all, those in the journal included.
        deadline: Value of `time.monotonic` after which no further trial is asked.

    Raises:
        TrialError: Trials keep failing for one reason.
    """
    rule = FailureRule(trained=len(journal.results))
    waiting = journal.in_flight
    in_flight = 0
    ended: list[TrialResult] = []
    while True:
        while waiting and executor.free:
            batch, waiting = waiting[: executor.free], waiting[executor.free :]
            executor.submit(batch)
            in_flight += len(batch)
        if not waiting and not (deadline and time.monotonic() > deadline):
            asked = _ask(engine, journal, min(executor.free, trials - len(journal.asked)))
            executor.submit(asked)
            in_flight += len(asked)
        # Only now, so that no worker waits while a result is judged, shown and sent.
        for result in ended:
            hear(result)
        if not in_flight:
            return
        ended = executor.wait(engine.report)
        in_flight -= len(ended)
        for result in ended:
            journal.result(result)
            engine.tell(result)
        _check(rule, ended, hear)


def train_again(
    executor: Executor,
    journal: Journal,
    trials: Sequence[Trial],
    *,
    hear: Callable[[TrialResult], None],
) -> None:
    """Train trials that no engine hears of, and remember their results: repeats of finalists."""
    waiting = list(trials)
    in_flight = 0
    ended: list[TrialResult] = []
    while waiting or in_flight or ended:
        batch, waiting = waiting[: executor.free], waiting[executor.free :]
        executor.submit(batch)
        in_flight += len(batch)
        # Only now, so that no worker waits while a result is written and sent.
        for result in ended:
            journal.result(result)
            hear(result)
        ended = executor.wait(_never_prune)
        in_flight -= len(ended)


def _check(
    rule: FailureRule, ended: Sequence[TrialResult], hear: Callable[[TrialResult], None]
) -> None:
    """Let the rule stop the search, after the last results were heard."""
    try:
        for result in ended:
            rule.hear(result)
    except TrialError:
        for result in ended:
            hear(result)
        raise


def _ask(engine: Engine, journal: Journal, count: int) -> list[Trial]:
    asked = engine.ask(count) if count > 0 else []
    for trial in asked:
        journal.ask(trial)
    return asked


def _cause(reason: str) -> str:
    """Strip what differs between two failures of one cause: numbers."""
    return re.sub(r"[\d.]+", "", reason)


def _never_prune(number: int, epoch: int, J_cv: float) -> bool:
    return False
