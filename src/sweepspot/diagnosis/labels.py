"""Labels: from the findings of one run to its label and the sentence that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.records import Finding, Interval, Label, Status
from sweepspot.diagnosis.reference import Reference, Split

__all__ = ["Doubt", "choose_label", "doubt_about", "give_reason", "shorten"]

_LONGEST = 200


class Doubt(Enum):
    """What keeps a run from having a label, where it could be compared with the frontier."""

    FEW_RUNS = "it is as good as the frontier, of fewer converged runs than a good fit needs"
    INTERPOLATES = "it is worse by its gap, where good runs fit the training rows as closely"
    CAUSE = "it is worse, by bias or by variance"
    DISTANCE = "it may be worse than the frontier, and as good"


def choose_label(findings: Sequence[Finding], reference: Reference, criteria: Criteria) -> Label:
    """Return the label: validity first, then convergence, then bias and variance."""
    status = {finding.code: finding.status for finding in findings}
    if status["D001"] is Status.PRESENT:
        return Label.NOT_ASSESSED
    if status["D002"] is Status.PRESENT:
        return Label.UNDER_TRAINED
    match status["D003"], status["D004"]:
        case Status.PRESENT, Status.PRESENT:
            return Label.HIGH_BIAS_HIGH_VARIANCE
        case Status.PRESENT, _:
            return Label.HIGH_BIAS
        case _, Status.PRESENT:
            return Label.HIGH_VARIANCE
        case Status.ABSENT, Status.ABSENT if reference.n_converged >= criteria.min_converged_runs:
            return Label.GOOD_FIT
        case _:
            return Label.INCONCLUSIVE


def give_reason(
    label: Label, findings: Sequence[Finding], reference: Reference, criteria: Criteria
) -> str:
    """Return one sentence of at most 200 characters that says why the run has its label."""
    because = {finding.code: finding.because for finding in findings}
    match label:
        case Label.NOT_ASSESSED:
            return shorten(because["D001"])
        case Label.UNDER_TRAINED:
            return shorten(because["D002"])
        case _ if reference.obstacle or reference.split is None:
            return shorten(reference.obstacle or "nothing to compare with")
        case _:
            return shorten(_compared(label, reference, reference.split, criteria))


def _compared(label: Label, reference: Reference, split: Split, criteria: Criteria) -> str:
    where = "" if reference.epoch is None else f" at epoch {reference.epoch}"
    text = _distance(reference.numbers, split, where, criteria)
    match label:
        case Label.HIGH_BIAS:
            return f"{text}; mostly bias"
        case Label.HIGH_VARIANCE:
            return f"{text}; mostly variance"
        case Label.HIGH_BIAS_HIGH_VARIANCE:
            return f"{text}; both bias and variance"
        case Label.GOOD_FIT:
            return f"{text}; as good as the best seen here"
        case _:
            doubt = doubt_about(label, reference, criteria)
            return f"{text}; {_open_question(doubt, reference, criteria)}"


def _distance(numbers: Mapping[str, Interval], split: Split, where: str, criteria: Criteria) -> str:
    excess = split.excess
    side = "above" if excess.value >= 0 else "below"
    J_cv = f"J_cv {numbers['J_cv'].value:.3g} is" if "J_cv" in numbers and not where else "J_cv is"
    return (
        f"{J_cv} {abs(excess.value):.3f} of z {side} the frontier{where} "
        f"({criteria.coverage:.0%} CI {excess.low:.3f} to {excess.high:.3f})"
    )


def doubt_about(label: Label, reference: Reference, criteria: Criteria) -> Doubt | None:
    """Return what is open about a run, None where nothing is or it could not be compared."""
    split = reference.split
    if label is not Label.INCONCLUSIVE or reference.obstacle or split is None:
        return None
    if split.excess.high <= criteria.good:
        return Doubt.FEW_RUNS
    if split.excess.low <= criteria.excess:
        return Doubt.DISTANCE
    return Doubt.INTERPOLATES if split.difference.low > 0 else Doubt.CAUSE


def _open_question(doubt: Doubt | None, reference: Reference, criteria: Criteria) -> str:
    match doubt:
        case Doubt.FEW_RUNS:
            return (
                f"only {reference.n_converged} converged runs, "
                f"{criteria.min_converged_runs} needed to call it good"
            )
        case Doubt.INTERPOLATES:
            return "frontier and run nearly interpolate, so the gap may be bias or variance"
        case Doubt.CAUSE:
            return "bias and variance cannot be told apart"
        case _:
            return "not shown to be worse, nor as good"


def shorten(text: str) -> str:
    """Return the text, cut to 200 characters.

    Example:
        >>> len(shorten("x" * 300))
        200
    """
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
