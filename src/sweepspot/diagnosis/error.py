"""Loss against error: whether the two tell the same story."""

from __future__ import annotations

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import Finding, Label, Status
from sweepspot.diagnosis.reference import Reference
from sweepspot.diagnosis.split import name_beside_frontier, name_split

__all__ = ["loss_disagrees_with_error"]


def loss_disagrees_with_error(
    evidence: Evidence, reference: Reference, criteria: Criteria
) -> Finding:
    """D006: J names a cause that the error does not show, or the other way round.

    Of 31 configurations with high variance in cross-entropy 10 had it in 0/1 error too; the rest
    are sure of wrong answers, which calibration or early stopping mends, not more data.
    """
    code, name = "D006", "loss against error"
    if reference.split is None or reference.obstacle:
        return Finding(code=code, name=name, status=Status.UNKNOWN, because="no label in J")
    if reference.error_split is None:
        return Finding(
            code=code, name=name, status=Status.UNKNOWN, because=reference.error_obstacle
        )
    in_J = name_beside_frontier(reference.split, reference, criteria)
    in_error = name_split(reference.error_split, criteria)
    numbers = {"excess": reference.split.excess, "error_excess": reference.error_split.excess}
    if Label.INCONCLUSIVE in (in_J, in_error):
        status, because = Status.UNKNOWN, f"{in_J} in J, {in_error} in error"
    elif in_J is in_error:
        status, because = Status.ABSENT, f"{in_J} in J and in error"
    else:
        status, because = Status.PRESENT, f"{in_J} in J, but {in_error} in error"
    return Finding(code=code, name=name, status=status, because=because, numbers=numbers)
