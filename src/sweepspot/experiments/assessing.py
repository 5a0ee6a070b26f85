"""Assessing: from the runs of an experiment to groups of labelled rows, and their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweepspot.diagnosis import Label, SweepVerdict, Verdict
from sweepspot.diagnosis.history import diagnose_histories
from sweepspot.diagnosis.logged import History
from sweepspot.experiments.curves import history_of
from sweepspot.experiments.grouping import Group, group_runs
from sweepspot.experiments.pairs import Pair, find_pair, stated_pair
from sweepspot.experiments.records import ACTIVE, FINISHED, LoggedRun
from sweepspot.experiments.store import ExperimentStore

__all__ = ["Assessed", "AssessedGroup", "AssessedRun", "assess_experiment", "write_labels"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AssessedRun:
    """A run with its label.

    Attributes:
        run: As logged.
        J_train: The train loss that was looked at, None if there is none.
        J_cv: The validation loss that was looked at.
        verdict: Its label and why.
        evidence: `history` where the label is from logged metrics; `losses` where a sweep of ours
            has given it, from the losses of each example.
    """

    run: LoggedRun
    J_train: float | None
    J_cv: float | None
    verdict: Verdict
    evidence: str

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, strings and numbers."""
        return {
            "run_id": self.run.id,
            "run_name": self.run.name,
            "status": self.run.status,
            "J_train": self.J_train,
            "J_cv": self.J_cv,
            "evidence": self.evidence,
            **self.verdict.to_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class AssessedGroup:
    """Runs that were compared with one another.

    Attributes:
        by: What they have in common.
        pair: Their metrics, None if they have no pair.
        verdict: About all of them.
        runs: The best J_cv first, those without a number last.
    """

    by: str
    pair: Pair | None
    verdict: SweepVerdict
    runs: tuple[AssessedRun, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, strings and numbers."""
        pair = self.pair
        return {
            "by": self.by,
            "metrics": {"train": pair.train, "cv": pair.cv, "clean": pair.clean} if pair else None,
            "verdict": self.verdict.to_json(),
            "runs": [run.to_json() for run in self.runs],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessed:
    """What an experiment's runs show.

    Attributes:
        experiment: Its name.
        groups: Those with the most runs first.
        left_out: How many runs are no training of their own, by what they are.
    """

    experiment: str
    groups: tuple[AssessedGroup, ...]
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, strings and numbers."""
        return {
            "experiment": self.experiment,
            "left_out": dict(self.left_out),
            "groups": [group.to_json() for group in self.groups],
        }


def assess_experiment(
    store: ExperimentStore,
    experiment: str,
    *,
    train_metric: str | None = None,
    cv_metric: str | None = None,
    J_naive: float | None = None,
) -> Assessed:
    """Label the runs of an experiment, as far as what was logged allows; nothing is written.

    Args:
        store: Where they are.
        experiment: Its name.
        train_metric: The train loss, where the built-in names do not fit.
        cv_metric: The validation loss; both or none.
        J_naive: The validation loss of the best constant predictor, if known.

    Raises:
        SpecError: There is no such experiment, it is empty, or no run has the named metrics.
        TrackingError: The store does not answer.
    """
    logged = store.runs(experiment)
    stated = stated_pair(train_metric, cv_metric, logged)
    pairs = {run.id: find_pair(run, stated) for run in logged}
    runs, left_out = _trainings(logged, pairs)
    histories = _histories(store, runs, pairs)
    by_id = {run.id: run for run in runs}
    groups = [_assess(group, by_id, histories, J_naive) for group in group_runs(runs, pairs)]
    groups.sort(key=lambda group: (group.pair is None, -len(group.runs)))
    return Assessed(experiment=experiment, groups=tuple(groups), left_out=left_out)


def write_labels(store: ExperimentStore, assessed: Assessed) -> tuple[int, int]:
    """Write label, reason and `sweepspot.evidence=history` as tags of the runs.

    Runs of our own sweeps keep what their sweep says of them, and runs that have not ended get
    nothing. What a run has already is not written again.

    Returns:
        How many runs were written to, and how many had these very tags.

    Raises:
        TrackingError: The store refuses, or does not answer.
    """
    written = same = 0
    for row in (row for group in assessed.groups for row in group.runs):
        run = row.run
        if row.evidence != "history" or run.kind or run.status in ACTIVE:
            continue
        tags = {
            "sweepspot.label": str(row.verdict.label),
            "sweepspot.reason": row.verdict.reason,
            "sweepspot.evidence": "history",
        }
        if all(run.tags.get(name) == value for name, value in tags.items()):
            same += 1
        else:
            store.write_tags(run.id, tags)
            written += 1
    return written, same


def _trainings(
    logged: Sequence[LoggedRun], pairs: Mapping[str, Pair | str]
) -> tuple[list[LoggedRun], Mapping[str, int]]:
    """Leave out runs that only hold others, and repeats of finalists."""
    parents = {run.tags.get("mlflow.parentRunId") for run in logged}
    kept, left_out = list[LoggedRun](), Counter[str]()
    for run in logged:
        if run.kind == "repeat":
            left_out["repeats of finalists"] += 1
        elif run.kind == "sweep" or (run.id in parents and isinstance(pairs[run.id], str)):
            left_out["parent runs"] += 1
        else:
            kept.append(run)
    return kept, left_out


def _histories(
    store: ExperimentStore, runs: Sequence[LoggedRun], pairs: Mapping[str, Pair | str]
) -> dict[str, History]:
    """Return each run as evidence; the curves of those that ended are read together."""
    names = {run.id: _curve_names(pair) for run in runs if isinstance(pair := pairs[run.id], Pair)}
    curves = store.curves(
        [(run.id, name) for run in runs if run.status == FINISHED for name in names.get(run.id, ())]
    )
    histories = {}
    for run in runs:
        train, cv = (curves.get((run.id, name), ()) for name in names.get(run.id, ("", "")))
        histories[run.id] = history_of(run, pairs[run.id], train, cv)
    return histories


def _curve_names(pair: Pair) -> tuple[str, str]:
    return (f"curve/{pair.train}", f"curve/{pair.cv}") if pair.clean else (pair.train, pair.cv)


def _assess(
    group: Group,
    by_id: Mapping[str, LoggedRun],
    histories: Mapping[str, History],
    J_naive: float | None,
) -> AssessedGroup:
    chosen = {run: histories[run] for run in group.runs}
    diagnosis = diagnose_histories(chosen, J_naive=J_naive)
    rows = [_row(by_id[run], chosen[run], diagnosis[run], group.pair) for run in group.runs]
    rows.sort(key=_rank)
    counts = dict(Counter(str(row.verdict.label) for row in rows))
    verdict = replace(diagnosis.sweep, labels=counts)
    return AssessedGroup(by=group.by, pair=group.pair, verdict=verdict, runs=tuple(rows))


def _row(run: LoggedRun, history: History, verdict: Verdict, pair: Pair | None) -> AssessedRun:
    evidence = "history"
    if run.kind == "trial" and run.has_own_verdict:
        label = Label(run.tags["sweepspot.label"])
        verdict = Verdict(label=label, reason=run.tags.get("sweepspot.reason", ""))
        evidence = "losses"
    logged = (run.metrics.get(pair.train), run.metrics.get(pair.cv)) if pair else (None, None)
    return AssessedRun(
        run=run,
        J_train=logged[0] if history.J_train is None else history.J_train,
        J_cv=logged[1] if history.J_cv is None else history.J_cv,
        verdict=verdict,
        evidence=evidence,
    )


def _rank(row: AssessedRun) -> tuple[bool, float]:
    known = row.J_cv is not None and row.J_cv == row.J_cv
    return not known, row.J_cv if known and row.J_cv is not None else 0.0
