"""The model that was selected: refit if asked for, saved whole, and measured on the test split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from sweepspot.champion import assemble, refit
from sweepspot.crowning.finals import Finals
from sweepspot.crowning.records import Champion
from sweepspot.datasets import Dataset
from sweepspot.journal import Journal
from sweepspot.ledger import Opening, TestLedger
from sweepspot.quiet import load_tensorflow
from sweepspot.spec import SweepSpec
from sweepspot.training import measure, restore_model
from sweepspot.trial import TrialResult

__all__ = ["Measuring"]


class Measuring:
    """Makes the model of a selected repeat, and opens the test split for it."""

    def __init__(
        self, spec: SweepSpec, dataset: Dataset, journal: Journal, ledger: TestLedger
    ) -> None:
        self._spec = spec
        self._dataset = dataset
        self._journal = journal
        self._ledger = ledger

    def measure(
        self,
        repeat: TrialResult,
        finals: Finals,
        *,
        comparisons: Mapping[str, float],
        latency_s: float | None,
    ) -> Champion:
        """Save the model, and open the test split unless it was opened for the same weights.

        Args:
            repeat: That was selected.
            finals: Trains it again where its weights are gone.
            comparisons: With each baseline, for the record.
            latency_s: As the selection measured it.

        Raises:
            TrialError: It diverged when it was refit.
        """
        load_tensorflow()
        path, weights = self._weights(repeat, finals)
        training = self._dataset.training
        network = restore_model(self._spec, training, repeat.trial.params, path)
        folder = self._journal.folder / "champion"
        assemble(network, self._dataset, folder)
        opening = self._ledger.find(self._dataset.test_digest, weights)
        if opening is None:
            J_test, error_test = measure(network, training, self._dataset.open_test())
            opening = Opening(
                test_digest=self._dataset.test_digest,
                sweep=self._spec.name,
                candidate=weights,
                J_test=J_test,
                error_test=error_test,
            )
            self._ledger.add(opening)
        return Champion(
            number=repeat.number,
            repeat=repeat.trial.repeat,
            params=repeat.trial.params,
            n_weights=repeat.n_weights,
            J_cv=_known(repeat.J_cv),
            error_cv=_known(repeat.error_cv),
            J_test=opening.J_test,
            error_test=opening.error_test,
            test_openings=len(self._ledger.openings(self._dataset.test_digest)),
            comparisons=comparisons,
            folder=str(folder),
            weights=weights,
            refit=self._spec.select.refit,
            latency_s=latency_s,
        )

    def _weights(self, repeat: TrialResult, finals: Finals) -> tuple[Path, str]:
        """Return the file of the weights that are the model, and its hash."""
        folder = self._journal.folder / "weights"
        if self._spec.select.refit == "all":
            return self._refit_weights(repeat, folder)
        path = folder / f"{repeat.trial.key}.npz"
        if not path.exists():
            return path, finals.train_once_more(repeat.trial)
        return path, str(repeat.weights)

    def _refit_weights(self, repeat: TrialResult, folder: Path) -> tuple[Path, str]:
        path = folder / f"{repeat.trial.key}-all.npz"
        noted = self._journal.notes.get("refit", {})
        if path.exists() and noted.get("of") == repeat.weights:
            return path, str(noted["weights"])
        weights = refit(
            self._spec,
            self._dataset.training,
            repeat.trial,
            best_epoch=repeat.best_epoch,
            path=path,
        )
        self._journal.note("refit", {"of": repeat.weights, "weights": weights})
        return path, weights


def _known(value: float | None) -> float:
    return math.nan if value is None else value
