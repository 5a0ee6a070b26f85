"""Whether a challenger takes the reigning champion's place: paired on the test rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sweepspot.crowning.bootstrap import Floats, bounds
from sweepspot.crowning.records import ChampionComparison

__all__ = ["DRAWS", "decided", "is_cheaper", "rival"]

ALPHA = 0.05
"""How often the first challenger may take the place by luck; the k-th opening gets a k-th of it."""

DRAWS = 10_000
"""Bootstrap draws: some fifty lie beyond the bound even at the tenth opening."""

CHEAPER = 0.9
"""A challenger of at most this share of the weights is clearly cheaper."""


def rival(
    challenger: Floats,
    champion: Floats,
    *,
    reigning: str,
    openings: int,
    margin: float,
    cheaper: bool | None,
    same_test: bool | None,
    seed: int,
) -> ChampionComparison:
    """Compare two models row by row, and decide.

    The challenger takes the place when it is shown to be better: the upper bound of its mean
    difference is below 0. With a margin it also does when it is clearly cheaper and shown to be
    worse by no more than that share of the champion's J. Each opening of a test split is one more
    chance to be lucky, so at the k-th the bounds have a confidence of 1 - 0.05 / k.

    Args:
        challenger: Loss of each test row, `(n_test,)`.
        champion: The same of the reigning champion.
        reigning: Its `name/version`.
        openings: How often this test split has been opened, this time included.
        margin: Share of the champion's J, 0 for none.
        cheaper: Whether the challenger is clearly cheaper, None when that is not known.
        same_test: Whether the champion was tested on these rows, None when not known.
        seed: Of the bootstrap.
    """
    differences = np.asarray(challenger, np.float64) - np.asarray(champion, np.float64)
    J_reigning = float(np.mean(champion, dtype=np.float64))
    confidence = 1 - ALPHA / max(1, openings)
    low, high = bounds(differences, confidence, seed, draws=DRAWS)
    comparison = ChampionComparison(
        reigning=reigning,
        difference=float(differences.mean()),
        low=low,
        high=high,
        confidence=confidence,
        J_reigning=J_reigning,
        J_challenger=float(np.mean(challenger, dtype=np.float64)),
        n_rows=len(differences),
        cheaper=cheaper,
        same_test=same_test,
        promotes=False,
    )
    return decided(comparison, margin=margin)


def decided(comparison: ChampionComparison, *, margin: float) -> ChampionComparison:
    """Return a comparison with the decision that a margin makes of its bounds.

    Args:
        comparison: Measured under whatever margin.
        margin: Share of the champion's J, 0 for none.
    """
    near = comparison.high <= margin * comparison.J_reigning
    promotes = comparison.high < 0 or bool(margin and comparison.cheaper and near)
    return replace(comparison, promotes=promotes)


def is_cheaper(n_weights: int, reigning: str | None) -> bool | None:
    """Tell whether a model has clearly fewer weights than its rival's tag says.

    Example:
        >>> is_cheaper(900, "1000"), is_cheaper(950, "1000"), is_cheaper(950, None)
        (True, False, None)
    """
    if reigning is None or not reigning.isdecimal():
        return None
    return n_weights <= CHEAPER * int(reigning)
