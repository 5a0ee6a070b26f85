"""Edges: whether the best trials lie at one, so that better ones may lie beyond it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scipy import stats

from sweepspot.advice.facts import BEST, MIN_TRIALS, Facts, Range, position
from sweepspot.advice.records import Limit, Side
from sweepspot.diagnosis import Status
from sweepspot.space import Int, describe

__all__ = ["best_at_edge"]

ZONE = 0.15
"""The share of a range, on its own scale, that counts as its edge; at least one whole number.

Origin: simulated, decision 0060; next steps call the same share near an edge.
"""

CHANCE = 0.035
"""How rarely as many of the best may lie there by chance: three of five in 15 % of a range, all
five in a half of it. Origin: as `ZONE`; with the best one among them it is 1.7 % a side."""

_CODE, _NAME = "D201", "best at an edge"


def best_at_edge(facts: Facts) -> Iterator[Limit]:
    """D201: more of the best trials lie in the outer part of a range than chance puts there.

    Judged on the best few that have the dimension: present when the very best one is among those
    at the edge, and so many of them would rarely lie there if the dimension did not matter (a
    binomial tail). Assumes that values were drawn evenly on the range's own scale; a sampler that
    learns gathers its trials, so that there it happens more often.
    """
    for name, dimension in facts.ranges.items():
        having = facts.having(name, facts.ranked)
        if len(having) < MIN_TRIALS:
            yield Limit(
                code=_CODE,
                name=_NAME,
                status=Status.UNKNOWN,
                because=f"{len(having)} comparable trials have {name}, {MIN_TRIALS} needed",
                dimension=name,
            )
            continue
        values = [float(r.trial.params[name]) for r in having[:BEST]]
        yield from (_at(name, dimension, values, side) for side in ("low", "high"))


def _at(name: str, dimension: Range, values: Sequence[float], side: Side) -> Limit:
    at_edge = [_is_at(dimension, value, side) for value in values]
    share = _zone(dimension, side)
    chance = float(stats.binom.sf(sum(at_edge) - 1, len(values), share))
    present = at_edge[0] and chance <= CHANCE
    words = {"low": "lowest", "high": "highest"}[side]
    return Limit(
        code=_CODE,
        name=_NAME,
        status=Status.PRESENT if present else Status.ABSENT,
        because=(
            f"{sum(at_edge)} of the best {len(values)} have {name} in the {words} "
            f"{share:.0%} of {describe(dimension)}; the best has {values[0]:.4g}"
        ),
        numbers={
            "at_edge": sum(at_edge),
            "of": len(values),
            "share": share,
            "chance": chance,
            "best": values[0],
            "edge": float(getattr(dimension, side)),
        },
        dimension=name,
        side=side,
    )


def _is_at(dimension: Range, value: float, side: Side) -> bool:
    outward = position(dimension, value) if side == "high" else 1 - position(dimension, value)
    return value == getattr(dimension, side) or outward >= 1 - ZONE


def _zone(dimension: Range, side: Side) -> float:
    """Return the share of the range that the values counted as its edge take up."""
    if not isinstance(dimension, Int):
        return ZONE
    half = dimension.step / 2
    inside = [float(v) for v in dimension.values if _is_at(dimension, float(v), side)]
    place = position(dimension, min(inside) - half if side == "high" else max(inside) + half)
    return 1 - place if side == "high" else place
