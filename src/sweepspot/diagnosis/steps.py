"""Next steps: what to try after a verdict, in the order in which it was measured to help."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from sweepspot.diagnosis.evidence import Evidence, Parameter
from sweepspot.diagnosis.labels import Doubt
from sweepspot.diagnosis.records import Label, NextStep

__all__ = ["Edges", "next_steps", "short", "words_of"]

Edges = Mapping[str, tuple[float, float, bool]]
"""The range of each hyperparameter: (low, high, whether its scale is logarithmic)."""

_MOVES = "31,000 single moves from the three best trials of sweeps on 7 tabular and image tasks"
_PAIRS = "180 MLP configurations re-trained on 3 data sets: share that lowered J"
_GAINS = "180 MLP configurations re-trained on 3 data sets: order by median gain"

# A proposal in the last 15 % of a range leaves no room to see whether more of it helps.
_NEAR_EDGE = 0.85

Kind = Literal["width", "depth", "learning_rate", "dropout", "l2", "epochs"]

_KINDS: tuple[tuple[Kind, str], ...] = (
    ("width", r"units|width|filters|neurons|hidden|channels"),
    ("depth", r"layers|depth|blocks"),
    ("learning_rate", r"learning_rate|lr"),
    ("dropout", r"dropout"),
    ("l2", r"l2|weight_decay"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Move:
    """A change of one hyperparameter.

    Attributes:
        kind: Which hyperparameter, None for a step outside the space.
        words: The step in words.
        factor: The value is multiplied by it.
        shift: Then this is added.
        origin: Where its share, or its place in the order, was measured.
    """

    words: str
    kind: Kind | None = None
    factor: float = 1.0
    shift: float = 0.0
    origin: str = _MOVES


_LESS_DROPOUT = _Move(words="less dropout", kind="dropout", shift=-0.2)
_MORE_DROPOUT = _Move(words="more dropout", kind="dropout", shift=0.2)
_MORE_L2 = _Move(words="more L2", kind="l2", factor=10.0)
_LESS_L2 = _Move(words="less L2", kind="l2", factor=0.1, origin=_GAINS)
_WIDER = _Move(words="a wider network", kind="width", factor=3.0)
_NARROWER = _Move(words="a narrower network", kind="width", factor=1 / 3)
_WIDER_STILL = replace(
    _WIDER, origin="runs that nearly interpolate, on 2 data sets: nearly all gained from it"
)
_DEEPER = _Move(words="a deeper network", kind="depth", shift=1.0)
_LOWER_RATE = _Move(words="a lower learning rate", kind="learning_rate", factor=1 / 3)
_HIGHER_RATE = _Move(words="a higher learning rate", kind="learning_rate", factor=3.0)
_MORE_DATA = _Move(words="more training data, at equal gradient steps", origin=_PAIRS)
_EARLY_STOP = _Move(words="early stopping", origin=_GAINS)
_LONGER = _Move(words="three times the epochs", kind="epochs", factor=3.0, origin=_PAIRS)
_AGAIN = _Move(words="train it again on fresh seeds: the best of many is flattered", origin="")
_MORE_ROWS = _Move(words="more cv rows or more seeds, to narrow the intervals", origin="")
_MORE_TRIALS = _Move(words="more trials: too few have converged to call one good", origin="")

# Moves with the share of cases in which they lowered J_cv. For high variance more data (.62 of the
# attainable range, by median) and early stopping (.40) come before any single move, and width
# (.10) comes last; single moves stand by their share.
_MOVES_OF: Mapping[Label, tuple[tuple[_Move, float | None], ...]] = {
    Label.HIGH_BIAS: (
        (_LESS_DROPOUT, 0.89),
        (_WIDER, 0.69),
        (_LOWER_RATE, 0.57),
        (_LESS_L2, None),
        (_DEEPER, 0.22),
    ),
    Label.HIGH_VARIANCE: (
        (_MORE_DATA, 0.97),
        (_EARLY_STOP, None),
        (_LOWER_RATE, 0.61),
        (_MORE_L2, 0.59),
        (_MORE_DROPOUT, 0.46),
        (_WIDER, 0.45),
        (_NARROWER, 0.41),
    ),
    Label.UNDER_TRAINED: (
        (_LONGER, 0.65),
        (_LESS_DROPOUT, 0.82),
        (_WIDER, 0.79),
        (_HIGHER_RATE, 0.32),
    ),
    Label.HIGH_BIAS_HIGH_VARIANCE: (
        (_MORE_DATA, None),
        (_WIDER, None),
        (_LOWER_RATE, None),
        (_MORE_L2, None),
    ),
    Label.GOOD_FIT: ((_AGAIN, None),),
    Label.INCONCLUSIVE: ((_MORE_ROWS, None),),
    Label.NOT_ASSESSED: (),
}
# No number of rows would name the gap of a run that interpolates: decision 0016.
_MOVES_OF_DOUBT: Mapping[Doubt | None, tuple[tuple[_Move, float | None], ...]] = {
    Doubt.FEW_RUNS: ((_MORE_TRIALS, None),),
    Doubt.INTERPOLATES: ((_WIDER_STILL, None),),
}
_DIVERGED = (
    (_Move(words="a lower learning rate", kind="learning_rate", factor=0.1, origin=""), None),
)


def next_steps(
    label: Label,
    evidence: Evidence,
    space: Edges | None,
    *,
    diverged: bool,
    doubt: Doubt | None = None,
) -> tuple[NextStep, ...]:
    """Return what to try, the most promising first.

    Args:
        label: The run's label.
        evidence: For its parameters: a step that changes none of them is in words alone.
        space: The range of each parameter; a proposal beyond an edge says how far to move it.
        diverged: Whether training blew up.
        doubt: What keeps it from having a label that says more.
    """
    moves = _DIVERGED if diverged else _MOVES_OF_DOUBT.get(doubt, _MOVES_OF[label])
    steps: list[NextStep] = []
    for move, hit_rate in moves:
        steps += _apply(move, hit_rate, evidence, space or {})
    return tuple(steps)


def words_of(label: Label) -> tuple[str, ...]:
    """Return the steps of a label in words, whatever a run's parameters are.

    Example:
        >>> words_of(Label.UNDER_TRAINED)[0]
        'three times the epochs'
    """
    return tuple(move.words for move, _ in _MOVES_OF[label])


def _apply(move: _Move, hit_rate: float | None, evidence: Evidence, space: Edges) -> list[NextStep]:
    if move.kind == "epochs" and evidence.epochs:
        return [_longer(move, hit_rate, evidence.epochs)]
    if move.kind in (None, "epochs") or not evidence.params:
        return [NextStep(text=move.words, hit_rate=hit_rate, origin=move.origin)]
    numbers = {
        name: value
        for name, value in evidence.params.items()
        if _kind(name) == move.kind
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    }
    return [
        NextStep(
            text=_words(name, value, proposed, _new_edge(move, proposed, space.get(name))),
            parameter=name,
            key=f"space.{name}",
            current=value,
            proposed=proposed,
            opposite=opposite if (opposite := _propose(_reversed(move), value)) != value else None,
            hit_rate=hit_rate,
            origin=move.origin,
        )
        for name, value in numbers.items()
        if (proposed := _propose(move, value)) != value
    ]


def _longer(move: _Move, hit_rate: float | None, epochs: int) -> NextStep:
    proposed = round(epochs * move.factor)
    return NextStep(
        text=f"epochs: {epochs} -> {proposed}",
        key="train.epochs",
        current=epochs,
        proposed=proposed,
        opposite=max(1, round(epochs / move.factor)),
        hit_rate=hit_rate,
        origin=move.origin,
    )


def _reversed(move: _Move) -> _Move:
    return replace(move, factor=1 / move.factor, shift=-move.shift)


@lru_cache(maxsize=4096)
def _kind(name: str) -> Kind | None:
    # "units_2" and "dense.units" are widths; "flr" is no learning rate.
    words = r"(?:^|[^a-z0-9])(?:{})(?:$|[^a-z])"
    return next((kind for kind, known in _KINDS if re.search(words.format(known), name)), None)


def _propose(move: _Move, value: float) -> float:
    """Return the value to try, whole where it was, within what the hyperparameter can be."""
    proposed = value * move.factor + move.shift
    if move.kind == "dropout":
        return round(min(max(proposed, 0.0), 0.8), 3)
    if move.kind == "l2" and value == 0:
        return 1e-4 if move.factor > 1 else 0.0
    if isinstance(value, int):
        return max(1, round(proposed))
    return float(f"{proposed:.3g}")


def _new_edge(
    move: _Move, proposed: float, edges: tuple[float, float, bool] | None
) -> tuple[str, float, float] | None:
    """Return which edge to move, from where and to where, when a proposal comes close to it."""
    if edges is None:
        return None
    low, high, log = edges
    upward = move.factor > 1 or move.shift > 0
    edge = high if upward else low
    if (
        _share_of_range(proposed, low, high, log) < _NEAR_EDGE
        if upward
        else (_share_of_range(proposed, low, high, log) > 1 - _NEAR_EDGE)
    ):
        return None
    moved = _propose(move, edge)
    return ("raise the upper" if upward else "lower the lower", edge, moved)


def _share_of_range(value: float, low: float, high: float, log: bool) -> float:  # noqa: FBT001
    if log and min(value, low) > 0:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low) if high > low else 0.5


def short(value: Parameter) -> str:
    """Write a value as people would: whole numbers whole, others with three digits.

    Example:
        >>> short(0.29998217), short(1250), short("adam")
        ('0.3', '1250', 'adam')
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _words(name: str, value: float, proposed: float, edge: tuple[str, float, float] | None) -> str:
    text = f"{name}: {short(value)} -> {short(proposed)}"
    if edge is None or edge[1] == edge[2]:
        return text
    return f"{text}, and {edge[0]} edge {edge[1]:g} -> {edge[2]:g}"
