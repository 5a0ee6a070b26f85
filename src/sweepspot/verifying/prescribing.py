"""Which step of a verdict can be tried on the sweep's own data."""

from __future__ import annotations

from collections.abc import Mapping

from sweepspot.diagnosis import Diagnosis, Label, NextStep, Verdict
from sweepspot.diagnosis.steps import words_of
from sweepspot.errors import SpecError
from sweepspot.trial import State, TrialResult, run_id
from sweepspot.verifying.records import Prescription

__all__ = ["best_prescriptions", "prescribe"]

PRESCRIBING = (
    Label.HIGH_BIAS,
    Label.HIGH_VARIANCE,
    Label.HIGH_BIAS_HIGH_VARIANCE,
    Label.UNDER_TRAINED,
)
"""Labels that say that something else would be better."""


def prescribe(result: TrialResult, verdict: Verdict, where: str) -> Prescription:
    """Return the first step of a verdict that can be tried.

    Args:
        result: The run.
        verdict: Its verdict.
        where: How the run was named, for messages.

    Raises:
        SpecError: The run failed, its label prescribes nothing, or none of the steps can be tried.
    """
    if result.state is State.FAILED:
        raise SpecError(
            f"{where}: must be a trial that was trained, got one that failed ({result.reason}); "
            "choose another trial"
        )
    if verdict.label not in PRESCRIBING:
        raise SpecError(
            f"{where}: must have a label that prescribes a step, got {verdict.label} "
            f"({verdict.reason.rstrip('.')}); there is nothing to verify"
        )
    for position, step in enumerate(verdict.next_steps):
        if step.key is not None and step.proposed is not None:
            return Prescription(
                number=result.number,
                label=verdict.label,
                step=step,
                params=result.trial.params,
                epochs=_fidelity(result),
                skipped=tuple(_why_not(skipped) for skipped in verdict.next_steps[:position]),
            )
    raise SpecError(
        f"{where}: must have a setting that a step against {verdict.label} changes "
        f"({', '.join(words_of(verdict.label))}), got {_settings(result)}; "
        "there is nothing that can be verified"
    )


def best_prescriptions(
    results: Mapping[int, TrialResult], diagnosis: Diagnosis, count: int
) -> list[Prescription]:
    """Return the prescriptions of the best trials that have one, the lowest J_cv first.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.
        count: How many at most.
    """
    ranked = sorted(
        (r for r in results.values() if r.state is State.COMPLETE and r.J_cv is not None),
        key=lambda r: (r.J_cv, r.number),
    )
    found: list[Prescription] = []
    for result in ranked:
        name = run_id(result.number)
        try:
            found.append(prescribe(result, diagnosis[name], name))
        except SpecError:
            continue
        if len(found) == count:
            break
    return found[:count]


def _fidelity(result: TrialResult) -> int:
    """Return the epochs that it could train; one that was pruned is compared where it stopped."""
    return result.epochs if result.state is State.PRUNED else result.trial.epochs


def _why_not(step: NextStep) -> str:
    if "data" in step.text:
        return f"{step.text}: needs rows that are not there"
    if step.text == "early stopping":
        return f"{step.text}: the weights of the best epoch are kept already"
    return f"{step.text}: changes no key of the sweep file"


def _settings(result: TrialResult) -> str:
    return ", ".join(result.trial.params) or "a model without settings"
