"""The finalists on fresh seeds: trained again, and turned into candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sweepspot.champion import latencies
from sweepspot.datasets import Dataset
from sweepspot.journal import Journal
from sweepspot.loop import train_again
from sweepspot.preview import run_name
from sweepspot.protocols import Executor
from sweepspot.selection import Candidate
from sweepspot.spec import SweepSpec
from sweepspot.trial import State, Trial, TrialResult, trial_seed

__all__ = ["Finals"]


class Finals:
    """Trains the finalists of one sweep on fresh seeds."""

    def __init__(
        self,
        spec: SweepSpec,
        dataset: Dataset,
        journal: Journal,
        executor: Callable[[], Executor],
        *,
        record: Callable[[TrialResult, str], None],
        say: Callable[[str], None],
    ) -> None:
        """Take on a sweep.

        Args:
            spec: Its declaration.
            dataset: What is trained on.
            journal: Holds the repeats that are done.
            executor: Makes one when something is left to train.
            record: Told each repeat, and the name of its run.
            say: Told what takes time.
        """
        self._spec = spec
        self._dataset = dataset
        self._journal = journal
        self._executor = executor
        self._record = record
        self._say = say

    def candidates(self, chosen: Sequence[TrialResult]) -> list[Candidate]:
        """Train what is left to train, and return those that could be trained."""
        self._train(chosen)
        found = [c for r in chosen if (c := self._candidate(r)) is not None]
        if self._spec.select.cost == "weights":
            return found
        seconds = self._latencies({r.number: r for r in chosen}, [c.number for c in found])
        return [replace(c, latency_s=seconds[c.number]) for c in found]

    def train_once_more(self, trial: Trial) -> str:
        """Train a repeat whose weights are gone, and return the hash of those that it has now."""
        train_again(self._executor(), self._journal, [trial], hear=self._send)
        return str(self._journal.repeats[trial.number, trial.repeat].weights)

    def _train(self, chosen: Sequence[TrialResult]) -> None:
        trials = [
            Trial(
                number=r.number,
                params=r.trial.params,
                seed=trial_seed(self._spec.search.seed, r.number, k),
                epochs=r.trial.epochs,
                keeps_weights=True,
                repeat=k,
            )
            for r in chosen
            for k in range(1, self._spec.repeats + 1)
        ]
        left = [t for t in trials if (t.number, t.repeat) not in self._journal.repeats]
        if left:
            self._say(f"training {len(chosen)} finalists again, {len(left)} fresh seeds to go")
            train_again(self._executor(), self._journal, left, hear=self._send)
        for trial in trials:
            if trial not in left:
                self._send(self._journal.repeats[trial.number, trial.repeat])

    def _send(self, result: TrialResult) -> None:
        name = run_name(result.number, result.trial.params, self._spec.model)
        self._record(result, f"{name} repeat {result.trial.repeat}")

    def _candidate(self, result: TrialResult) -> Candidate | None:
        """Return a finalist with the repeats that were measured, None where none was."""
        measured = {
            repeat: losses.cv
            for (number, repeat), r in sorted(self._journal.repeats.items())
            if number == result.number
            and r.state is State.COMPLETE
            and repeat <= self._spec.repeats
            and (losses := self._journal.losses(r)) is not None
        }
        if not measured:
            return None
        return Candidate(
            number=result.number,
            n_weights=result.n_weights,
            repeats=tuple(measured),
            cv_losses=np.stack(list(measured.values())),
        )

    def _latencies(
        self, chosen: Mapping[int, TrialResult], numbers: Sequence[int]
    ) -> dict[int, float]:
        """Measure the finalists once: another measurement could choose another champion."""
        noted = self._journal.notes.get("latency_s", {})
        known = {int(number): seconds for number, seconds in noted.items()}
        if not set(numbers) <= set(known):
            self._say("measuring how long the finalists take to answer")
            points = {number: chosen[number].trial.params for number in numbers}
            known = latencies(self._spec, self._dataset.training, points)
            self._journal.note("latency_s", {str(number): s for number, s in known.items()})
        return {number: known[number] for number in numbers}
