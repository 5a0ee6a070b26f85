"""A sweep from file to champion: the driver that owns the study, the journal and the tracker."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import pandas as pd

from sweepspot.crowning import Champion, Crowning, Outcome
from sweepspot.datasets import Dataset, load_dataset
from sweepspot.datasets.baselines import algorithm, naive
from sweepspot.diagnosis import Diagnosis, Verdict
from sweepspot.engines import make_engine
from sweepspot.errors import SweepspotError
from sweepspot.executors import make_executor
from sweepspot.journal import Journal
from sweepspot.judging import Judge
from sweepspot.ledger import TestLedger
from sweepspot.loop import replay, search
from sweepspot.preview import Preview, preview, run_name, with_space
from sweepspot.protocols import Executor
from sweepspot.provenance import check_fingerprint, plan
from sweepspot.report.curves import CurvePainter
from sweepspot.report.html import write_report
from sweepspot.report.notes import shares, sweep_note, trial_note
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import parse_spec, read_spec
from sweepspot.tracking import make_tracker
from sweepspot.tracking.outbox import Outbox
from sweepspot.trial import State, TrialResult, run_id

__all__ = ["Sweep", "SweepResult", "Watcher"]

HOME = Path("mlruns")
"""Where sweeps keep what they remember, in the working directory."""

PATIENCE_S = {True: 30.0, False: 5.0}
"""How long a store that is away is waited for: at the end of a sweep, after an interruption."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        name: Of the sweep.
        frame: A row a trial: number, state, label, J_train, J_cv, gap, errors, size, times, reason,
            and a column `params.<name>` for each hyperparameter.
        diagnosis: The verdict of each trial, by `#007`, and of the sweep.
        outcome: The champion or none, and why.
        report: The report, one self-contained HTML page.
        target: The name in the registry that the champion is meant for, None for none.
        unsent: Calls that the tracking store has not taken yet; the next run sends them.
        trouble: What the store last refused or failed to answer, one line.
    """

    name: str
    frame: pd.DataFrame
    diagnosis: Diagnosis
    outcome: Outcome
    report: Path
    target: str | None = None
    unsent: int = 0
    trouble: str = ""

    @property
    def champion(self) -> Champion | None:
        """The one selected, or None."""
        return self.outcome.champion

    @property
    def champion_lines(self) -> tuple[str, ...]:
        """The champion for people, a line a fact."""
        champion = self.champion
        if champion is None:
            return (f"champion  none: {self.outcome.because}",)
        lines = [
            f"champion  {self.outcome.because}",
            f"scores    J_cv {champion.J_cv:.4f}, error {champion.error_cv:.4g}; "
            f"on the test split J {champion.J_test:.4f}, error {champion.error_test:.4g}",
        ]
        if champion.test_openings > 1:
            lines.append(
                f"warning   this test split was opened {champion.test_openings} times by now, "
                "so its score flatters a little more each time"
            )
        if self.outcome.warning:
            lines.append(f"warning   {self.outcome.warning}")
        where = f"models:/{self.target}@champion" if champion.registered else champion.folder
        return (*lines, f"model     {where}")

    def to_json(self) -> dict[str, Any]:
        """Return what automation reads, as JSON values."""
        return {
            "sweep": self.name,
            "trials": len(self.frame),
            "states": self.frame["state"].value_counts().to_dict() if len(self.frame) else {},
            "verdict": self.diagnosis.sweep.to_json(),
            "champion": self.champion.to_json() if self.champion else None,
            "because": self.outcome.because,
            "report": str(self.report),
            "unsent": self.unsent,
        }


class Sweep:
    """One sweep: its declaration and the folder that its paths are relative to.

    Example:
        >>> sweep = Sweep(
        ...     name="quick",
        ...     data={"source": "sklearn:iris"},
        ...     space={"units": {"int": [4, 32]}},
        ...     search={"trials": 5},
        ... )
        >>> sweep.spec.search.trials
        5
    """

    def __init__(self, spec: SweepSpec | None = None, **keys: Any) -> None:
        """Declare a sweep by the keys of a sweep file.

        Args:
            spec: An already checked declaration; then no keys.
            **keys: As in a sweep file; the dimensions may be `Float`, `Int` and `Choice`.

        Raises:
            SpecError: Anything is wrong; all problems are in it.
        """
        self.spec = spec or parse_spec(keys)
        self.path: Path | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a sweep file.

        Raises:
            SpecError: Anything is wrong with it; each problem with its line.
        """
        sweep = cls(read_spec(Path(path)))
        sweep.path = Path(path)
        return sweep

    def preview(self) -> Preview:
        """Load the data and say what the sweep will do, without TensorFlow.

        Raises:
            SpecError: The data cannot be used.
        """
        return preview(with_space(self.spec), self._dataset())

    def run(self, watcher: Watcher | None = None, *, fresh: bool = False) -> SweepResult:
        """Run the sweep, or go on with it, or show again what came of it.

        Args:
            watcher: Is shown the sweep while it runs.
            fresh: Whether to begin anew; what is journaled of a sweep of this name is set aside as
                `mlruns/<name>.before`.

        Raises:
            SpecError: The data cannot be used, or the journal is of a different sweep.
            TrialError: Trials keep failing for one reason.
            TrackingError: The tracking store cannot be used at all.
        """
        self.spec = with_space(self.spec)
        dataset = self._dataset()
        folder = HOME / self.spec.name
        if fresh and folder.exists():
            _set_aside(folder)
        with Journal(folder) as journal:
            check_fingerprint(self.spec, dataset, journal)
            watching = watcher or Nobody()
            shown = preview(self.spec, dataset)
            watching.planned(shown.name, shown.facts, shown.notes)
            return _Driver(self, dataset, journal, watching).run()

    def _dataset(self) -> Dataset:
        folder = self.path.parent if self.path else Path()
        return load_dataset(self.spec.data, task=self.spec.task, folder=folder)


class _Driver:
    """One run of a sweep's driver, from the journal as it is to the sweep's end."""

    def __init__(self, sweep: Sweep, dataset: Dataset, journal: Journal, watcher: Watcher) -> None:
        self._spec = sweep.spec
        self._path = sweep.path
        self._dataset = dataset
        self._journal = journal
        self._watcher = watcher
        self._naive = naive(dataset.training)
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
        self._algorithm = self._competitor()
        self._judge = Judge(
            self._spec,
            J_naive=self._naive.J_cv,
            algorithm=self._algorithm,
            losses=journal.losses,
        )

    def run(self) -> SweepResult:
        """Do what is left to do, and close the parent run whatever happens."""
        state: State | None = None
        with Outbox(make_tracker(self._spec.tracking.uri)) as outbox:
            outbox.start(plan(self._spec, self._path, self._dataset, self._journal))
            try:
                result = self._search_and_crown(outbox)
                state = State.COMPLETE
            except SweepspotError:
                state = State.FAILED
                raise
            finally:
                outbox.finish(state)
                unsent = outbox.drain(timeout_s=PATIENCE_S[state is State.COMPLETE])
            return replace(result, unsent=unsent, trouble=outbox.problem or "")

    def _search_and_crown(self, outbox: Outbox) -> SweepResult:
        workers = _Workers(self._spec, self._dataset, self._journal.folder)
        with contextlib.closing(workers):
            for result in self._journal.results.values():
                outbox.record(result, self._name(result))
            self._search(workers, outbox)
            diagnosis = self._judge.all(self._journal.results.values())
            self._publish(diagnosis, outbox)
            outcome = Crowning(
                self._spec,
                self._dataset,
                self._journal,
                naive=self._naive,
                algorithm=self._algorithm,
                ledger=TestLedger(HOME / "test_ledger.jsonl"),
                record=outbox.record,
                store=outbox.register,
                say=self._watcher.say,
            ).run(workers.executor, diagnosis)
        ended = SweepResult(
            name=self._spec.name,
            frame=as_frame(self._journal.results, diagnosis),
            diagnosis=diagnosis,
            outcome=outcome,
            report=self._journal.folder / "report.html",
            target=self._spec.select.register_as,
        )
        note = sweep_note(
            diagnosis, outcome.because, "; ".join(ended.champion_lines[1:]), _again(self._path)
        )
        report = self._write_report(ended)
        outbox.annotate(
            None, tags=_parent_tags(ended), description=note, files={"report.html": report}
        )
        return ended

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
        )

    def _search(self, workers: _Workers, outbox: Outbox) -> None:
        spec, journal = self._spec, self._journal
        if len(journal.results) >= spec.search.trials and not journal.in_flight:
            return
        self._watcher.say("loading TensorFlow")
        # Before the engine: Keras Tuner imports TensorFlow too, and would not do it quietly.
        executor = workers.executor()
        engine = make_engine(
            spec.search, spec.points, epochs=spec.train.epochs, study_name=spec.name
        )
        replay(engine, journal)
        limit = spec.search.timeout
        search(
            engine,
            executor,
            journal,
            hear=lambda result: self._hear(result, outbox),
            trials=spec.search.trials,
            deadline=time.monotonic() + limit if limit else None,
        )

    def _hear(self, result: TrialResult, outbox: Outbox) -> None:
        outbox.record(result, self._name(result))
        verdict = self._judge.provisional(result)
        self._watcher.ended(result, verdict, len(self._journal.results), self._spec.search.trials)

    def _publish(self, diagnosis: Diagnosis, outbox: Outbox) -> None:
        """Give every trial its final verdict and its picture, once for each verdict."""
        painter = CurvePainter()
        for number, result in self._journal.results.items():
            verdict = diagnosis[run_id(number)]
            picture = self._journal.folder / "curves" / f"{number:05d}.png"
            painter.save(result, verdict, diagnosis.frontier, picture)
            outbox.annotate(
                number,
                tags={
                    "sweepspot.label": str(verdict.label),
                    "sweepspot.reason": verdict.reason,
                    "sweepspot.engine": self._spec.search.engine,
                },
                metrics=shares(verdict),
                description=trial_note(verdict),
                files={"learning_curve.png": picture},
            )

    def _name(self, result: TrialResult) -> str:
        return run_name(result.number, result.trial.params, self._spec.model)

    def _competitor(self) -> tuple[float, float] | None:
        """Return J_train and J_cv of the competing algorithm, trained once for each journal."""
        stated = self._spec.baseline
        tabular = len(self._dataset.training.input_shape) == 1
        has_target = stated.target_error is not None or stated.target_J is not None
        if stated.algorithm is None and (has_target or not tabular):
            return None
        if "algorithm" not in self._journal.notes:
            self._watcher.say("training hist_gradient_boosting on the same rows, as a baseline")
            measured = algorithm(
                self._dataset.training, "hist_gradient_boosting", self._spec.search.seed
            )
            self._journal.note("algorithm", [measured.J_train, measured.J_cv])
        J_train, J_cv = self._journal.notes["algorithm"]
        return J_train, J_cv


class _Workers:
    """The executor of a sweep, made when something is first trained: TensorFlow is slow to load."""

    def __init__(self, spec: SweepSpec, dataset: Dataset, folder: Path) -> None:
        self._spec = spec
        self._dataset = dataset
        self._folder = folder
        self._made: Executor | None = None

    def executor(self) -> Executor:
        """Return the one executor."""
        if self._made is None:
            self._made = make_executor(self._spec, self._dataset.training, self._folder)
        return self._made

    def close(self) -> None:
        """End its workers, if it was ever made."""
        if self._made is not None:
            self._made.close()


MEASURES = ("J_train", "J_cv", "gap", "error_train", "error_cv")


def as_frame(results: Mapping[int, TrialResult], diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the table of a sweep, a row a trial, in the order of their numbers."""
    rows = []
    for number, result in sorted(results.items()):
        verdict = diagnosis[run_id(number)]
        gap = None
        if result.J_cv is not None and result.J_train is not None:
            gap = result.J_cv - result.J_train
        rows.append(
            {
                "number": number,
                "state": result.state.value,
                "label": str(verdict.label),
                "J_train": result.J_train,
                "J_cv": result.J_cv,
                "gap": gap,
                "error_train": result.error_train,
                "error_cv": result.error_cv,
                "n_weights": result.n_weights,
                "epochs": result.epochs,
                "elapsed_s": result.elapsed_s,
                "trainer": result.trainer,
                "reason": verdict.reason,
                **{f"params.{name}": value for name, value in result.trial.params.items()},
            }
        )
    # Where no trial was measured the columns would hold objects.
    return pd.DataFrame(rows).astype(dict.fromkeys(MEASURES, float) if rows else {})


def _parent_tags(result: SweepResult) -> dict[str, str]:
    champion = result.champion
    return {
        "sweepspot.label": str(result.diagnosis.sweep.label),
        "sweepspot.reason": result.diagnosis.sweep.reason,
        "sweepspot.champion": f"#{champion.number:03d}" if champion else "none",
        "sweepspot.champion_reason": result.outcome.because,
    }


def _again(path: Path | None) -> str:
    return f"sweepspot run {path}" if path else "sweep.run()"


def _set_aside(folder: Path) -> None:
    """Put what a sweep remembers into `<name>.before`, while no other driver is at it."""
    Journal(folder).close()
    before = folder.with_name(f"{folder.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    folder.rename(before)
