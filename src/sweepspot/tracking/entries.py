"""What is written about a trial, the same in every store: parameters, points, tags, status."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sweepspot.protocols import Plan, RegisteredModel
from sweepspot.trial import State, TrialResult

__all__ = [
    "Point",
    "changes",
    "cut",
    "ended_ms",
    "fingerprint",
    "finite",
    "params",
    "parent_tags",
    "points",
    "started_ms",
    "status",
    "trial_tags",
]

_LONGEST_TAG = 8000
_LONGEST_PARAM = 6000


class Point(NamedTuple):
    """One value of a metric.

    Attributes:
        key: `J_cv`, or `curve/J_cv` for a value by epoch.
        value: Finite or NaN.
        timestamp_ms: Derived from the result, so that writing it again changes nothing.
        step: Epochs completed for a curve, 0 for a value of the whole trial.
    """

    key: str
    value: float
    timestamp_ms: int
    step: int


def status(state: State | None) -> str:
    """Return the run status of a state; None is an interrupted sweep."""
    if state is State.COMPLETE:
        return "FINISHED"
    return "FAILED" if state is State.FAILED else "KILLED"


def started_ms(result: TrialResult) -> int:
    """Return the start of a trial in milliseconds since 1970."""
    return round(1000 * result.started_s)


def ended_ms(result: TrialResult) -> int:
    """Return the end of a trial in milliseconds since 1970."""
    return started_ms(result) + round(1000 * result.elapsed_s)


def params(values: Mapping[str, object]) -> dict[str, str]:
    """Write a flat mapping as parameters, long values cut."""
    return {name: cut(str(value), _LONGEST_PARAM) for name, value in values.items()}


def points(result: TrialResult) -> list[Point]:
    """Return every number of a trial.

    Final values have plain names, because tables and plots of runs show the latest value of each
    metric; curves have names of their own.
    """
    end = ended_ms(result)
    finals = [Point(key, finite(value), end, 0) for key, value in _finals(result)]
    return [*_curve_points(result), *finals]


def finite(value: float) -> float:
    """Return a number that every store can hold: infinity, which MLflow turns to 1.8e308, is NaN.

    Example:
        >>> finite(float("inf")), finite(0.5)
        (nan, 0.5)
    """
    return math.nan if math.isinf(value) else float(value)


def changes(now: Mapping[str, float], wanted: Mapping[str, float]) -> list[Point]:
    """Return the points that bring a run's metrics from what they are to what they should be.

    A store calls the newest of two values of one step the latest, so a changed value needs the
    time of its change; what has not changed is not written again.
    """
    stamp = round(1000 * time.time())
    return [
        Point(key, finite(value), stamp, 0)
        for key, value in wanted.items()
        if key not in now or not _same(now[key], finite(value))
    ]


def fingerprint(model: RegisteredModel) -> str:
    """Return a hash of everything that a model is made of, its files' contents included."""
    parts = [repr((list(model.columns), model.output, list(model.requirements))).encode()]
    files = [model.code, *(path for _, path in sorted(model.artifacts.items()))]
    digest = hashlib.sha256()
    for part in [*parts, *(path.read_bytes() for path in files)]:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def parent_tags(plan: Plan) -> dict[str, str]:
    """Return the tags of a sweep's own run."""
    own = {"sweepspot.kind": "sweep", "sweepspot.sweep": plan.sweep}
    return _cut_all({**plan.tags, **own})


def trial_tags(result: TrialResult, plan: Plan) -> dict[str, str]:
    """Return the tags of a trial's run, or of a repeat's."""
    repeat = result.trial.repeat
    which = (
        {"sweepspot.repeat": str(repeat)} if repeat else {"sweepspot.number": str(result.number)}
    )
    tags = {
        "sweepspot.kind": "repeat" if repeat else "trial",
        "sweepspot.sweep": plan.sweep,
        "sweepspot.engine": plan.tags.get("sweepspot.engine", ""),
        "sweepspot.state": str(result.state),
        "sweepspot.trainer": result.trainer,
        "sweepspot.trainer_reason": result.trainer_reason,
        "sweepspot.reason": result.reason or "",
        "sweepspot.seed": str(result.trial.seed),
    }
    return _cut_all({**which, **{key: value for key, value in tags.items() if value}})


def cut(text: str, longest: int = _LONGEST_TAG) -> str:
    """Shorten a text to what a store takes.

    Example:
        >>> cut("a long story", 8)
        'a long …'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _cut_all(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: cut(value) for key, value in tags.items()}


def _finals(result: TrialResult) -> Iterator[tuple[str, float]]:
    measured = {
        "J_train": result.J_train,
        "J_cv": result.J_cv,
        "error_train": result.error_train,
        "error_cv": result.error_cv,
    }
    if result.J_train is not None and result.J_cv is not None:
        measured["gap"] = result.J_cv - result.J_train
    yield from ((key, value) for key, value in measured.items() if value is not None)
    yield "epochs", result.epochs
    yield "elapsed_s", result.elapsed_s
    yield "train_s", result.train_s
    if result.best_epoch:
        yield "best_epoch", result.best_epoch
    if result.n_weights:
        yield "n_weights", result.n_weights


def _curve_points(result: TrialResult) -> list[Point]:
    curve = result.curve
    start, length = started_ms(result), max(1, len(curve.steps))
    # When each epoch ended is not kept; evenly spread is near enough for a time axis.
    stamps = [start + round(1000 * result.elapsed_s * (k + 1) / length) for k in range(length)]
    return [
        Point(key, finite(J), stamp, step)
        for key, values in (("curve/J_train", curve.J_train), ("curve/J_cv", curve.J_cv))
        for J, stamp, step in zip(values, stamps, curve.steps, strict=False)
    ]
