"""Failures: how many trials failed or diverged, and in which part of the space."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy import stats

from sweepspot.advice.facts import MIN_TRIALS, Facts, Range, position, value_at
from sweepspot.advice.records import Limit, Side
from sweepspot.diagnosis import Status
from sweepspot.space import Choice, Int, Value
from sweepspot.trial import State

__all__ = ["failing_region", "failures"]

CONFIDENCE = 0.05
"""How rarely failures without any pattern may yield a region, over all the regions looked at."""

MAJORITY = 0.5
"""A region is named when more than this share of its trials failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """One side of a dimension, or one option of a choice.

    Attributes:
        dimension: Its name.
        side: Which side of `value`; None for an option.
        value: The last value outside the region, or the option that is the region.
        failed: How many trials in it failed.
        trials: How many trials are in it.
        chance: How often as many failures would fall into it if they fell anywhere alike.
        has_best: Whether one of the best trials is in it.
    """

    dimension: str
    side: Side | None
    value: Value
    failed: int
    trials: int
    chance: float
    has_best: bool


def failures(facts: Facts) -> Limit:
    """D205: a large share of the trials failed or diverged (`criteria.failed_share`)."""
    code, name = "D205", "failed trials"
    ended = [r for r in facts.results.values() if r.state is not State.PRUNED]
    if not ended:
        return Limit(code=code, name=name, status=Status.UNKNOWN, because="no trial has ended")
    share = len(facts.broken) / len(ended)
    because = f"{len(facts.broken)} of {len(ended)} trials failed or diverged"
    reasons = Counter(r.reason.split(":")[0] for r in facts.broken if r.reason)
    if reasons:
        reason, count = reasons.most_common(1)[0]
        because += f", {count} of them: {reason}"
    large = share > 0 and share >= facts.criteria.failed_share
    return Limit(
        code=code,
        name=name,
        status=Status.PRESENT if large else Status.ABSENT,
        because=because,
        numbers={"failed": len(facts.broken), "trials": len(ended), "share": share},
    )


def failing_region(facts: Facts) -> Limit:
    """D206: one side of a dimension, or one option, in which most trials failed or diverged.

    Every threshold of every dimension is looked at, and the one of the least chance is kept: that
    of a hypergeometric tail (Fisher's exact test, one-sided), times the number of thresholds
    (Bonferroni). A region with one of the best trials in it is never named. Assumes that trials
    fail independently of one another, given where they are.
    """
    code, name = "D206", "failing region"
    broken, whole = facts.broken, facts.ranked
    if not broken:
        return Limit(code=code, name=name, status=Status.ABSENT, because="no trial failed")
    if len(broken) + len(whole) < MIN_TRIALS or not whole:
        because = f"{len(broken)} trials failed and {len(whole)} did not, too few to tell where"
        return Limit(code=code, name=name, status=Status.UNKNOWN, because=because)
    regions = list(_regions(facts))
    named = [r for r in regions if r.failed > MAJORITY * r.trials and not r.has_best]
    best = min(named, key=lambda r: (r.chance, r.trials), default=None)
    if best is None or best.chance * len(regions) > CONFIDENCE:
        because = f"{len(broken)} trials failed, in no part of the space more than elsewhere"
        return Limit(code=code, name=name, status=Status.ABSENT, because=because)
    return Limit(
        code=code,
        name=name,
        status=Status.PRESENT,
        because=_words(best, len(broken), len(broken) + len(whole)),
        numbers={
            "failed": best.failed,
            "trials": best.trials,
            "failed_elsewhere": len(broken) - best.failed,
            "trials_elsewhere": len(broken) + len(whole) - best.trials,
            "chance": min(1.0, best.chance * len(regions)),
        },
        dimension=best.dimension,
        side=best.side,
        value=best.value,
    )


def _words(region: Region, failed: int, trials: int) -> str:
    where = {"high": "above ", "low": "below ", None: ""}[region.side]
    value = f"{region.value:.4g}" if isinstance(region.value, float) else str(region.value)
    return (
        f"{region.failed} of {region.trials} trials with {region.dimension} {where}{value} failed "
        f"or diverged, {failed - region.failed} of {trials - region.trials} elsewhere"
    )


def _regions(facts: Facts) -> Iterator[Region]:
    best = {r.number for r in facts.best}
    for name, dimension in facts.space.dimensions.items():
        having = facts.having(name, [*facts.broken, *facts.ranked])
        marks = [
            _Mark(r.trial.params[name], failed=facts.is_broken(r), is_best=r.number in best)
            for r in having
        ]
        if isinstance(dimension, Choice):
            yield from (
                _region(marks, [m for m in marks if m.value == option], name, None, option)
                for option in dimension.options
            )
        elif name in facts.ranges:
            yield from _sides(marks, name, dimension)


@dataclass(frozen=True, slots=True)
class _Mark:
    value: Value
    failed: bool
    is_best: bool


def _sides(marks: Sequence[_Mark], name: str, dimension: Range) -> Iterator[Region]:
    values = sorted({float(m.value) for m in marks})
    for below, above in pairwise(values):
        high = [m for m in marks if float(m.value) >= above]
        yield _region(marks, high, name, "high", _between(dimension, below, above))
        low = [m for m in marks if float(m.value) <= below]
        yield _region(marks, low, name, "low", _between(dimension, above, below))


def _between(dimension: Range, outside: float, inside: float) -> Value:
    """Return the last value outside a region: between two trials, or the whole number there was."""
    if isinstance(dimension, Int):
        return int(outside)
    if dimension.step is not None:
        return outside
    middle = (position(dimension, outside) + position(dimension, inside)) / 2
    rounded = float(f"{value_at(dimension, middle):.2g}")
    return rounded if min(outside, inside) < rounded < max(outside, inside) else outside


def _region(
    marks: Sequence[_Mark],
    members: Iterable[_Mark],
    name: str,
    side: Side | None,
    value: Value,
) -> Region:
    inside = list(members)
    failed = sum(m.failed for m in inside)
    all_failed = sum(m.failed for m in marks)
    chance = stats.hypergeom.sf(failed - 1, len(marks), all_failed, len(inside))
    return Region(
        dimension=name,
        side=side,
        value=value,
        failed=failed,
        trials=len(inside),
        chance=float(chance) if math.isfinite(chance) else 1.0,
        has_best=any(m.is_best for m in inside),
    )
