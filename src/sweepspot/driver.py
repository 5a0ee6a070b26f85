"""One run of a sweep's driver, which owns the study, the journal and the tracker."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol, TypeVar

from sweepspot.advice import Optimism, advise, sweep_optimism
from sweepspot.advice_ledger import AdviceLedger, Answer
from sweepspot.competing import CompetingAlgorithm
from sweepspot.crowning import Baselines, Crowning, Outcome
from sweepspot.datasets import Dataset
from sweepspot.datasets.baselines import naive
from sweepspot.diagnosis import Diagnosis, Verdict
from sweepspot.engines import make_engine
from sweepspot.executors import starts_at_once
from sweepspot.executors.workers import Workers
from sweepspot.folders import ADVICE_LEDGER, OUTCOME, REPORT, TEST_LEDGER
from sweepspot.journal import Journal
from sweepspot.judging import Judge
from sweepspot.ledger import TestLedger
from sweepspot.loop import replay, search
from sweepspot.preview import preview, run_name
from sweepspot.provenance import plan
from sweepspot.quiet import load_tensorflow
from sweepspot.report.advice import advice_note, advice_tags
from sweepspot.report.html import write_report
from sweepspot.report.limits import limits_note
from sweepspot.report.notes import shares, sweep_note, trial_note
from sweepspot.results import SweepResult, as_frame
from sweepspot.spec import SweepSpec
from sweepspot.tracking import make_tracker
from sweepspot.tracking.outbox import Outbox
from sweepspot.trial import State, TrialResult, run_id
from sweepspot.verifying import verify_best

__all__ = ["Driver", "Nobody", "Watcher"]

PATIENCE_S = 30.0
"""How long a store may be silent at the end of a sweep; after an interruption nobody waits long."""


class Watcher(Protocol):
    """Is shown a sweep while it runs: the terminal, or nobody."""

    def planned(self, name: str, facts: Mapping[str, str], notes: Sequence[str]) -> None:
        """See what the sweep will do, and what to know about its data."""
        ...

    def ended(self, result: TrialResult, verdict: Verdict, done: int, trials: int) -> None:
        """See a trial that has ended, with its provisional verdict."""
        ...

    def say(self, text: str) -> None:
        """See one line: a phase that begins, or a warning."""
        ...


class Nobody:
    """The watcher of a sweep that nobody watches."""

    def planned(self, name: str, facts: Mapping[str, str], notes: Sequence[str]) -> None:
        """See nothing."""

    def ended(self, result: TrialResult, verdict: Verdict, done: int, trials: int) -> None:
        """See nothing."""

    def say(self, text: str) -> None:
        """See nothing."""


class Driver:
    """One run of a sweep, from the journal as it is to the sweep's end."""

    def __init__(
        self,
        spec: SweepSpec,
        path: Path | None,
        dataset: Dataset,
        journal: Journal,
        watcher: Watcher,
    ) -> None:
        """Take on a sweep.

        Args:
            spec: Its declaration, with its space.
            path: Of the sweep file, None for a sweep declared in Python.
            dataset: What it is about.
            journal: Open, and of this sweep.
            watcher: Is shown the sweep while it runs.
        """
        self._spec = spec
        self._path = path
        self._dataset = dataset
        self._journal = journal
        self._watcher = watcher
        self._naive = naive(dataset.training)
        self._algorithm = CompetingAlgorithm.of(spec, dataset.training, journal, watcher.say)
        journal.note("file", os.path.relpath(path) if path else None)
        # What advice on the next sweep is read from, without the data.
        journal.note("spec", self._spec.model_dump(mode="json", by_alias=True, exclude_unset=True))
        journal.note(
            "naive",
            {
                "J_train": self._naive.J_train,
                "J_cv": self._naive.J_cv,
                "error_cv": self._naive.error_cv,
            },
        )

    def run(self) -> SweepResult:
        """Do what is left to do, and close the parent run whatever happens."""
        with self._workers() as workers:
            if self._is_unfinished and starts_at_once(self._spec, self._dataset.training):
                # They load their libraries while the store is opened and the baseline trained.
                workers.executor()
            return self._in_the_parent_run(workers, self._search)

    def select(self) -> SweepResult:
        """Choose the champion of the trials that have ended; no further trial is asked."""
        with self._workers() as workers:
            return self._in_the_parent_run(workers, lambda workers, outbox: None)

    @contextlib.contextmanager
    def _workers(self) -> Iterator[Workers]:
        with contextlib.closing(
            Workers(self._spec, self._dataset.training, self._journal.folder)
        ) as workers:
            yield workers

    @property
    def _is_unfinished(self) -> bool:
        journal = self._journal
        return len(journal.results) < self._spec.search.trials or bool(journal.in_flight)

    def _in_the_parent_run(self, workers: Workers, search_first: _Phase) -> SweepResult:
        state: State | None = None
        with Outbox(make_tracker(self._spec.tracking.uri)) as outbox:
            outbox.start(plan(self._spec, self._path, self._dataset, self._journal))
            try:
                result = self._search_and_crown(workers, outbox, search_first)
                state = State.COMPLETE
            # What is no `Exception` is an interruption, whose state is None.
            except Exception:
                state = State.FAILED
                raise
            finally:
                outbox.finish(state)
                unsent = (
                    outbox.deliver(PATIENCE_S)
                    if state is State.COMPLETE
                    else outbox.drain(timeout_s=5.0)
                )
            return replace(result, unsent=unsent, trouble=outbox.problem or "")

    def _search_and_crown(
        self, workers: Workers, outbox: Outbox, search_first: _Phase
    ) -> SweepResult:
        for result in self._journal.results.values():
            outbox.record(result, self._name(result))
        judge = self._judge
        search_first(workers, outbox)
        if workers.summary:
            outbox.annotate(None, tags={"sweepspot.workers": workers.summary})
        diagnosis = judge.all(self._journal.results.values())
        self._publish(diagnosis, outbox)
        # While workers train the finalists, the driver would only wait.
        with _meanwhile(partial(self._draw_and_measure, diagnosis, outbox)) as flattered:
            outcome = self._crown(workers, outbox, diagnosis)
        ledger = AdviceLedger(self._journal.folder.parent / ADVICE_LEDGER)
        verified = self._verify(ledger, workers, diagnosis, outbox)
        # The system takes its time to take back what the workers held.
        with _meanwhile(workers.close):
            advice = advise(
                self._spec, self._journal.results, diagnosis, repeats=self._journal.repeats
            )
            ended = SweepResult(
                name=self._spec.name,
                frame=as_frame(self._journal.results, diagnosis),
                diagnosis=diagnosis,
                outcome=outcome,
                report=self._journal.folder / REPORT,
                target=self._spec.select.register_as,
                answers=tuple(ledger.answers()),
                verified=verified,
                findings=advice.present,
                optimism=flattered(),
                advice=f"sweepspot next {self._path}" if self._path else "",
            )
            self._tell(ended, outbox)
        return ended

    def _tell(self, ended: SweepResult, outbox: Outbox) -> None:
        """Write the report and the outcome, and send them."""
        note = sweep_note(
            ended.diagnosis,
            ended.outcome.because,
            _again(self._path),
            details=ended.champion_lines[1:],
            limits=limits_note(_told(ended), str(ended.optimism or "")),
        )
        report = self._write_report(ended)
        _write_json(self._journal.folder / OUTCOME, ended.to_record())
        outbox.annotate(None, tags=_parent_tags(ended), description=note, files={REPORT: report})

    def _crown(self, workers: Workers, outbox: Outbox, diagnosis: Diagnosis) -> Outcome:
        return Crowning(
            self._spec,
            self._dataset,
            self._journal,
            baselines=Baselines(naive=self._naive.cv_losses, algorithm=self._algorithm),
            ledger=TestLedger(self._journal.folder.parent / TEST_LEDGER),
            store=outbox,
            say=self._watcher.say,
        ).run(workers.executor, diagnosis)

    def _verify(
        self, ledger: AdviceLedger, workers: Workers, diagnosis: Diagnosis, outbox: Outbox
    ) -> dict[int, Answer]:
        """Verify the advice of the best trials, and put every answer on its trial's page."""
        verified = verify_best(
            self._spec,
            self._dataset,
            self._journal,
            diagnosis,
            naive=self._naive,
            ledger=ledger,
            executor=workers.executor,
            say=self._watcher.say,
        )
        for number, answer in verified.items():
            note = f"{trial_note(diagnosis[run_id(number)])}\n\n{advice_note(answer)}"
            outbox.annotate(number, tags=advice_tags(answer), description=note)
        return verified

    def _write_report(self, ended: SweepResult) -> Path:
        return write_report(
            ended.report,
            name=self._spec.name,
            results=self._journal.results,
            diagnosis=ended.diagnosis,
            space=self._spec.points,
            selection=ended.outcome.selection,
            champion=ended.champion.number if ended.champion else None,
            champion_lines=ended.champion_lines,
            facts=preview(self._spec, self._dataset).facts,
            go_on=_again(self._path),
            answers=ended.answers,
            verified=ended.verified,
            limits=_told(ended),
            optimism=str(ended.optimism or ""),
            advice=ended.advice,
        )

    def _search(self, workers: Workers, outbox: Outbox) -> None:
        spec, journal = self._spec, self._journal
        if not self._is_unfinished:
            return
        self._watcher.say("loading TensorFlow")
        executor = workers.executor()
        if spec.search.engine == "keras_tuner":
            # It imports TensorFlow too, and would not do it quietly.
            load_tensorflow()
        engine = make_engine(
            spec.search, spec.points, epochs=spec.train.epochs, study_name=spec.name
        )
        replay(engine, journal)
        self._judge.recall(journal.results.values())
        limit = spec.search.timeout
        # The driver needs it for the champion only.
        with _meanwhile(load_tensorflow):
            search(
                engine,
                executor,
                journal,
                hear=lambda result: self._hear(result, outbox),
                trials=spec.search.trials,
                deadline=time.monotonic() + limit if limit else None,
            )
        self._watcher.say(f"workers: {executor.summary}")

    def _hear(self, result: TrialResult, outbox: Outbox) -> None:
        outbox.record(result, self._name(result))
        verdict = self._judge.provisional(result)
        self._watcher.ended(result, verdict, len(self._journal.results), self._spec.search.trials)

    def _publish(self, diagnosis: Diagnosis, outbox: Outbox) -> None:
        """Give every trial its final verdict."""
        for number in self._journal.results:
            verdict = diagnosis[run_id(number)]
            outbox.annotate(
                number,
                tags={
                    "sweepspot.label": str(verdict.label),
                    "sweepspot.reason": verdict.reason,
                    "sweepspot.engine": self._spec.search.engine,
                },
                metrics=shares(verdict),
                description=trial_note(verdict),
            )

    def _draw_and_measure(self, diagnosis: Diagnosis, outbox: Outbox) -> Optimism | None:
        """Do what needs the trials alone and takes time: pictures, and the best one's optimism."""
        self._paint(diagnosis, outbox)
        return sweep_optimism(self._journal.results, self._journal.losses)

    def _paint(self, diagnosis: Diagnosis, outbox: Outbox) -> None:
        """Draw the curves of the trials worth a look."""
        # Matplotlib takes a third of a second, which workers would start later.
        from sweepspot.report.curves import CurvePainter, pictured  # noqa: PLC0415

        painter = CurvePainter()
        for number in pictured(self._journal.results, diagnosis):
            result, verdict = self._journal.results[number], diagnosis[run_id(number)]
            picture = self._journal.folder / "curves" / f"{number:05d}.png"
            painter.save(result, verdict, diagnosis.frontier, picture)
            outbox.annotate(number, files={"learning_curve.png": picture})

    def _name(self, result: TrialResult) -> str:
        return run_name(result.number, result.trial.params, self._spec.model)

    @cached_property
    def _judge(self) -> Judge:
        """Judges the trials, once the baselines are measured."""
        return Judge(
            self._spec,
            J_naive=self._naive.J_cv,
            algorithm=self._algorithm.measured() if self._algorithm else None,
            losses=self._journal.stored_losses,
            error_naive=self._naive.error_cv,
        )


_Phase = Callable[[Workers, Outbox], None]
_Found = TypeVar("_Found")


@contextlib.contextmanager
def _meanwhile(work: Callable[[], _Found]) -> Iterator[Callable[[], _Found]]:
    """Do something in a thread, ended when the block is; what it raises is raised there."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        yield doing.result
        doing.result()


def _parent_tags(result: SweepResult) -> dict[str, str]:
    champion = result.champion
    return {
        "sweepspot.label": str(result.diagnosis.sweep.label),
        "sweepspot.reason": result.diagnosis.sweep.reason,
        "sweepspot.champion": run_id(champion.number) if champion else "none",
        "sweepspot.champion_reason": result.outcome.because,
        "sweepspot.outcome": result.outcome.status,
    }


def _told(result: SweepResult) -> list[tuple[str, str, str]]:
    return [(limit.code, limit.title, limit.because) for limit in result.findings]


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write a file that is whole whenever somebody reads it."""
    half = path.with_suffix(".part")
    half.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    half.replace(path)


def _again(path: Path | None) -> str:
    return f"sweepspot run {path}" if path else "sweep.run()"
