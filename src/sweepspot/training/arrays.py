"""The splits as tensors, one copy for all traces of a process."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from sweepspot.data import TrainingData
from sweepspot.training.evaluate import ROWS_AT_A_TIME

__all__ = ["Arrays"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrays:
    """The splits as tensors, shared by every trace of a trainer; `measured` is kept by `parts`."""

    X: tf.Tensor
    y: tf.Tensor
    X_cv: tf.Tensor
    y_cv: tf.Tensor
    X_kept: tf.Tensor
    y_kept: tf.Tensor
    measured: list[tuple[tf.Tensor, tf.Tensor]] = field(default_factory=list)

    @classmethod
    def of(cls, data: TrainingData) -> Arrays:
        """Copy the splits once."""
        X, y = tf.constant(data.train.X), tf.constant(data.train.y)
        whole = np.array_equal(data.kept_train, np.arange(len(data.train)))
        return cls(
            X=X,
            y=y,
            X_cv=tf.constant(data.cv.X),
            y_cv=tf.constant(data.cv.y),
            X_kept=X if whole else tf.gather(X, data.kept_train),
            y_kept=y if whole else tf.gather(y, data.kept_train),
        )

    def parts(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Return the rows that every epoch measures, kept ones before those of cv, in parts."""
        if isinstance(self.X_cv, tf.Variable):
            # Whose rows may change from trial to trial.
            return self._cut()
        if not self.measured:
            self.measured.extend(self._cut())
        return self.measured

    def _cut(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        splits = [(self.X_kept, self.y_kept), (self.X_cv, self.y_cv)]
        if sum(int(y.shape[0]) for _, y in splits) <= ROWS_AT_A_TIME:
            return [(tf.concat([X for X, _ in splits], 0), tf.concat([y for _, y in splits], 0))]
        return [
            (X[start : start + ROWS_AT_A_TIME], y[start : start + ROWS_AT_A_TIME])
            for X, y in splits
            for start in range(0, int(y.shape[0]), ROWS_AT_A_TIME)
        ]
