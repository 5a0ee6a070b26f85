"""Verifying the best trials of a sweep once its search has ended."""

from __future__ import annotations

from collections.abc import Callable

from sweepspot.advice_ledger import AdviceLedger, Answer
from sweepspot.datasets import Dataset
from sweepspot.datasets.baselines import PerExample
from sweepspot.diagnosis import Diagnosis
from sweepspot.errors import SweepspotError
from sweepspot.journal import Journal
from sweepspot.protocols import Executor
from sweepspot.spec import SweepSpec
from sweepspot.trial import TrialResult, run_id
from sweepspot.verifying.prescribing import best_prescriptions
from sweepspot.verifying.records import Arm
from sweepspot.verifying.verification import REPEATS, Verifier

__all__ = ["verify_best"]


def verify_best(
    spec: SweepSpec,
    dataset: Dataset,
    journal: Journal,
    diagnosis: Diagnosis,
    *,
    naive: PerExample,
    ledger: AdviceLedger,
    executor: Callable[[], Executor],
    say: Callable[[str], None],
) -> dict[int, Answer]:
    """Verify the `verify` best trials that have a prescribed step.

    Args:
        spec: The sweep, with its space.
        dataset: What it is about; the test split stays closed.
        journal: Of the sweep.
        diagnosis: Of its trials.
        naive: The constant guess.
        ledger: Of the project.
        executor: Makes one when something is left to train.
        say: Told each verification that begins, and its answer.

    Returns:
        Every stored answer about a trial of the sweep, those of earlier calls included.
    """
    verifier = Verifier(spec, dataset, journal.folder, naive=naive, ledger=ledger, hear=_nobody)
    for prescription in best_prescriptions(journal.results, diagnosis, spec.verify):
        if verifier.known(prescription) is not None:
            continue
        name = run_id(prescription.number)
        trainings = REPEATS * len(prescription.arms)
        say(
            f"verifying the advice for {name}, {prescription.label}: {prescription.step.text}, "
            f"{trainings} trainings"
        )
        try:
            answer = verifier.verify(prescription, executor)
        except SweepspotError as exc:
            # Its champion is chosen by now: no verification is worth a failed sweep.
            say(f"{name} is not verified: {exc}")
            continue
        say(f"{name} {answer.outcome}: {answer.because}")
    return verifier.answers(journal.results, diagnosis)


def _nobody(arm: Arm, result: TrialResult, done: int, of: int) -> None:
    """Hear nothing: a sweep shows its verifications by their answers."""
