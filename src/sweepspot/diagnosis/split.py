"""Bias or variance: how far a run is from a reference, and which part of it is which."""

from __future__ import annotations

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import Finding, Interval, Label, Status
from sweepspot.diagnosis.reference import Reference, Split
from sweepspot.diagnosis.sampling import Floats, intervals

__all__ = ["high_bias", "high_variance", "name_beside_frontier", "name_split", "split_runs"]


def split_runs(
    train: tuple[Floats, Floats],
    cv: tuple[Floats, Floats],
    unit: tuple[float, Floats],
    criteria: Criteria,
) -> list[Split]:
    """Split how much worse each run is than a reference into bias and variance.

        excess     = (J_cv - reference J_cv) / unit
        bias       = (J_train - reference J_train) / unit
        variance   = excess - bias
        difference = variance - bias

    Args:
        train: `(runs,)` and `(runs, draws)`: J_train minus that of the reference.
        cv: `(runs,)` and `(runs, draws)`: J_cv minus that of the reference, in the same draws.
        unit: What one is, and in each draw `(draws,)`; above 0.
        criteria: For the coverage of the intervals.

    References:
        Ng, Machine Learning Yearning (2018), on avoidable bias and variance; percentile intervals
        after Efron (1979). Assumes that examples are independent and all runs saw the same.
    """
    bias, bias_draws = train[0] / unit[0], train[1] / unit[1]
    excess, excess_draws = cv[0] / unit[0], cv[1] / unit[1]
    variance, variance_draws = excess - bias, excess_draws - bias_draws
    columns = [
        intervals(value, draws, criteria.quantiles)
        for value, draws in (
            (excess, excess_draws),
            (bias, bias_draws),
            (variance, variance_draws),
            (variance - bias, variance_draws - bias_draws),
        )
    ]
    return [
        Split(excess=e, bias=b, variance=v, difference=d)
        for e, b, v, d in zip(*columns, strict=True)
    ]


def name_split(split: Split, criteria: Criteria) -> Label:
    """Return what a split shows, `inconclusive` if nothing.

    Example:
        >>> point = lambda x: Interval(value=x, low=x, high=x)
        >>> worse = Split(
        ...     excess=point(0.3), bias=point(0.25), variance=point(0.05), difference=point(-0.2)
        ... )
        >>> name_split(worse, Criteria())
        <Label.HIGH_BIAS: 'high_bias'>
    """
    if split.excess.low > criteria.excess:
        if split.difference.low > 0:
            return Label.HIGH_VARIANCE
        if split.difference.high < 0:
            return Label.HIGH_BIAS
        if min(split.bias.low, split.variance.low) > criteria.excess:
            return Label.HIGH_BIAS_HIGH_VARIANCE
        return Label.INCONCLUSIVE
    return Label.GOOD_FIT if split.excess.high <= criteria.good else Label.INCONCLUSIVE


def name_beside_frontier(split: Split, reference: Reference, criteria: Criteria) -> Label:
    """Return what a split from the frontier shows, where a wide gap alone is not high variance.

    More capacity and less regularization lower J_train. A run with too much of it fits the
    training rows better than the frontier; one that fits them clearly worse lacks capacity too,
    however wide its gap. Where the frontier nearly interpolates, a close fit to the training rows
    does no harm by itself; so a run is called high variance there only if it fits them clearly
    better than every run that is as good as the frontier. Of the others the gap came from a
    network that was too narrow.
    """
    label = name_split(split, criteria)
    if label is not Label.HIGH_VARIANCE:
        return label
    if split.bias.low > criteria.excess:
        return Label.HIGH_BIAS_HIGH_VARIANCE
    return Label.INCONCLUSIVE if _gap_is_open(split, reference, criteria) else label


def _gap_is_open(split: Split, reference: Reference, criteria: Criteria) -> bool:
    frontier = reference.frontier
    if frontier is None or frontier.room >= criteria.interpolates:
        return False
    # Nearer to a constant than to the frontier: no network that was too narrow has been that bad
    # on rows that it fits.
    if split.excess.low > 0.5:
        return False
    fit = reference.fit or split.bias
    # Half of what counts as worse: where all J_train are small, no run can fit better by more.
    return fit.high >= -criteria.excess / 2


def high_bias(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D003: the larger part of the excess over the frontier is there on the train split too."""
    present = (Label.HIGH_BIAS, Label.HIGH_BIAS_HIGH_VARIANCE)
    return _finding("D003", "high bias", "bias", present, reference, criteria)


def high_variance(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D004: the larger part of the excess over the frontier is on the cv split alone."""
    present = (Label.HIGH_VARIANCE, Label.HIGH_BIAS_HIGH_VARIANCE)
    return _finding("D004", "high variance", "variance", present, reference, criteria)


def _finding(
    code: str,
    name: str,
    part: str,
    present: tuple[Label, ...],
    reference: Reference,
    criteria: Criteria,
) -> Finding:
    split = reference.split
    if split is None or reference.obstacle:
        return Finding(
            code=code, name=name, status=Status.UNKNOWN, because=reference.obstacle or "no split"
        )
    label = name_beside_frontier(split, reference, criteria)
    if label in present:
        status, because = Status.PRESENT, "of the excess over the frontier"
    elif label is Label.INCONCLUSIVE:
        status, because = Status.UNKNOWN, "and the intervals leave it open"
    else:
        status, because = Status.ABSENT, "which is not the larger part, or small"
    component: Interval = getattr(split, part)
    return Finding(
        code=code,
        name=name,
        status=status,
        because=f"{part} is {component} of z {because}",
        numbers={part: component, "excess": split.excess, "difference": split.difference},
    )
