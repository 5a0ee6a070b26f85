"""Curves: from the points of two metrics to what a diagnosis may look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sweepspot.diagnosis.logged import History
from sweepspot.experiments.pairs import Pair
from sweepspot.experiments.records import FINISHED, Curve, LoggedRun

__all__ = ["history_of"]

_MORE_OFTEN = 1.5


def history_of(run: LoggedRun, pair: Pair | str, train: Curve, cv: Curve) -> History:
    """Return a run as evidence.

    The latest values count: of the last epoch, or of the weights that early stopping restored
    where MLflow's TensorFlow autologging says so. A train loss that was logged more often than
    the validation loss is one batch's; its mean since the last validation counts.

    Args:
        run: As logged.
        pair: Its metrics, or why there are none.
        train: Every point of the train loss; empty where only the latest value is known.
        cv: The same of the validation loss.
    """
    if run.status != FINISHED:
        return History(obstacle=f"its state is {run.status}, not {FINISHED}")
    if isinstance(pair, str):
        return History(obstacle=pair)
    J_train, J_cv = run.metrics[pair.train], run.metrics[pair.cv]
    train, cv = _ordered(run, train), _ordered(run, cv)
    train_curve = tuple(point.value for point in train)
    if len(cv) > 0 and len(train) > max(_MORE_OFTEN * len(cv), len(cv) + 1):
        train_curve = _means_between(train, cv)
        J_train = train_curve[-1]
    return History(
        J_train=J_train,
        J_cv=J_cv,
        train_curve=train_curve,
        cv_curve=tuple(point.value for point in cv),
        clean=pair.clean,
    )


def _ordered(run: LoggedRun, points: Curve) -> Curve:
    """Return the epochs in order, without what was logged again for restored weights."""
    stopped = run.metrics.get("stopped_epoch")
    restored = stopped is not None and "restored_epoch" in run.metrics
    return tuple(sorted(p for p in points if not restored or p.step <= (stopped or 0)))


def _means_between(train: Curve, cv: Curve) -> tuple[float, ...]:
    """Return the mean train loss since the previous validation, for each validation."""
    by_step = len({point.step for point in train}) > 1 and len({point.step for point in cv}) > 1
    at = [point.step if by_step else point.timestamp_ms for point in train]
    ends = [point.step if by_step else point.timestamp_ms for point in cv]
    values = np.array([point.value for point in train])
    places = np.searchsorted(ends[:-1], at, side="left")
    return _filled([values[places == place] for place in range(len(cv))])


def _filled(parts: Sequence[np.ndarray[tuple[int], np.dtype[np.float64]]]) -> tuple[float, ...]:
    """Return the mean of each part, an empty one as the one before it."""
    means: list[float] = []
    for part in parts:
        means.append(float(part.mean()) if len(part) else means[-1] if means else float("nan"))
    return tuple(means)
