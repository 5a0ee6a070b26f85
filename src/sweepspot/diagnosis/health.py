"""Health: signs that something other than bias or variance is wrong."""

from __future__ import annotations

import numpy as np

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import Finding, Status
from sweepspot.diagnosis.reference import Reference

__all__ = ["learned_nothing", "suspiciously_good_cv", "unstable_curve"]


def suspiciously_good_cv(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D007: J_cv is far below J_train, as when cv rows leak or the splits differ.

    A leak lowers J_cv below what the data allow; so does a cv split of easier rows. Clean J_train
    has no dropout in it, so dropout is no excuse.
    """
    code, name = "D007", "suspicious cv split"
    gap, error = reference.numbers.get("gap"), reference.gap_se
    if gap is None or error is None:
        return Finding(code=code, name=name, status=Status.UNKNOWN, because="no J on both splits")
    present = gap.high < 0 and gap.value < -criteria.leak * error
    return Finding(
        code=code,
        name=name,
        status=Status.PRESENT if present else Status.ABSENT,
        because=(
            f"J_cv - J_train is {gap}"
            + (": look for cv rows in the train split, or an easier cv split" if present else "")
        ),
        numbers={"gap": gap},
    )


def learned_nothing(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D008: the run is no better than a constant on the rows it was trained on."""
    code, name = "D008", "learned nothing"
    J_train = reference.numbers.get("J_train")
    if J_train is None:
        return Finding(code=code, name=name, status=Status.UNKNOWN, because="no J_train")
    present = J_train.low >= reference.J_naive
    return Finding(
        code=code,
        name=name,
        status=Status.PRESENT if present else Status.ABSENT,
        because=f"J_train is {J_train}, J_naive {reference.J_naive:.3f}",
        numbers={"J_train": J_train},
    )


def unstable_curve(evidence: Evidence, reference: Reference, criteria: Criteria) -> Finding:
    """D009: J left the range of numbers, or rose above J_naive after having been below it."""
    code, name = "D009", "unstable training"
    if evidence.train_curve is None or len(evidence.train_curve) < 2:
        return Finding(code=code, name=name, status=Status.UNKNOWN, because="no curve of J_train")
    curve = np.asarray(evidence.train_curve, np.float64)
    finite = np.isfinite(curve)
    if not finite.all():
        epoch = int(np.flatnonzero(~finite)[0]) + 1
        return Finding(
            code=code,
            name=name,
            status=Status.PRESENT,
            because=f"J_train is not finite from epoch {epoch}",
        )
    was_below = np.minimum.accumulate(curve) < reference.J_naive
    relapsed = was_below & (curve > reference.J_naive)
    return Finding(
        code=code,
        name=name,
        status=Status.PRESENT if relapsed.any() else Status.ABSENT,
        because=(
            f"J_train rose above J_naive again at epoch {int(np.argmax(relapsed)) + 1}"
            if relapsed.any()
            else "J_train stays finite and does not relapse"
        ),
    )
