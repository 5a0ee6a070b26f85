"""One verification: the run is trained again in each way, under each seed, and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweepspot.advice_ledger import AdviceLedger, Answer
from sweepspot.datasets import Dataset
from sweepspot.datasets.baselines import PerExample
from sweepspot.diagnosis import Diagnosis
from sweepspot.errors import TrialError
from sweepspot.journal import Journal
from sweepspot.loop import train_again
from sweepspot.protocols import Executor
from sweepspot.provenance import fingerprint
from sweepspot.spec import SweepSpec
from sweepspot.trial import State, Trial, TrialResult, run_id, trial_seed
from sweepspot.verifying.comparing import compare
from sweepspot.verifying.prescribing import best_prescriptions
from sweepspot.verifying.records import PRESCRIBED, Arm, Prescription

__all__ = ["REPEATS", "Verifier"]

REPEATS = 5
"""Fresh seeds of each way of training."""

FIRST_SEED = 1000
"""Where the seeds of verifications begin: those of finalists count from 1."""

_MATTERS = ("data", "data.split", "model", "train")

Hear = Callable[[Arm, TrialResult, int, int], None]
"""Called as `hear(arm, result, done, of)` for each training, those of an earlier call included."""


class Verifier:
    """Verifies prescriptions of one sweep.

    Each verification has a folder and a journal of its own, `verified/<trial>-<hash>`, in which a
    trial's number says in which way it was trained: 0 as it was, 1 as prescribed, 2 the opposite
    way. So it goes on where it was stopped, and more seeds add to those that are there.
    """

    def __init__(
        self,
        spec: SweepSpec,
        dataset: Dataset,
        folder: Path,
        *,
        naive: PerExample,
        ledger: AdviceLedger,
        hear: Hear,
    ) -> None:
        """Prepare to verify.

        Args:
            spec: The sweep, with its space.
            dataset: What it is about; the test split stays closed.
            folder: `mlruns/<sweep>`.
            naive: The constant guess, for which a training that fails is taken.
            ledger: Where answers are looked up and written down.
            hear: Told of each training.
        """
        self._spec = spec
        self._folder = folder
        self._naive = naive
        self._ledger = ledger
        self._hear = hear
        parts = fingerprint(spec, dataset)
        self._parts = {name: parts[name] for name in _MATTERS}

    def known(self, prescription: Prescription, repeats: int = REPEATS) -> Answer | None:
        """Return the stored answer, if this was verified before with as many seeds."""
        return self._ledger.find(self._question(prescription), repeats)

    def answers(
        self, results: Mapping[int, TrialResult], diagnosis: Diagnosis
    ) -> dict[int, Answer]:
        """Return the stored answers about trials of this sweep, by number.

        Args:
            results: Of the sweep, by number.
            diagnosis: Of the same trials.
        """
        stored = {answer.question: answer for answer in self._ledger.answers()}
        prescribed = best_prescriptions(results, diagnosis, len(results)) if stored else []
        questions = {p.number: self._question(p) for p in prescribed}
        return {n: stored[question] for n, question in questions.items() if question in stored}

    def verify(
        self, prescription: Prescription, executor: Callable[[], Executor], repeats: int = REPEATS
    ) -> Answer:
        """Return whether a prescription is right, trained or looked up.

        Args:
            prescription: The run and its step.
            executor: Makes one when something is left to train.
            repeats: Fresh seeds of each way of training, at least 2.

        Raises:
            TrialError: The prescribed network cannot be trained at all.
        """
        stored = self.known(prescription, repeats)
        if stored is not None:
            return stored
        question = self._question(prescription)
        folder = self._folder / "verified" / f"{prescription.number:05d}-{question[:8]}"
        with Journal(folder) as journal:
            journal.note("step", prescription.step.text)
            self._train(prescription, executor, repeats, journal)
            answer = self._answer(prescription, question, repeats, journal)
        self._ledger.add(answer)
        return answer

    def _question(self, prescription: Prescription) -> str:
        asked = {
            **self._parts,
            "seed": self._spec.search.seed,
            "number": prescription.number,
            "arms": [[arm.epochs, dict(arm.params)] for arm in prescription.arms],
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    def _train(
        self,
        prescription: Prescription,
        executor: Callable[[], Executor],
        repeats: int,
        journal: Journal,
    ) -> None:
        arms = prescription.arms
        # Seed by seed, so that one stopped half-way has pairs.
        trials = [
            Trial(
                number=way,
                params=arm.params,
                seed=self._seed(prescription.number, k),
                epochs=arm.epochs,
                repeat=k,
            )
            for k in range(1, repeats + 1)
            for way, arm in enumerate(arms)
        ]
        left = [t for t in trials if not _is_there(t, journal)]
        heard = 0

        def hear(result: TrialResult) -> None:
            nonlocal heard
            heard += 1
            self._hear(arms[result.number], result, heard, len(trials))

        for trial in trials:
            if trial not in left:
                hear(journal.repeats[trial.number, trial.repeat])
        if left:
            train_again(executor(), journal, left, hear=hear)

    def _seed(self, number: int, k: int) -> int:
        return trial_seed(self._spec.search.seed, number, FIRST_SEED + k)

    def _answer(
        self, prescription: Prescription, question: str, repeats: int, journal: Journal
    ) -> Answer:
        results = {
            arm.name: [journal.repeats[way, k] for k in range(1, repeats + 1)]
            for way, arm in enumerate(prescription.arms)
        }
        _check_trained(results[PRESCRIBED], prescription)
        losses = {
            name: np.stack([self._cv_losses(r, journal) for r in trained])
            for name, trained in results.items()
        }
        comparison = compare(losses)
        failed = {name: sum(map(_has_failed, trained)) for name, trained in results.items()}
        return Answer(
            question=question,
            sweep=self._spec.name,
            number=prescription.number,
            label=str(prescription.label),
            step=prescription.step.text,
            opposite=prescription.opposite,
            outcome=comparison.outcome,
            because=comparison.because,
            repeats=repeats,
            J_cv={name: float(part.mean(dtype=np.float64)) for name, part in losses.items()},
            failed={name: count for name, count in failed.items() if count},
            change=comparison.change,
            opposite_change=comparison.opposite_change,
            margin=comparison.margin,
        )

    def _cv_losses(self, result: TrialResult, journal: Journal) -> np.ndarray[Any, Any]:
        """Return `(n_cv,)`; a training that failed predicts no better than a constant."""
        losses = journal.losses(result)
        return self._naive.cv_losses if losses is None else losses.cv


def _is_there(trial: Trial, journal: Journal) -> bool:
    result = journal.repeats.get((trial.number, trial.repeat))
    return result is not None and (_has_failed(result) or journal.losses(result) is not None)


def _has_failed(result: TrialResult) -> bool:
    return result.state is State.FAILED


def _check_trained(prescribed: list[TrialResult], prescription: Prescription) -> None:
    """Refuse to call a step wrong that this model cannot take; one that diverges is an answer."""
    if all(_has_failed(r) for r in prescribed) and not prescribed[-1].diverged:
        raise TrialError(
            f"{run_id(prescription.number)}: {prescription.step.text} must be trainable, "
            f"got {prescribed[-1].reason}; there is no answer"
        )
