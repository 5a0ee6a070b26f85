"""Bounds of a mean difference, from rows drawn anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_GROUPS", "Floats", "bounds"]

PARTS = 20
"""The draws are made in parts, of 8 MB each."""

MOST_GROUPS = 2_000
"""More rows are drawn in groups of equal size, whose means scatter as those of rows do."""

Floats = npt.NDArray[np.floating[Any]]


def bounds(differences: Floats, confidence: float, seed: int, draws: int) -> tuple[float, float]:
    """Return one-sided bounds of the true mean, each of this confidence.

    Args:
        differences: One for each row; rows are taken as independent.
        confidence: Of each bound by itself.
        seed: Of the draws.
        draws: Of the bootstrap, a multiple of 20.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), 13, on percentiles.

    Example:
        >>> low, high = bounds(np.array([-1.0, -1.0, -1.0]), 0.95, seed=0, draws=100)
        >>> low, high
        (-1.0, -1.0)
    """
    rng = np.random.default_rng(seed)
    values = np.asarray(differences, dtype=np.float64)
    if len(values) > MOST_GROUPS:
        whole = len(values) // MOST_GROUPS * MOST_GROUPS
        values = rng.permutation(values)[:whole].reshape(MOST_GROUPS, -1).mean(axis=1)
    n = len(values)
    drawn = np.concatenate(
        [values[rng.integers(n, size=(draws // PARTS, n))].mean(axis=1) for _ in range(PARTS)]
    )
    low, high = np.quantile(drawn, (1 - confidence, confidence))
    return float(low), float(high)
