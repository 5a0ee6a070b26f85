"""Resampling: how far each run is from a reference, once as measured and once for each draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sweepspot.diagnosis.evidence import Vector
from sweepspot.diagnosis.records import Interval

__all__ = [
    "Floats",
    "Side",
    "blocks",
    "interval",
    "intervals",
    "resample_counts",
    "side_from_means",
    "side_from_rows",
]

Floats = npt.NDArray[np.float64]

# Bounds the memory of the loop over runs: 64 x 10,000 losses are 5 MB in float64.
_BLOCK = 64

# Of runs whose draws are worked on at once: 512 x 400 of them are 1.6 MB, at each step of the work.
_RUNS = 512


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Side:
    """One split (train or cv) of all runs, beside one reference measured on the same rows.

    Attributes:
        value: `(runs,)`, mean of the run minus that of the reference.
        draws: `(runs, draws)`, the same in each bootstrap draw.
        reference: Mean of the reference.
        reference_draws: `(draws,)`, the same in each draw.
    """

    value: Floats
    draws: Floats
    reference: float
    reference_draws: Floats

    @property
    def mean(self) -> Floats:
        """`(runs,)`, the mean of each run itself."""
        return self.value + self.reference

    @property
    def mean_draws(self) -> Floats:
        """`(runs, draws)`, the mean of each run itself in each draw."""
        return self.draws + self.reference_draws

    def part(self, rows: slice) -> Side:
        """Return the same of some of the runs, without a copy."""
        return replace(self, value=self.value[rows], draws=self.draws[rows])


def blocks(n_runs: int) -> Iterator[slice]:
    """Yield the runs in parts, for what takes several times the memory of their draws.

    Example:
        >>> [(rows.start, rows.stop) for rows in blocks(600)]
        [(0, 512), (512, 600)]
    """
    for start in range(0, n_runs, _RUNS):
        yield slice(start, min(start + _RUNS, n_runs))


def resample_counts(n_rows: int, draws: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return the share of each row in each bootstrap draw, `(draws, n_rows)`.

    Rows are drawn with replacement (Efron 1979), so counts are multinomial; one matrix serves
    every run of a call, which is what pairs them.

    Example:
        >>> counts = resample_counts(4, 2, np.random.default_rng(0))
        >>> counts.sum(axis=1).tolist()
        [1.0, 1.0]
    """
    rows = rng.integers(0, n_rows, size=(draws, n_rows))
    rows += np.arange(draws)[:, None] * n_rows
    counts = np.bincount(rows.ravel(), minlength=draws * n_rows).reshape(draws, n_rows)
    return (counts / n_rows).astype(np.float32)


def side_from_rows(
    losses: Sequence[Vector], reference: Floats, counts: npt.NDArray[np.float32]
) -> Side:
    """Compare runs with a reference example by example.

    Differences are taken in float64 before the product in float32, so a constant that all losses
    share does not cost digits.

    Args:
        losses: One vector `(n_rows,)` for each run.
        reference: `(n_rows,)`, the losses of the reference.
        counts: `(draws, n_rows)` from `resample_counts`.
    """
    values, draws = np.empty(len(losses)), np.empty((len(losses), len(counts)))
    for start in range(0, len(losses), _BLOCK):
        block = np.array([np.asarray(row, np.float64) for row in losses[start : start + _BLOCK]])
        block -= reference
        rows = slice(start, start + len(block))
        values[rows] = block.mean(axis=1)
        draws[rows] = block.astype(np.float32) @ counts.T
    mean = float(reference.mean())
    return Side(
        value=values,
        draws=draws,
        reference=mean,
        reference_draws=mean + (counts @ (reference - mean)).astype(np.float64),
    )


def side_from_means(means: Floats, errors: Floats, weights: Floats, noise: Floats) -> Side:
    """Compare runs with a weighted mean of runs, where only means and standard errors are known.

    The errors of runs are taken as independent and normal. Runs on the same rows err together, so
    the intervals are wider than those of per-example losses.

    Args:
        means: `(runs,)`.
        errors: `(runs,)`, their standard errors.
        weights: `(runs,)`, the reference as a mean of runs.
        noise: `(runs, draws)` standard normal.
    """
    draws = means[:, None] + errors[:, None] * noise
    reference, reference_draws = float(weights @ means), weights @ draws
    return Side(
        value=means - reference,
        draws=draws - reference_draws,
        reference=reference,
        reference_draws=reference_draws,
    )


def intervals(values: Floats, draws: Floats, quantiles: tuple[float, float]) -> list[Interval]:
    """Return a percentile interval for each row of `draws`."""
    ordered = np.sort(draws, axis=-1)
    low, high = (_quantile(ordered, q) for q in quantiles)
    return [
        Interval(value=float(v), low=float(a), high=float(b))
        for v, a, b in zip(values, low, high, strict=True)
    ]


def interval(value: float, draws: Floats, quantiles: tuple[float, float]) -> Interval:
    """Return the percentile interval of one number.

    Example:
        >>> interval(0.5, np.linspace(0, 1, 101), (0.25, 0.75))
        Interval(value=0.5, low=0.25, high=0.75)
    """
    return intervals(np.array([value]), draws[None], quantiles)[0]


def _quantile(ordered: Floats, q: float) -> Floats:
    """Return what `np.quantile` does along the last axis, a tenth of whose time is computing.

    Sorted values are at hand for both ends; a provisional verdict asks some fifty times.
    """
    at = q * (ordered.shape[-1] - 1)
    below = math.floor(at)
    a, b = ordered[..., below], ordered[..., min(below + 1, ordered.shape[-1] - 1)]
    part = at - below
    # As NumPy rounds: from the nearer end.
    found = a + (b - a) * part if part < 0.5 else b - (b - a) * (1 - part)
    # NaN is sorted last.
    return np.where(np.isnan(ordered[..., -1]), np.nan, found)
