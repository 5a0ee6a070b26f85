"""Moves of edges: how far, and to where a setting still makes sense."""

from __future__ import annotations

import math

from sweepspot.advice.facts import Range
from sweepspot.advice.records import Side
from sweepspot.networks import FAMILIES, Setting, setting
from sweepspot.space import Int

__all__ = ["limits", "opened"]

FACTOR = 3.0
"""A logarithmic edge moves by this factor: that of the measured moves of single values."""

MOST_DROPOUT = 0.8
"""Beyond it next to nothing is left of a layer; the measured moves end there too."""


def limits(model: str, name: str, dimension: Range) -> tuple[float, float]:
    """Return the least and the greatest value that a hyperparameter can sensibly have.

    A model of the user's own has no table; there a name that a built-in family knows means the
    same, and any other keeps the sign that its range has.

    Example:
        >>> from sweepspot.space import Float
        >>> limits("mlp", "dropout", Float(0.0, 0.5))
        (0.0, 0.8)
    """
    known = _known(model, name)
    if known is None:
        low, high = (0.0 if dimension.low >= 0 else -math.inf), math.inf
    else:
        low, high = float(known.low), float(known.high)
    return low, min(high, MOST_DROPOUT) if "dropout" in name else high


def _known(model: str, name: str) -> Setting | None:
    families = (model,) if model in FAMILIES else tuple(FAMILIES)
    found = (setting(family, name) for family in families)
    return next((one for one in found if one is not None), None)


def opened(dimension: Range, side: Side, bounds: tuple[float, float]) -> Range | None:
    """Return a range with one edge moved outwards: by a factor, or by its width where linear.

    Args:
        dimension: The range.
        side: Which edge.
        bounds: Beyond these it does not move.

    Returns:
        None when the edge cannot move.

    Example:
        >>> opened(Int(16, 256, log=True), "high", (1, 65536)).edges
        (16, 768)
        >>> opened(Int(1, 3), "low", (1, 64)) is None
        True
    """
    low, high = dimension.low, dimension.high
    if side == "high":
        high = _rounded(dimension, min(_beyond(dimension, side), bounds[1]))
    else:
        low = _on_grid(dimension, max(_beyond(dimension, side), bounds[0]))
    if low >= dimension.low and high <= dimension.high:
        return None
    return dimension.model_copy(update={"edges": (low, high)})


def _beyond(dimension: Range, side: Side) -> float:
    low, high = dimension.low, dimension.high
    if dimension.log:
        return high * FACTOR if side == "high" else low / FACTOR
    return high + (high - low) if side == "high" else low - (high - low)


def _on_grid(dimension: Range, low: float) -> float:
    """Return a low edge from which the steps still meet the values that there were."""
    if dimension.log or dimension.step is None:
        return _rounded(dimension, low)
    # Inwards, so as to stay within the bounds; the slack is for 0.30000000000000004.
    steps = math.floor((dimension.low - low) / dimension.step * (1 + 1e-9))
    return _rounded(dimension, dimension.low - steps * dimension.step)


def _rounded(dimension: Range, edge: float) -> float:
    if isinstance(dimension, Int):
        return max(round(edge), 1) if dimension.log else round(edge)
    return float(f"{edge:.3g}")
