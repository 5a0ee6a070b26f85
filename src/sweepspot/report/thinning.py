"""Which trials a report draws: all of a small sweep, the best and a fair sample of a large one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from sweepspot.trial import TrialResult

__all__ = ["DRAWN", "drawn", "ranked", "thinning_note"]

DRAWN = 1000
"""How many trials a page draws: decision 0056."""


def ranked(results: Mapping[int, TrialResult]) -> list[int]:
    """Return the numbers by J_cv, the lowest first and those without one last."""
    return sorted(results, key=lambda number: (_rank(results[number]), number))


def drawn(
    results: Mapping[int, TrialResult], always: Iterable[int] = ()
) -> Mapping[int, TrialResult]:
    """Choose the trials that a page draws: the best half of it, and the others evenly by rank.

    Args:
        results: Of the sweep, by number.
        always: Numbers that may not be missing: the finalists.

    Returns:
        All of at most `DRAWN` results, else about so many, in the order of `results`.
    """
    if len(results) <= DRAWN:
        return results
    by_rank = ranked(results)
    best, others = by_rank[: DRAWN // 2], by_rank[DRAWN // 2 :]
    places = np.linspace(0, len(others) - 1, DRAWN - len(best)).round().astype(int)
    chosen = {*best, *(others[k] for k in places), *always}
    return {number: result for number, result in results.items() if number in chosen}


def thinning_note(n_drawn: int, n_trials: int) -> str:
    """Say what is not drawn, an empty string where everything is."""
    if n_drawn == n_trials:
        return ""
    return (
        f"This page draws {n_drawn:,} of {n_trials:,} trials: the {DRAWN // 2} with the lowest "
        "J_cv, the finalists, and an even sample of the others by rank. Counts and verdicts are "
        "of all trials; each of them is in MLflow and in result.frame."
    )


def _rank(result: TrialResult) -> float:
    return math.inf if result.J_cv is None or math.isnan(result.J_cv) else result.J_cv
