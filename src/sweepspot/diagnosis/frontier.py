"""The frontier: what the best runs of a sweep reach, chosen and measured on different rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Vector
from sweepspot.diagnosis.sampling import Floats

__all__ = ["Members", "choose_by_means", "choose_members", "reference_rows"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Members:
    """Which runs make up the frontier on each fold of the cv rows.

    Attributes:
        chosen: `(folds, k)`, positions of the best runs by the rows outside each fold.
        folds: `(n_cv,)`, the fold of each cv row.
        n_runs: How many runs there were to choose from.
    """

    chosen: npt.NDArray[np.intp]
    folds: npt.NDArray[np.intp]
    n_runs: int

    @property
    def weights(self) -> Floats:
        """`(runs,)`, how much each run counts; they add up to 1."""
        share = np.bincount(self.folds, minlength=len(self.chosen)) / len(self.folds)
        per_place = np.repeat(share / self.chosen.shape[1], self.chosen.shape[1])
        counts = np.bincount(self.chosen.ravel(), weights=per_place, minlength=self.n_runs)
        return counts.astype(np.float64)


def choose_members(
    train_losses: Sequence[Vector], cv_losses: Sequence[Vector], *, best: int, criteria: Criteria
) -> Members:
    """Choose the best runs for each fold of the cv rows by the other folds.

    Choosing the best and measuring them on the same rows flatters them, and then calls 20-40 % of
    equally good runs worse; cross-fitting calls 1-3 %. Rows are dealt to folds in turn.

    Args:
        train_losses: One vector for each run; breaks ties.
        cv_losses: One vector for each run.
        best: How many runs to choose.
        criteria: For the number of folds.
    """
    n_cv = len(cv_losses[0])
    n_folds = min(criteria.folds, n_cv)
    folds = np.arange(n_cv) % n_folds
    sums = np.array(
        [
            np.bincount(folds, weights=np.asarray(row, np.float64), minlength=n_folds)
            for row in cv_losses
        ]
    )
    outside = sums.sum(axis=1, keepdims=True) - sums
    ties = np.array([np.mean(row, dtype=np.float64) for row in train_losses])
    chosen = np.array([np.lexsort((ties, outside[:, fold]))[:best] for fold in range(n_folds)])
    return Members(chosen=chosen, folds=folds, n_runs=len(cv_losses))


def reference_rows(
    train: Sequence[Vector], cv: Sequence[Vector], members: Members
) -> tuple[Floats, Floats]:
    """Return the frontier's value on each row: `(n_train,)` and `(n_cv,)`.

    A cv row is measured with the runs chosen without its fold; the train rows with all of them,
    by their weights.
    """
    weights = members.weights
    train_rows = np.zeros(len(train[0]))
    for run in np.flatnonzero(weights).tolist():
        train_rows += weights[run] * np.asarray(train[run], np.float64)
    cv_rows = np.empty(len(members.folds))
    for fold, chosen in enumerate(members.chosen):
        inside = members.folds == fold
        cv_rows[inside] = np.mean([np.asarray(cv[run], np.float64)[inside] for run in chosen], 0)
    return train_rows, cv_rows


def choose_by_means(
    J_cv: Floats, errors: Floats, *, best: int, draws: int, rng: np.random.Generator
) -> Floats:
    """Return how much each run counts in the frontier where only means are known.

    A run counts by how often it is among the best when every J_cv is moved by its standard
    error: the means leave no rows to cross-fit on, and the very best of them are flattered.

    Args:
        J_cv: `(runs,)`.
        errors: `(runs,)`, standard errors of `J_cv`.
        best: How many runs make up the frontier.
        draws: How often to move them.
        rng: The source of the moves.

    Returns:
        `(runs,)`, adding up to 1.
    """
    moved = J_cv + errors * rng.standard_normal((draws, len(J_cv)))
    chosen = np.argsort(moved, axis=1, kind="stable")[:, :best]
    return np.bincount(chosen.ravel(), minlength=len(J_cv)) / chosen.size
