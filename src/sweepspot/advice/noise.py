"""Noise: how far J_cv moves by the seed alone, from finalists trained again on fresh seeds."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from scipy import stats

from sweepspot.advice.facts import Facts
from sweepspot.advice.records import Limit
from sweepspot.diagnosis import Interval, Status
from sweepspot.trial import State

__all__ = ["pooled_deviation", "seed_noise"]


def seed_noise(facts: Facts) -> Limit:
    """D209: the best few trials differ by less than J_cv moves from seed to seed.

    Two trainings of one point differ by more than 1.96 sqrt(2) standard deviations in 5 % of
    cases; the finding is present when the best few lie closer together than that. The sweep's own
    training of a finalist is left out: it was chosen for being low.
    """
    code, name = "D209", "seed noise"
    groups: dict[int, list[float]] = defaultdict(list)
    for (number, _), r in sorted(facts.repeats.items()):
        if r.state is State.COMPLETE and r.J_cv is not None and math.isfinite(r.J_cv):
            groups[number].append(r.J_cv)
    pooled = pooled_deviation(list(groups.values()), coverage=facts.criteria.coverage)
    if pooled is None:
        because = "no point was trained on two fresh seeds"
        return Limit(code=code, name=name, status=Status.UNKNOWN, because=because)
    deviation, degrees = pooled
    because = (
        f"by the seed alone J_cv has a standard deviation of {deviation.value:.3g} "
        f"({deviation.low:.3g} to {deviation.high:.3g}, {degrees} degrees of freedom)"
    )
    numbers = {
        "sd": deviation.value,
        "sd_low": deviation.low,
        "sd_high": deviation.high,
        "degrees": float(degrees),
    }
    J = [r.J_cv for r in facts.best if r.J_cv is not None]
    if len(J) < 2:
        return Limit(code=code, name=name, status=Status.UNKNOWN, because=because, numbers=numbers)
    spread = J[-1] - J[0]
    return Limit(
        code=code,
        name=name,
        status=Status.PRESENT if spread < 1.96 * math.sqrt(2) * deviation.value else Status.ABSENT,
        because=f"{because}; the best {len(J)} trials lie within {spread:.3g}",
        numbers={**numbers, "spread_of_best": spread},
    )


def pooled_deviation(
    groups: list[list[float]], *, coverage: float = 0.9
) -> tuple[Interval, int] | None:
    """Return the standard deviation that some groups share, and its degrees of freedom.

    The squared deviations from each group's own mean are pooled; over the true variance their sum
    follows a chi-square distribution, which gives the interval. Assumes that every group is
    normal and has one and the same variance.

    Args:
        groups: The values of each group; groups of one value say nothing and are passed over.
        coverage: How often the interval covers the true standard deviation.

    Returns:
        None when no group has two values.

    Example:
        >>> deviation, degrees = pooled_deviation([[1.0, 3.0], [10.0, 12.0]])
        >>> round(deviation.value, 3), degrees
        (1.414, 2)

    References:
        Snedecor and Cochran, Statistical Methods (1989), 5.11 on the interval of a variance and
        6.7 on pooling.
    """
    degrees = sum(len(group) - 1 for group in groups)
    if degrees < 1:
        return None
    total = sum(float(np.var(group)) * len(group) for group in groups)
    tail = (1 - coverage) / 2
    low, high = (math.sqrt(total / stats.chi2.ppf(p, degrees)) for p in (1 - tail, tail))
    return Interval(value=math.sqrt(total / degrees), low=low, high=high), degrees
