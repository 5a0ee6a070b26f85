"""J: the mean of per-example losses in inference mode, without penalties and dropout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import FloatArray, Split, Task, TrainingData
from sweepspot.trial import Losses

__all__ = [
    "ROWS_AT_A_TIME",
    "Evaluation",
    "Evaluator",
    "Measure",
    "Measured",
    "PerRow",
    "aligned",
    "as_loss",
    "eagerly",
    "only_loss",
    "per_example_errors",
    "per_example_losses",
    "unreduced",
]

ROWS_AT_A_TIME = 4096
"""Rows of one forward pass: large enough to keep the cores busy, small enough for any memory."""

PerRow: TypeAlias = npt.NDArray[np.float32]
Targets: TypeAlias = Any
"""An array or a tensor."""
CompiledLoss: TypeAlias = Any
"""A loss as `compile` takes it: an object, a name, a function, or the only one of a list."""
Forward: TypeAlias = Callable[[FloatArray], tf.Tensor]
Measure: TypeAlias = Callable[[FloatArray, npt.NDArray[Any]], tuple[PerRow, FloatArray]]
"""Gives the loss of each row, and what the network answers in inference mode."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One value a row, `(examples,)` float32 each, over a whole split."""

    losses: PerRow
    errors: PerRow

    @property
    def J(self) -> float:
        """Mean loss, averaged in float64."""
        return float(np.mean(self.losses, dtype=np.float64))

    @property
    def error(self) -> float:
        """Mean error, averaged in float64."""
        return float(np.mean(self.errors, dtype=np.float64))


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """A network measured on both splits."""

    train: Measured
    cv: Measured

    def kept(self, data: TrainingData) -> Losses:
        """Return the per-example values of the rows that the diagnosis keeps."""
        return Losses(
            train=self.train.losses[data.kept_train],
            cv=self.cv.losses[data.kept_cv],
            train_errors=self.train.errors[data.kept_train],
            cv_errors=self.cv.errors[data.kept_cv],
        )


class Evaluator:
    """Measures one network again and again.

    Args:
        loss: The loss it was compiled with.
        data: What is measured.
        measure: Measures some of its rows.
    """

    def __init__(self, loss: CompiledLoss, data: TrainingData, measure: Measure) -> None:
        self.data = data
        known = unreduced(loss)
        said = known.get_config().get("from_logits", False)
        self._from_logits = bool(getattr(known, "from_logits", said))
        self._measure = measure

    @classmethod
    def of(cls, model: keras.Model, data: TrainingData) -> Evaluator:
        """Return the evaluator of a compiled network.

        Its forward pass is traced once, unless it was compiled to run eagerly.

        Raises:
            ValueError: It has not one loss, one input and one output, of which J is the mean.
        """
        for several in ("inputs", "outputs"):
            # A model class of the user's own need not say.
            count = len(getattr(model, several, None) or [None])
            if count > 1:
                raise ValueError(f"the network must have one {several[:-1]}, got {count}")

        def forward(X: FloatArray) -> tf.Tensor:
            return model(X, training=False)

        if not model.run_eagerly:
            shape = tf.TensorSpec((None, *data.input_shape), tf.float32)
            forward = tf.function(forward, input_signature=[shape])
        return cls(model.loss, data, eagerly(model.loss, forward))

    def J_cv(self) -> float:
        """Mean loss on the cross-validation split."""
        return self._mean(self.data.cv)

    def J_train(self) -> float:
        """Mean loss on the training rows kept for the diagnosis."""
        return self._mean(self._small_train)

    @cached_property
    def _small_train(self) -> Split:
        kept = self.data.kept_train
        return Split(X=self.data.train.X[kept], y=self.data.train.y[kept])

    def everything(self) -> Evaluation:
        """Measure both splits in full."""
        return Evaluation(
            train=self.measure(self.data.train),
            cv=self.measure(self.data.cv),
        )

    def measure(self, split: Split) -> Measured:
        """Measure every row of a split."""
        losses, outputs = self._rows(split)
        return Measured(
            losses=losses,
            errors=per_example_errors(
                self.data.task,
                split.y,
                outputs,
                scale=self.data.error_scale,
                threshold=0.0 if self._from_logits else 0.5,
            ),
        )

    def _mean(self, split: Split) -> float:
        return float(np.mean(self._rows(split)[0], dtype=np.float64))

    def _rows(self, split: Split) -> tuple[PerRow, FloatArray]:
        parts = [
            self._measure(split.X[start : start + ROWS_AT_A_TIME], split.y[start:][:ROWS_AT_A_TIME])
            for start in range(0, len(split), ROWS_AT_A_TIME)
        ]
        if len(parts) == 1:
            return parts[0]
        losses, outputs = zip(*parts, strict=True)
        return np.concatenate(losses), np.concatenate(outputs)


def eagerly(loss: CompiledLoss, forward: Forward) -> Measure:
    """Return a measure whose loss runs outside of any graph, as a user's own may have to."""
    per_example = unreduced(loss)

    def measure(X: FloatArray, y: npt.NDArray[Any]) -> tuple[PerRow, FloatArray]:
        outputs = forward(X).numpy()
        return per_example_losses(per_example, y, outputs), outputs

    return measure


def only_loss(given: CompiledLoss) -> keras.losses.Loss | str | Callable[..., Any]:
    """Return the loss that a network was compiled with, also where it is a list's only one.

    Raises:
        ValueError: There is none, or more than one.
    """
    losses = list(given.values()) if isinstance(given, Mapping) else given
    losses = losses if isinstance(losses, list | tuple) else [losses]
    known = [loss for loss in losses if loss is not None]
    if len(known) != 1:
        count = len(known) or "none"
        raise ValueError(f"the network must be compiled with one loss, got {count}")
    return known[0]


def as_loss(loss: CompiledLoss) -> keras.losses.Loss:
    """Return a loss as the object that Keras makes of it: most names stand for a function."""
    known = keras.losses.get(only_loss(loss))
    return known if isinstance(known, keras.losses.Loss) else _OfFunction(known)


def unreduced(loss: CompiledLoss) -> keras.losses.Loss:
    """Return the same loss, giving one value a row."""
    known = as_loss(loss)
    return type(known).from_config({**known.get_config(), "reduction": None})


class _OfFunction(keras.losses.Loss):  # type: ignore[misc]
    """A loss given as a function; Keras's own class for them is not public."""

    def __init__(
        self, function: Callable[..., Any], reduction: str | None = "sum_over_batch_size"
    ) -> None:
        super().__init__(name="of_function", reduction=reduction)
        self._function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._function(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        return {"function": self._function, "reduction": self.reduction}


def per_example_losses(loss: keras.losses.Loss, y: npt.NDArray[Any], outputs: FloatArray) -> PerRow:
    """Return the loss of each row.

    Args:
        loss: With `reduction=None`.
        y: Targets, `(examples,)` or `(examples, outputs)`.
        outputs: Of the network, `(examples, outputs)`.

    Returns:
        `(examples,)` float32.
    """
    with tf.device("CPU:0"):
        losses = keras.ops.convert_to_numpy(loss(aligned(y, outputs), outputs))
    return _float32(losses.reshape(len(y), -1).mean(axis=1))


def per_example_errors(
    task: Task,
    y: npt.NDArray[Any],
    outputs: FloatArray,
    *,
    scale: float,
    threshold: float,
) -> PerRow:
    """Return the error of each row: wrong or not for classes, absolute for numbers.

    Args:
        task: What is predicted.
        y: Targets, `(examples,)` or `(examples, labels)`.
        outputs: Of the network, `(examples, outputs)`.
        scale: Target units for each unit of `y`.
        threshold: Output above which a binary prediction is 1: 0 for logits.

    Returns:
        `(examples,)` float32; for several labels the share of wrong ones.
    """
    match task:
        case Task.MULTICLASS:
            return _float32(outputs.argmax(axis=1) != y)
        case Task.BINARY | Task.MULTILABEL:
            wrong = (outputs > threshold) != (aligned(y, outputs) > 0.5)
            return _float32(wrong.mean(axis=1))
        case _:
            return _float32(np.abs(outputs - aligned(y, outputs)).mean(axis=1) * scale)


def _float32(values: npt.NDArray[Any]) -> PerRow:
    return np.asarray(values, dtype=np.float32)


def aligned(y: Targets, outputs: Targets) -> Targets:
    """Give targets the rank of the outputs, unless they are class numbers."""
    is_class = np.issubdtype(tf.as_dtype(y.dtype).as_numpy_dtype, np.integer)
    return y if len(y.shape) == len(outputs.shape) or is_class else y[:, None]
