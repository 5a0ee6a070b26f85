"""Validity: whether a run can be judged at all."""

from __future__ import annotations

import numpy as np

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import Finding, Status
from sweepspot.diagnosis.reference import Reference

__all__ = ["blew_up", "not_valid"]


def not_valid(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D001: the run failed, diverged, or left nothing to compare."""
    because = _why(evidence, reference)
    return Finding(
        code="D001",
        name="not valid",
        status=Status.PRESENT if because else Status.ABSENT,
        because=because or "it ended well and left losses to compare",
    )


def blew_up(evidence: Evidence, reference: Reference) -> bool:
    """Return whether training made the run worse than both its start and a constant.

    J of a first epoch may lie above that of a constant without harm, when the learning rate is
    small; so its end must lie above its start as well.
    """
    curve = evidence.train_curve
    if evidence.state != "complete" or curve is None or len(curve) < 2:
        return False
    first, last = float(curve[0]), float(curve[-1])
    kept = reference.numbers.get("J_train")
    naive = reference.J_naive
    ends_high = not np.isfinite(last) or last > max(first, naive)
    return ends_high and (kept is None or kept.low > naive)


def _why(evidence: Evidence, reference: Reference) -> str:
    if evidence.is_broken:
        return f"it {evidence.state}" + (f": {evidence.reason}" if evidence.reason else "")
    if blew_up(evidence, reference):
        return "it diverged: J_train rose above its start and above J_naive"
    if not evidence.is_partial:
        if evidence.has_losses or evidence.has_means:
            return ""
        return "it left no losses on both splits"
    return "" if reference.epoch is not None else reference.obstacle
