"""The splits as tensors, one copy for all traces of a process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import TrainingData
from sweepspot.training.evaluate import ROWS_AT_A_TIME

__all__ = ["ALIGNMENT", "Arrays", "as_tensor"]

ALIGNMENT = 64
"""Bytes at whose multiples a tensor begins: its operations read so many at once."""


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
        """Take the splits, which are copied only where TensorFlow cannot use them as they lie."""
        X, y = as_tensor(data.train.X), as_tensor(data.train.y)
        whole = np.array_equal(data.kept_train, np.arange(len(data.train)))
        return cls(
            X=X,
            y=y,
            X_cv=as_tensor(data.cv.X),
            y_cv=as_tensor(data.cv.y),
            X_kept=X if whole else tf.gather(X, data.kept_train),
            y_kept=y if whole else tf.gather(y, data.kept_train),
        )

    def parts(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Return the rows that every epoch measures, kept ones before those of cv, in parts."""
        if not self.measured:
            self.measured.extend(self.cut())
        return self.measured

    def cut(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Cut them into parts anew."""
        splits = [(self.X_kept, self.y_kept), (self.X_cv, self.y_cv)]
        if sum(int(y.shape[0]) for _, y in splits) <= ROWS_AT_A_TIME:
            return [(tf.concat([X for X, _ in splits], 0), tf.concat([y for _, y in splits], 0))]
        return [
            (X[start : start + ROWS_AT_A_TIME], y[start : start + ROWS_AT_A_TIME])
            for X, y in splits
            for start in range(0, int(y.shape[0]), ROWS_AT_A_TIME)
        ]


def as_tensor(array: npt.NDArray[Any]) -> tf.Tensor:
    """Return an array as a tensor: in the array's own memory if it is aligned, else in a copy.

    The tensor keeps that memory, and whoever writes into the array later changes the tensor.
    """
    # NumPy hands over no array that cannot be written to, and a GPU reads no memory of ours.
    usable = array.flags.c_contiguous and array.flags.writeable and array.size
    if not usable or array.ctypes.data % ALIGNMENT or tf.config.list_physical_devices("GPU"):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
