"""Optimism: by how much the best of many trials flatters itself on the rows that chose it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import reduce
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweepspot.diagnosis import Interval
from sweepspot.diagnosis.sampling import resample_counts
from sweepspot.errors import SpecError
from sweepspot.trial import Losses, State, TrialResult

__all__ = ["Optimism", "optimism", "sweep_optimism"]

MIN_ROWS = 20
"""With fewer rows a draw may leave none out."""

DRAWS = 400
"""Bootstrap draws: 20 of them lie beyond each end of a 90 % interval."""

MOST_TRIALS = 1000
"""Trials of a sweep that are read, the lowest J_cv first: the others hardly win a draw."""

LEAST_ERROR = 0.1
"""Share of its standard error below which that of a draw counts as this share: a draw without the
few bad rows of a good model has an error near 0, and dividing by it says nothing."""

# Bounds the memory: 64 x 10,000 losses are 5 MB in float64.
_BLOCK = 64

_Vector = npt.NDArray[np.float64]
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

    The losses of at most 1,000 trials are read, those of lowest J_cv, and 64 at a time are held:
    5 MB with 10,000 rows. Of 10,000 trials that are equally good the others would win 3 draws in
    100, so the optimism found is lower by 2 %; where trials differ they win fewer.

    Args:
        results: Of the sweep, by number; those complete at full fidelity count.
        losses: Reads the per-example values of a result.

    Returns:
        None with fewer than two trials, or too few rows.
    """
    full = max((r.trial.epochs for r in results.values()), default=0)
    complete = [r for r in results.values() if r.state is State.COMPLETE and r.trial.epochs == full]
    ranked = sorted(
        (r for r in complete if r.J_cv is not None and np.isfinite(r.J_cv)),
        key=lambda r: (r.J_cv, r.number),
    )
    kept = (losses(r) for r in ranked[:MOST_TRIALS])
    rows = (k.cv for k in kept if k is not None and np.isfinite(k.cv).all())
    two = list(islice(rows, 2))
    if len(two) < 2 or len(two[0]) < MIN_ROWS:
        return None
    n_rows = len(two[0])
    found, n_trials = _measure(chain(two, rows), n_rows, draws=DRAWS, coverage=0.9, seed=0)
    return Optimism(J=found, n_trials=n_trials + len(ranked[MOST_TRIALS:]), n_rows=n_rows)


def optimism(
    cv_losses: npt.NDArray[np.floating[Any]],
    *,
    draws: int = DRAWS,
    coverage: float = 0.9,
    seed: int = 0,
) -> Interval:
    """Return how far the true J of the best trial is expected to lie above its J_cv.

    In each bootstrap draw of the cv rows the best trial on the drawn rows is measured on those
    left out; the optimism is the mean difference. A mean over a draw of n rows scatters as that
    over about n / 2 different rows, by sqrt(2) more than J_cv does, and choosing the least of many
    flatters by that much more; so the mean difference is divided by the exact ratio. That is
    unbiased for trials that are equally good, and errs upwards where some are clearly better.

    The interval is for the difference of this sweep's winner, its luck with these rows included.
    Its lower end is the spread over draws, brought to the scatter of a mean over the n rows in the
    same way, and stretched by the t-quantile at the degrees of freedom that the kurtosis of the
    winner's losses leaves its variance. The upper end is that, or the one of the bootstrap-t where
    it is higher: losses are skewed, and a winner whose few bad rows were not drawn has a low J_cv
    and a small spread at once.

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
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), 12.5 on the bootstrap-t and
        17.7 on rows left out. Satterthwaite, Biometrics Bulletin 2 (1946), on degrees of freedom
        from the variance of a variance. Cawley and Talbot, On Over-fitting in Model Selection,
        JMLR 11 (2010).

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
    rows = (losses[k] for k in finite)
    return _measure(rows, losses.shape[1], draws=draws, coverage=coverage, seed=seed)[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Picked:
    """The best trial in each draw, `(draws,)` each, and the one over all rows.

    Attributes:
        inside: Its mean loss on the drawn rows.
        outside: On the rows left out.
        whole: On all rows.
        variance: Of its losses on the drawn rows.
        winner: `(n_rows,)`, the losses of the best trial over all rows.
        n_trials: How many were looked at.
    """

    inside: _Vector
    outside: _Vector
    whole: _Vector
    variance: _Vector
    winner: _Vector
    n_trials: int


_BY_DRAW = [f.name for f in fields(_Picked) if f.name not in ("winner", "n_trials")]


def _measure(
    rows: Iterable[npt.NDArray[np.floating[Any]]],
    n_rows: int,
    *,
    draws: int,
    coverage: float,
    seed: int,
) -> tuple[Interval, int]:
    """Return the optimism of the best of these trials, each given once, and their number."""
    drawn, left_out = _weights(resample_counts(n_rows, draws, np.random.default_rng(seed)))
    picked = reduce(_better, (_pick(block, drawn, left_out) for block in _blocks(rows)))
    differences = picked.outside - picked.inside
    mean = float(differences.mean())
    value = mean / _scatter(drawn)
    tail = (1 - coverage) / 2
    ends = np.quantile(differences - mean, (tail, 1 - tail)) / _scatter(drawn - left_out)
    low, high = value + _stretch(picked.winner, tail) * ends
    high = max(high, _bootstrap_t(picked, value, 1 - tail))
    return Interval(value=value, low=float(low), high=float(high)), picked.n_trials


def _weights(counts: _Counts) -> tuple[_Counts, _Counts]:
    """Return the share of each row in the mean of the drawn rows, and in that of those left out."""
    out = (counts == 0).astype(np.float32)
    return counts, out / out.sum(axis=1, keepdims=True)


def _scatter(weights: _Counts) -> float:
    """Return how many times more such a weighted mean scatters than the mean over all rows."""
    squares = np.square(weights, dtype=np.float64).sum(axis=1)
    return float(np.sqrt(weights.shape[1] * squares.mean()))


def _stretch(losses: _Vector, tail: float) -> float:
    """Return how much wider than a normal interval one is whose variance is as ill known."""
    n, square = len(losses), np.square(losses - losses.mean())
    variance = float(square.mean())
    if variance == 0:
        return 1.0
    # The variance of a variance is (kurtosis - 1) / n of its square; of a chi-square, 2 / freedom.
    excess = float(np.square(square / variance).mean()) - 1
    freedom = 2 * n / max(excess, 2 * n / (n - 1))
    return float(stats.t.ppf(1 - tail, freedom) / stats.norm.ppf(1 - tail))


def _bootstrap_t(picked: _Picked, value: float, share: float) -> float:
    """Return this quantile of the optimism, from that of optimism in standard errors."""
    n = len(picked.winner)
    error = float(picked.winner.std(ddof=1)) / np.sqrt(n)
    if error == 0:
        return value
    shift = picked.whole - picked.inside
    errors = np.sqrt(picked.variance / (n - 1))
    in_errors = (shift - shift.mean() + value) / np.maximum(errors, LEAST_ERROR * error)
    return float(error * np.quantile(in_errors, share))


def _blocks(rows: Iterable[npt.NDArray[np.floating[Any]]]) -> Iterator[_Vector]:
    each = iter(rows)
    while block := list(islice(each, _BLOCK)):
        yield np.stack(block).astype(np.float64)


def _pick(losses: _Vector, drawn: _Counts, left_out: _Counts) -> _Picked:
    """Return which of some trials is the best in each draw."""
    # A product in float32 keeps its digits when the constant part is taken out first.
    center = losses.mean(axis=1)
    block = (losses - center[:, None]).astype(np.float32)
    shift = (block @ drawn.T).astype(np.float64)
    inside = center[:, None] + shift
    best, each = inside.argmin(axis=0), np.arange(len(drawn))
    squares = (np.square(block) @ drawn.T)[best, each]
    return _Picked(
        inside=inside[best, each],
        outside=center[best] + (block @ left_out.T)[best, each],
        whole=center[best],
        variance=np.maximum(squares - np.square(shift[best, each]), 0.0),
        winner=losses[center.argmin()],
        n_trials=len(losses),
    )


def _better(one: _Picked, other: _Picked) -> _Picked:
    """Return the better of two in each draw; of equals the first."""
    take = other.inside < one.inside
    return _Picked(
        **{name: np.where(take, getattr(other, name), getattr(one, name)) for name in _BY_DRAW},
        winner=other.winner if other.winner.mean() < one.winner.mean() else one.winner,
        n_trials=one.n_trials + other.n_trials,
    )
