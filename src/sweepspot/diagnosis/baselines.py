"""Stated baselines: what stands between a run and human level, a target or another algorithm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import BaselineVerdict, Finding, Status
from sweepspot.diagnosis.reference import Reference
from sweepspot.diagnosis.sampling import Side
from sweepspot.diagnosis.split import name_split, split_runs
from sweepspot.errors import SpecError

__all__ = ["Baseline", "StatedBaseline", "below_baselines", "judge_baseline", "parse_baselines"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """A reference predictor, by what it reaches on the train and the cv split.

    Attributes:
        J_train: Its J, or its error, on the training split.
        J_cv: The same on the cross-validation split.
        measure: `J`, or `error` for the measure of `Evidence.cv_errors`.
        unit: What its shares are shares of; None for the distance to the best constant predictor
            in J, and for 1 - J_cv in error.
    """

    J_train: float
    J_cv: float
    measure: Literal["J", "error"] = "J"
    unit: float | None = None


StatedBaseline = float | tuple[float, float] | Baseline


def parse_baselines(
    baselines: Mapping[str, StatedBaseline] | None, J_naive: float
) -> dict[str, Baseline]:
    """Return the stated baselines, and always `naive`, which comes last.

    One number stands for both splits, a pair is (J_train, J_cv).

    Raises:
        SpecError: A baseline or J_naive is not a finite number.

    Example:
        >>> list(parse_baselines({"target": 0.02}, 0.7))
        ['target', 'naive']
    """
    problems, parsed = [], {}
    for name, stated in {**(baselines or {}), "naive": J_naive}.items():
        try:
            baseline = _parse(stated)
        except (TypeError, ValueError):
            baseline = Baseline(J_train=math.nan, J_cv=math.nan)
        where = "J_naive" if name == "naive" else f"baselines.{name}"
        if math.isfinite(baseline.J_train) and math.isfinite(baseline.J_cv):
            parsed[name] = baseline
        else:
            problems.append(
                f"{where}: must be a finite number or two, got {stated!r}; give J_train and J_cv"
            )
    if problems:
        raise SpecError(*problems)
    return parsed


def _parse(stated: StatedBaseline) -> Baseline:
    if isinstance(stated, Baseline):
        return stated
    train, cv = stated if isinstance(stated, (tuple, list)) else (stated, stated)
    return Baseline(J_train=float(train), J_cv=float(cv))


def judge_baseline(
    name: str,
    baseline: Baseline,
    sides: tuple[Side, Side],
    scale: tuple[float, float],
    criteria: Criteria,
) -> list[BaselineVerdict]:
    """Return Ng's recipe for each run: avoidable bias, excess variance, and which is the larger.

    Args:
        name: The baseline's name.
        baseline: What it reaches.
        sides: Train and cv, of J or of the error that the baseline is stated in.
        scale: J_naive, and the distance from it to the frontier; the unit where the baseline has
            none of its own.
        criteria: Thresholds, here as shares of the unit.

    References:
        Ng, Machine Learning Yearning (2018), on avoidable bias.
    """
    train = tuple(part - baseline.J_train for part in (sides[0].mean, sides[0].mean_draws))
    cv = tuple(part - baseline.J_cv for part in (sides[1].mean, sides[1].mean_draws))
    unit = _unit(baseline, scale)
    one = np.ones(sides[1].draws.shape[1])
    in_J = split_runs((train[0], train[1]), (cv[0], cv[1]), (1.0, one), criteria)
    shares = split_runs((train[0], train[1]), (cv[0], cv[1]), (unit, one * unit), criteria)
    return [
        BaselineVerdict(
            name=name,
            measure=baseline.measure,
            label=name_split(share, criteria),
            reached=_reached(raw.excess.low, raw.excess.high),
            avoidable_bias=raw.bias,
            excess_variance=raw.variance,
            gap=raw.excess,
        )
        for raw, share in zip(in_J, shares, strict=True)
    ]


def _unit(baseline: Baseline, scale: tuple[float, float]) -> float:
    if baseline.unit is not None:
        return baseline.unit
    naive, z = (1.0, 1.0) if baseline.measure == "error" else scale
    # The naive baseline itself is no distance away from J_naive; the frontier's distance serves.
    return next((u for u in (naive - baseline.J_cv, z, abs(naive)) if u > 0), 1.0)


def _reached(low: float, high: float) -> Status:
    if high <= 0:
        return Status.PRESENT
    return Status.ABSENT if low > 0 else Status.UNKNOWN


def below_baselines(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D005: J_cv is clearly above a reference that was stated, or above the naive one."""
    code, name = "D005", "above a baseline"
    judged = reference.baselines.values()
    above = [b for b in judged if b.reached is Status.ABSENT]
    if above:
        text = ", ".join(f"{b.gap.value:+.3g} above {b.name}" for b in above)
        return Finding(
            code=code,
            name=name,
            status=Status.PRESENT,
            because=f"J_cv is {text}" if all(b.measure == "J" for b in above) else f"it is {text}",
            numbers={b.name: b.gap for b in above},
        )
    known = bool(judged) and all(b.reached is Status.PRESENT for b in judged)
    return Finding(
        code=code,
        name=name,
        status=Status.ABSENT if known else Status.UNKNOWN,
        because="every baseline is reached" if known else "no baseline is clearly missed",
    )
