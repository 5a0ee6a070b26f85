"""Optimism: by how much the best of many trials flatters itself on the rows that chose it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sweepspot.diagnosis import Interval
from sweepspot.diagnosis.sampling import resample_counts
from sweepspot.errors import SpecError
from sweepspot.trial import Losses, State, TrialResult

__all__ = ["Optimism", "optimism", "sweep_optimism"]

MIN_ROWS = 20
"""With fewer rows a draw may leave none out."""

# Bounds the memory: 64 x 10,000 losses are 5 MB in float64.
_BLOCK = 64

_Draws = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimism:
    """By how much the best trial of one sweep flatters itself.

    Attributes:
        J: Its true J minus its J_cv, as expected, with a 90 % interval.
        n_trials: Trials that it is the best of.
        n_rows: Cross-validation rows that chose it.
    """

    J: Interval
    n_trials: int
    n_rows: int

    def __str__(self) -> str:
        return (
            f"picking the best of {self.n_trials} on these {self.n_rows:,} rows flatters its J_cv "
            f"by about {self.J.value:.2g} ({self.J.low:.2g} to {self.J.high:.2g}); early stopping "
            "on the same rows is a further part, not measured"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the optimism as JSON values."""
        return {
            "value": self.J.value,
            "low": self.J.low,
            "high": self.J.high,
            "trials": self.n_trials,
            "rows": self.n_rows,
        }


def sweep_optimism(
    results: Mapping[int, TrialResult], losses: Callable[[TrialResult], Losses | None]
) -> Optimism | None:
    """Measure the optimism of a sweep's best trial.

    Args:
        results: Of the sweep, by number; those complete at full fidelity count.
        losses: Reads the per-example values of a result.

    Returns:
        None with fewer than two trials, or too few rows.
    """
    full = max((r.trial.epochs for r in results.values()), default=0)
    complete = [r for r in results.values() if r.state is State.COMPLETE and r.trial.epochs == full]
    rows = [kept.cv for r in complete if (kept := losses(r)) is not None]
    finite = [cv for cv in rows if np.isfinite(cv).all()]
    if len(finite) < 2 or len(finite[0]) < MIN_ROWS:
        return None
    found = optimism(np.stack(finite))
    return Optimism(J=found, n_trials=len(finite), n_rows=len(finite[0]))


def optimism(
    cv_losses: npt.NDArray[np.floating[Any]],
    *,
    draws: int = 200,
    coverage: float = 0.9,
    seed: int = 0,
) -> Interval:
    """Return how far the true J of the best trial is expected to lie above its J_cv.

    In each bootstrap draw of the cv rows the best trial on the drawn rows is measured on those
    left out; the optimism is the mean difference. A mean over a draw of n rows scatters as that
    over about n / 2 different rows, by sqrt(2) more than J_cv does, and choosing the least of many
    flatters by that much more; so the mean difference is divided by the exact ratio. That is
    unbiased for trials that are equally good, and errs upwards where some are clearly better. The
    interval is for the difference of this sweep's winner, its luck with these rows included: the
    spread over draws, brought to the scatter of a mean over the n rows in the same way.

    Assumes independent rows. Early stopping on the same rows is a further part of the optimism: it
    is inside every trial's losses, so it is not measured here.

    Args:
        cv_losses: `(trials, n_cv)`, the same rows for every trial; a trial with a loss that is not
            finite is never the best.
        draws: Bootstrap draws.
        coverage: The probability that the interval covers.
        seed: Of the draws.

    Raises:
        SpecError: There are too few rows, or no trial is finite.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), 17.7 on rows left out.
        Cawley and Talbot, On Over-fitting in Model Selection, JMLR 11 (2010).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> equal = rng.normal(1.0, 0.5, size=(100, 400))
        >>> round(optimism(equal).value, 2)
        0.06
    """
    losses = np.asarray(cv_losses)
    if losses.ndim != 2 or losses.shape[1] < MIN_ROWS:
        raise SpecError(
            f"cv_losses: must be trials x at least {MIN_ROWS} rows, got {losses.shape}; "
            "pass the losses of every trial on the same rows"
        )
    finite = np.flatnonzero(np.isfinite(losses).all(axis=1))
    if not len(finite):
        raise SpecError("cv_losses: must hold a trial of finite losses, got none; leave them out")
    counts = resample_counts(losses.shape[1], draws, np.random.default_rng(seed))
    drawn, left_out = _weights(counts)
    inside, outside = _means(losses, finite, drawn, left_out)
    best = inside.argmin(axis=0)
    differences = outside[best, np.arange(draws)] - inside[best, np.arange(draws)]
    mean = float(differences.mean())
    value = mean / _scatter(drawn)
    tail = (1 - coverage) / 2
    low, high = np.quantile(differences - mean, (tail, 1 - tail)) / _scatter(drawn - left_out)
    return Interval(value=value, low=value + float(low), high=value + float(high))


def _weights(counts: _Counts) -> tuple[_Counts, _Counts]:
    """Return the share of each row in the mean of the drawn rows, and in that of those left out."""
    out = (counts == 0).astype(np.float32)
    return counts, out / out.sum(axis=1, keepdims=True)


def _scatter(weights: _Counts) -> float:
    """Return how many times more such a weighted mean scatters than the mean over all rows."""
    squares = np.square(weights, dtype=np.float64).sum(axis=1)
    return float(np.sqrt(weights.shape[1] * squares.mean()))


def _means(
    losses: npt.NDArray[np.floating[Any]],
    rows: npt.NDArray[np.intp],
    drawn: _Counts,
    left_out: _Counts,
) -> tuple[_Draws, _Draws]:
    """Return J of some trials on both parts of each draw, `(trials, draws)` each."""
    inside, outside = np.empty((len(rows), len(drawn))), np.empty((len(rows), len(drawn)))
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        block = losses[rows[part]].astype(np.float64)
        # A product in float32 keeps its digits when the constant part is taken out first.
        center = block.mean(axis=1, keepdims=True)
        block = (block - center).astype(np.float32)
        inside[part] = center + block @ drawn.T
        outside[part] = center + block @ left_out.T
    return inside, outside
