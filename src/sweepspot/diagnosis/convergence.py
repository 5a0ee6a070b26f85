"""Convergence: whether a run was stopped while it still improved."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence, Vector
from sweepspot.diagnosis.records import Finding, Interval, Status
from sweepspot.diagnosis.reference import Reference

__all__ = ["recent_fall", "still_improving"]


def still_improving(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D002: J_cv still fell over the last part of the epochs by more than a share of z.

    Without a curve it is unknown, and that blocks no label. A run that was pruned, or had less
    training by design, is not asked.
    """
    code, name = "D002", "under-trained"
    because = ""
    if evidence.is_partial:
        because = "it was not trained to the end by design"
    elif evidence.cv_losses is not None and len(evidence.cv_losses) < criteria.min_rows:
        because = f"{len(evidence.cv_losses)} cv rows, {criteria.min_rows} needed"
    elif evidence.cv_curve is None or len(evidence.cv_curve) < criteria.min_epochs:
        because = f"no curve of at least {criteria.min_epochs} epochs"
    elif reference.frontier is None or not reference.frontier.has_signal:
        because = "no frontier to measure the fall by"
    if because or evidence.cv_curve is None or reference.frontier is None:
        return Finding(code=code, name=name, status=Status.UNKNOWN, because=because)
    fall = recent_fall(evidence.cv_curve, reference.frontier.z.value, criteria)
    if fall is None:
        return Finding(
            code=code, name=name, status=Status.UNKNOWN, because="the curve ends in no number"
        )
    present = fall.value > criteria.still_improving and fall.low > 0
    part = f"J_cv fell by {fall} of z over the last {criteria.last_part:.0%} of the epochs"
    return Finding(
        code=code,
        name=name,
        status=Status.PRESENT if present else Status.ABSENT,
        because=part,
        numbers={"recent_fall": fall},
    )


def recent_fall(curve: Vector, z: float, criteria: Criteria) -> Interval | None:
    """Return how far J_cv fell over the last part of the epochs, as a share of z.

    The fall of a straight line through that part, with the interval of its slope: one epoch's J
    jumps about, and a difference of two epochs would take a jump for a trend. Assumes that the
    jumps are independent and normal around the line.

    Args:
        curve: J_cv by epoch.
        z: The unit, above 0.
        criteria: The length of the part, and the coverage.

    Returns:
        None where the part holds a value that is not finite.

    Example:
        >>> fall = recent_fall([1.0 - 0.1 * e for e in range(9)], 1.0, Criteria())
        >>> round(fall.value, 3)
        0.2
    """
    n = max(3, math.ceil(criteria.last_part * len(curve)))
    last = np.asarray(curve, np.float64)[-n:]
    if not np.isfinite(last).all():
        return None
    epochs = np.arange(n) - (n - 1) / 2
    spread = float(epochs @ epochs)
    slope = float(epochs @ last) / spread
    residuals = last - last.mean() - slope * epochs
    standard_error = math.sqrt(float(residuals @ residuals) / (n - 2) / spread)
    length = (n - 1) / z
    # scipy.stats has these two as functions, and takes half a second to import.
    t = float(stdtrit(n - 2, criteria.quantiles[1]))
    fall, reach = -slope * length, t * standard_error * length
    return Interval(value=fall, low=fall - reach, high=fall + reach)
