"""What every tier decides after an epoch: keep the weights, go on, stop, or give up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sweepspot.protocols import Report
from sweepspot.spec import Train
from sweepspot.training.evaluate import Evaluation
from sweepspot.trial import DIVERGED, Curve, Losses, State, Trial, TrialResult

__all__ = ["Decision", "Progress", "measured"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What follows from one epoch.

    Attributes:
        keep: Whether these are the best weights so far.
        stop: Whether this was the trial's last epoch.
    """

    keep: bool = False
    stop: bool = False


@dataclass(kw_only=True)
class Progress:
    """How far one trial has come.

    Attributes:
        trial: The trial in training.
        settings: Epochs and early stopping.
        report: Told J_cv after each epoch; may prune.
        state: How the trial ends, as far as is known.
        reason: Why it was pruned or failed.
        best_epoch: The epoch whose weights are kept, counted from 1; 0 before the first.
    """

    trial: Trial
    settings: Train
    report: Report
    state: State = State.COMPLETE
    reason: str | None = None
    best_epoch: int = 0
    _best: float = np.inf
    _J_train: list[float] = field(default_factory=list)
    _J_cv: list[float] = field(default_factory=list)

    def after_epoch(self, J_train: float, J_cv: float, *, finite: bool) -> Decision:
        """Hear what one epoch gave, and decide.

        Args:
            J_train: On the training rows kept for the diagnosis.
            J_cv: On the cross-validation split.
            finite: Whether every weight is finite.
        """
        self._J_train.append(J_train)
        self._J_cv.append(J_cv)
        epoch = self.trial.first_epoch + len(self._J_cv)
        if not np.isfinite(J_cv) or not finite:
            self.state = State.FAILED
            self.reason = f"{DIVERGED} in epoch {epoch}: J or a weight is not finite"
            return Decision(stop=True)
        keep = J_cv < self._best - self._min_delta or not self.best_epoch
        if keep:
            self._best, self.best_epoch = J_cv, epoch
        if self.report(self.trial.number, epoch, J_cv):
            self.state, self.reason = State.PRUNED, f"pruned after epoch {epoch}"
            return Decision(keep=keep, stop=True)
        patience = self.settings.early_stopping.patience if self.settings.early_stopping else 0
        return Decision(keep=keep, stop=bool(patience) and epoch - self.best_epoch >= patience)

    def result(self, *, n_weights: int, train_s: float) -> TrialResult:
        """Return how the trial ended, not yet measured on whole splits."""
        return TrialResult(
            trial=self.trial,
            state=self.state,
            reason=self.reason,
            best_epoch=self.best_epoch,
            n_weights=n_weights,
            curve=Curve(
                J_train=tuple(self._J_train),
                J_cv=tuple(self._J_cv),
                first_epoch=self.trial.first_epoch,
            ),
            train_s=train_s,
        )

    @property
    def _min_delta(self) -> float:
        return self.settings.early_stopping.min_delta if self.settings.early_stopping else 0.0


def measured(result: TrialResult, at_best: Evaluation, losses: Losses) -> TrialResult:
    """Add to a result what its kept weights measure on both splits."""
    return replace(
        result,
        J_train=at_best.train.J,
        J_cv=at_best.cv.J,
        error_train=at_best.train.error,
        error_cv=at_best.cv.error,
        losses=losses,
    )
