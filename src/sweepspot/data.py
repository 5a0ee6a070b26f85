"""What the trainers train on: arrays, the task, and the shape of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "Split", "Task", "TrainingData"]

FloatArray: TypeAlias = npt.NDArray[np.float32]


class Task(StrEnum):
    """What is predicted, which decides the loss, the last layer and the error."""

    REGRESSION = "regression"
    NONNEGATIVE = "nonnegative"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Some examples, ready to be trained on.

    Attributes:
        X: Preprocessed inputs, `(examples, ...)` float32.
        y: Targets as the loss wants them: float32 `(examples,)` for regression (standardized),
            nonnegative (divided by the training mean) and binary (0 or 1); int32 `(examples,)`
            for multiclass; float32 `(examples, labels)` for multilabel.
    """

    X: FloatArray
    y: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.X)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """What a trainer may see of a data set; the test split is not in it.

    Attributes:
        train: The training split.
        cv: The cross-validation split.
        task: What is predicted.
        n_outputs: Width of the network's last layer: classes, labels, or 1.
        error_scale: Target units for each unit of `y`, so that an absolute error can be given in
            the units of the user's target; 1 for classes.
        kept_train: Row numbers of the training examples whose losses are kept, at most 10,000.
        kept_cv: The same for the cross-validation split.
    """

    train: Split
    cv: Split
    task: Task
    n_outputs: int
    error_scale: float
    kept_train: npt.NDArray[np.int64]
    kept_cv: npt.NDArray[np.int64]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.train.X.shape[1:])
