"""One traced network and optimizer: a whole epoch in a single call of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import FloatArray
from sweepspot.training.arrays import Arrays
from sweepspot.training.evaluate import PerRow
from sweepspot.training.gradients import Gradients
from sweepspot.training.structure import Point, Structure
from sweepspot.training.swapping import swap_optimizer
from sweepspot.training.updates import make_update
from sweepspot.training.vectors import Slots

__all__ = ["EpochValues", "Snapshot", "Start", "Trace"]

Snapshot: TypeAlias = tuple[list[FloatArray], list[npt.NDArray[Any]]]
"""The value of each trainable variable of a network, and of each that is not trained."""

GATHERED_AT_ONCE = 64 * 2**20
"""Bytes of examples that are put into the epoch's order as a whole, and not batch by batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochValues:
    """What one epoch gave; `train_s` are the seconds of its gradient steps."""

    J_train: float
    J_cv: float
    finite: bool
    train_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where a trial starts.

    Attributes:
        weights: One array for each trainable variable.
        states: One array for each variable that is not trained.
        point: The numbers of the trial's network.
        noise: Seed of each dropout layer.
        features: Units of each dropout layer, None where not known.
        batch_size: Examples a gradient step.
        optimizer: Whose state to go on from; None for a fresh one.
    """

    weights: list[FloatArray]
    states: list[npt.NDArray[Any]]
    point: Point
    noise: list[int]
    features: list[int | None]
    batch_size: int
    optimizer: keras.optimizers.Optimizer | None = None


class Trace:
    """Trains networks of one structure, one after another.

    Args:
        gradients: Of the structure's network; several traces may share it, and train in turn.
        optimizer: Not yet built.
        structure: Of the network with its optimizer.
        point: Numbers of a trial of this structure; which of them are 0 matters.
        arrays: What is trained and measured on.
    """

    def __init__(
        self,
        *,
        gradients: Gradients,
        optimizer: keras.optimizers.Optimizer,
        structure: Structure,
        point: Point,
        arrays: Arrays,
    ) -> None:
        self.structure = structure
        self.gradients = gradients
        self._arrays = arrays
        self._batch_size = 1
        self._weights = gradients.weights
        self._optimizer = optimizer
        optimizer.build(self._weights.variables)
        self._slots = Slots(optimizer, structure)
        self._numbers = swap_optimizer(optimizer, point)
        self._update = make_update(
            optimizer, self._weights.variables, elementwise=structure.elementwise
        )
        self._epoch = tf.function(self._one_epoch, autograph=False).get_concrete_function(
            tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)
        )

    def start(self, start: Start) -> None:
        """Forget the last trial, and take on another's start."""
        sizes = self._weights.reshape(start.weights)
        self.restore(start.weights, start.states)
        self._batch_size = min(start.batch_size, int(self._arrays.X.shape[0]))
        state = self._slots.take(start.optimizer) if start.optimizer else None
        self._slots.assign(state, sum(sizes))
        rate = start.point.optimizer.get("learning_rate")
        if rate is not None:
            self._optimizer._learning_rate.assign(rate)
        for name, variable in self._numbers.items():
            variable.assign(start.point.optimizer[name])
        self.gradients.penalties.assign(start.point, sizes)
        self.gradients.noise.assign(start.point.rates, start.noise, start.features)

    def epoch(self, order: npt.NDArray[np.int32]) -> EpochValues:
        """Train one epoch and measure.

        Args:
            order: The rows in the order in which they are trained on; those that do not fill a
                batch are the last.
        """
        finite, train_s = self._epoch(tf.constant(order), tf.constant(self._batch_size))
        parts = [self.gradients.measure(X, y)[0].numpy() for X, y in self._arrays.parts()]
        losses, kept = np.concatenate(parts), int(self._arrays.y_kept.shape[0])
        return EpochValues(
            J_train=float(np.mean(losses[:kept], dtype=np.float64)),
            J_cv=float(np.mean(losses[kept:], dtype=np.float64)),
            finite=bool(finite),
            train_s=float(train_s),
        )

    def hold(self) -> list[tf.Tensor]:
        """Return the weights and the states as they lie here, for `put_back`: a cheap snapshot."""
        return [v.read_value() for v in self._floats]

    def put_back(self, held: list[tf.Tensor]) -> None:
        """Put back what was held, of the same trial."""
        for variable, value in zip(self._floats, held, strict=True):
            variable.assign(value)

    @property
    def _floats(self) -> list[tf.Variable]:
        # Beside these there are seeds, which nothing depends on that is measured or kept.
        states = [v for v in self.gradients.states if v.dtype.is_floating]
        return [*(v.value for v in self._weights.variables), *states]

    def snapshot(self) -> Snapshot:
        """Return the weights and the states, each variable by itself."""
        return self._weights.read(), [v.numpy() for v in self.gradients.states]

    def restore(self, weights: list[FloatArray], states: list[npt.NDArray[Any]]) -> None:
        """Put a snapshot back."""
        self._weights.assign(weights)
        for variable, value in zip(self.gradients.states, states, strict=True):
            variable.assign(value)

    def give_state(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Put the present state of the optimizer into that of a network."""
        self._slots.give(optimizer)

    def measure(self, X: FloatArray, y: npt.NDArray[Any]) -> tuple[PerRow, FloatArray]:
        """Return the loss of each row, and what the network answers, at its present weights."""
        losses, outputs = self.gradients.measure(tf.constant(X), tf.constant(y))
        return losses.numpy(), outputs.numpy()

    def _one_epoch(self, order: tf.Tensor, size: tf.Tensor) -> list[tf.Tensor]:
        begun = tf.timestamp()
        with tf.control_dependencies([begun]):
            done = self._all_steps(order, size)
        with tf.control_dependencies([done]):
            ended = tf.timestamp()
            finite = [tf.reduce_all(tf.math.is_finite(v)) for v in self._floats]
        return [tf.reduce_all(finite), ended - begun]

    def _all_steps(self, order: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        rows, noise = tf.size(order), self.gradients.noise
        X, y = self._arrays.X, self._arrays.y
        at_once = X.dtype.size * X.shape.num_elements() <= GATHERED_AT_ONCE
        if at_once:
            X, y = tf.gather(X, order), tf.gather(y, order)
        frame, numbers = self._weights.frame(), noise.numbers()
        iterations = tf.cast(self._optimizer.iterations.value, tf.int32)

        def body(start: tf.Tensor, *carried: tf.Tensor) -> list[tf.Tensor]:
            end = tf.minimum(start + size, rows)
            if at_once:
                batch = X[start:end], y[start:end]
            else:
                batch = tf.gather(X, order[start:end]), tf.gather(y, order[start:end])
            self._update(self.gradients.step(*batch, frame, numbers, list(carried)))
            return [end, *noise.next(carried)]

        done = tf.while_loop(
            lambda start, *_: start < rows,
            body,
            [tf.constant(0), *noise.first(numbers, size, iterations)],
            parallel_iterations=1,
        )
        # The order of stateful operations within a function makes this read the last one.
        with tf.control_dependencies([done[0]]):
            return tf.identity(self._optimizer.iterations.value.read_value())
