"""The competing algorithm of a sweep: trained once for each journal, on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np

from sweepspot.data import FloatArray, TrainingData
from sweepspot.datasets.baselines import PerExample, algorithm
from sweepspot.journal import Journal
from sweepspot.judging import Competitor
from sweepspot.spec import Algorithm, SweepSpec

__all__ = ["CompetingAlgorithm"]


class CompetingAlgorithm:
    """An algorithm that a sweep is measured against.

    Attributes:
        name: As the sweep file says it.
    """

    def __init__(
        self,
        name: Algorithm,
        training: TrainingData,
        journal: Journal,
        *,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        """Take on a sweep; nothing is trained yet.

        Args:
            name: Of the algorithm.
            training: What it is trained on and measured on.
            journal: Holds what was measured, and its losses beside it.
            seed: Of the training.
            say: Told what takes time.
        """
        self.name = name
        self._training = training
        self._journal = journal
        self._seed = seed
        self._say = say

    @classmethod
    def of(
        cls,
        spec: SweepSpec,
        training: TrainingData,
        journal: Journal,
        say: Callable[[str], None],
    ) -> Self | None:
        """Return the one that a sweep competes with, None where it competes with none."""
        name = spec.baseline.competitor(training.input_shape)
        if name is None:
            return None
        return cls(name, training, journal, seed=spec.search.seed, say=say)

    def measured(self) -> Competitor:
        """Return what it reaches, trained unless the journal has it."""
        if "algorithm" not in self._journal.notes:
            self._say(f"training {self.name} on the same rows, as a baseline")
            found = self._train()
            self._journal.note("algorithm", [found.J_train, found.J_cv])
        J_train, J_cv = self._journal.notes["algorithm"]
        return Competitor(name=self.name, J_train=J_train, J_cv=J_cv)

    def cv_losses(self) -> FloatArray:
        """Return its loss on each kept cv row; trained once more where the file is gone."""
        path = self._journal.folder / "losses" / f"{self.name}.npy"
        if not path.exists():
            self._train()
        losses: FloatArray = np.load(path)
        return losses

    def _train(self) -> PerExample:
        """Train it, and keep its losses."""
        found = algorithm(self._training, self.name, self._seed)
        folder = self._journal.folder / "losses"
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{self.name}.npy", found.cv_losses)
        return found
