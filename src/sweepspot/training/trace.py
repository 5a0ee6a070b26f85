"""One traced network: a whole epoch and its evaluation in a single call of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import FloatArray, TrainingData
from sweepspot.training.evaluate import ROWS_AT_A_TIME, aligned, unreduced
from sweepspot.training.structure import Point, Structure
from sweepspot.training.swapping import Numbers, swap_optimizer, swap_rates, take_penalties_off
from sweepspot.training.updates import make_update
from sweepspot.training.vectors import Slots, Weights, loose

__all__ = ["Arrays", "EpochValues", "Snapshot", "Start", "Trace"]

Snapshot: TypeAlias = tuple[list[FloatArray], list[npt.NDArray[Any]]]
"""The value of each trainable variable of a network, and of each that is not trained."""

GATHERED_AT_ONCE = 64 * 2**20
"""Bytes of examples that are put into the epoch's order as a whole, and not batch by batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrays:
    """The splits as tensors, shared by every trace of a trainer."""

    X: tf.Tensor
    y: tf.Tensor
    X_cv: tf.Tensor
    y_cv: tf.Tensor
    X_kept: tf.Tensor
    y_kept: tf.Tensor

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
        optimizer: Whose state to go on from; None for a fresh one.
    """

    weights: list[FloatArray]
    states: list[npt.NDArray[Any]]
    point: Point
    noise: list[int]
    optimizer: keras.optimizers.Optimizer | None = None


class Trace:
    """Trains networks of one structure, one after another.

    All weights lie in one vector where the optimizer treats each by itself: an update is then a
    few operations, however many layers there are. Where the structure leaves the widths free,
    that vector has any length, and the shapes of its parts are numbers like the others.

    Args:
        model: The network to trace; its known regularizers are taken off it.
        optimizer: Not yet built.
        loss: As compiled.
        structure: Of the network.
        point: Numbers of a trial of this structure; which of them are 0 matters.
        arrays: What is trained and measured on.
        batch_size: Examples a gradient step.
    """

    def __init__(
        self,
        *,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        structure: Structure,
        point: Point,
        arrays: Arrays,
        batch_size: int,
    ) -> None:
        self.structure = structure
        self._model = model
        self._arrays = arrays
        self._batch = min(batch_size, int(arrays.X.shape[0]))
        self._loss, self._per_example = keras.losses.get(loss), unreduced(loss)
        self._optimizer = optimizer
        self._weights = Weights(model, structure)
        self._states = [
            tf.Variable(v.numpy(), shape=loose(v.shape) if structure.free_widths else v.shape)
            for v in model.non_trainable_variables
        ]
        optimizer.build(self._weights.variables)
        self._slots = Slots(optimizer, structure)
        self._numbers = Numbers.of(point, self._weights.variables, structure)
        take_penalties_off(model)
        swap_optimizer(optimizer, self._numbers)
        self._update = make_update(optimizer, self._weights.variables)
        swap_rates(model, self._numbers, optimizer.iterations)
        rows = [tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in (arrays.X, arrays.y)]
        frame = self._weights.frame_spec
        self._step = tf.function(self._one_step, [*rows, frame], autograph=False)
        self._total = tf.function(self._sum_of_losses, [*rows, frame], autograph=False)
        self._forward = tf.function(
            lambda X: self._infer(X, self._weights.frame()), rows[:1], autograph=False
        )
        order = tf.TensorSpec((int(arrays.X.shape[0]),), tf.int32)
        self._epoch = tf.function(self._one_epoch, autograph=False).get_concrete_function(
            order, tf.TensorSpec((), tf.int32)
        )

    def start(self, start: Start) -> None:
        """Forget the last trial, and take on another's start."""
        sizes = self._weights.reshape(start.weights)
        self.restore(start.weights, start.states)
        state = self._slots.take(start.optimizer) if start.optimizer else None
        self._slots.assign(state, sum(sizes))
        rate = start.point.optimizer.get("learning_rate")
        if rate is not None:
            self._optimizer._learning_rate.assign(rate)
        self._numbers.assign(start.point, start.noise, sizes)

    def epoch(self, order: npt.NDArray[np.int32], steps: int | None = None) -> EpochValues:
        """Train one epoch and measure.

        Args:
            order: The rows in the order in which they are trained on.
            steps: Full batches to train before the partial last one; all of them when None.
        """
        full = len(order) // self._batch
        values = self._epoch(tf.constant(order), tf.constant(full if steps is None else steps))
        J_train, J_cv, finite, train_s = (value.numpy() for value in values)
        return EpochValues(
            J_train=float(J_train), J_cv=float(J_cv), finite=bool(finite), train_s=float(train_s)
        )

    def snapshot(self) -> Snapshot:
        """Return the weights and the states, each variable by itself."""
        return self._weights.read(), [v.numpy() for v in self._states]

    def restore(self, weights: list[FloatArray], states: list[npt.NDArray[Any]]) -> None:
        """Put a snapshot back."""
        self._weights.assign(weights)
        for variable, value in zip(self._states, states, strict=True):
            variable.assign(value)

    def give_state(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Put the present state of the optimizer into that of a network."""
        self._slots.give(optimizer)

    def outputs(self, X: tf.Tensor) -> tf.Tensor:
        """Return what the network answers at its present weights, in inference mode."""
        return self._forward(X)

    def _call(
        self, views: list[tf.Tensor], X: tf.Tensor, states: list[tf.Tensor], *, training: bool
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        # As `stateless_call`, which refuses values whose shape is not known.
        model = self._model
        with keras.StatelessScope(collect_losses=True) as scope:
            for pair in zip(model.trainable_variables, views, strict=True):
                scope.add_update(pair)
            for pair in zip(model.non_trainable_variables, states, strict=True):
                scope.add_update(pair)
            outputs = model.call(X, training=training)
            losses = model.losses if training else []
        after = [scope.get_current_value(v) for v in model.non_trainable_variables]
        return outputs, after, losses

    def _one_step(self, X: tf.Tensor, y: tf.Tensor, frame: list[tf.Tensor]) -> None:
        weights = [v.value.read_value() for v in self._weights.variables]
        states = [v.read_value() for v in self._states]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            views = self._weights.views(weights, frame)
            outputs, after, extra = self._call(views, X, states, training=True)
            loss = tf.add_n([self._loss(aligned(y, outputs), outputs), *extra])
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        self._update(self._numbers.penalized(gradients, weights))
        for variable, old, new in zip(self._states, states, after, strict=True):
            if new is not old:
                variable.assign(new)

    def _one_epoch(self, order: tf.Tensor, steps: tf.Tensor) -> list[tf.Tensor]:
        begun = tf.timestamp()
        with tf.control_dependencies([begun]):
            frame = self._weights.frame()
            done = self._all_steps(order, steps, frame)
        with tf.control_dependencies([done]):
            ended = tf.timestamp()
        with tf.control_dependencies([ended]):
            a = self._arrays
            J_train = self._mean(a.X_kept, a.y_kept, frame)
            J_cv = self._mean(a.X_cv, a.y_cv, frame)
            values = [*(v.value for v in self._weights.variables), *self._states]
            finite = [tf.reduce_all(tf.math.is_finite(v)) for v in values if v.dtype.is_floating]
        return [J_train, J_cv, tf.reduce_all(finite), ended - begun]

    def _all_steps(self, order: tf.Tensor, steps: tf.Tensor, frame: list[tf.Tensor]) -> tf.Tensor:
        rows, size = int(self._arrays.X.shape[0]), self._batch
        at_once = self._arrays.X.dtype.size * self._arrays.X.shape.num_elements()
        X, y = self._arrays.X, self._arrays.y
        if at_once <= GATHERED_AT_ONCE:
            X, y = tf.gather(X, order), tf.gather(y, order)

        def train(start: tf.Tensor, end: tf.Tensor) -> None:
            if at_once <= GATHERED_AT_ONCE:
                self._step(X[start:end], y[start:end], frame)
            else:
                chosen = order[start:end]
                self._step(tf.gather(X, chosen), tf.gather(y, chosen), frame)

        def body(i: tf.Tensor) -> list[tf.Tensor]:
            train(i * size, (i + 1) * size)
            return [i + 1]

        (done,) = tf.while_loop(lambda i: i < steps, body, [tf.constant(0)], parallel_iterations=1)
        with tf.control_dependencies([done]):
            if rows % size:
                train(rows - rows % size, rows)
        # The order of stateful operations within a function makes this read the last one.
        with tf.control_dependencies([self._optimizer.iterations.value.read_value()]):
            return tf.identity(done)

    def _mean(self, X: tf.Tensor, y: tf.Tensor, frame: list[tf.Tensor]) -> tf.Tensor:
        rows, size = int(X.shape[0]), ROWS_AT_A_TIME
        total = tf.constant(0.0, tf.float64)

        def body(i: tf.Tensor, total: tf.Tensor) -> list[tf.Tensor]:
            chunk = slice(i * size, (i + 1) * size)
            return [i + 1, total + self._total(X[chunk], y[chunk], frame)]

        if rows >= size:
            _, total = tf.while_loop(
                lambda i, total: i < rows // size,
                body,
                [tf.constant(0), total],
                parallel_iterations=1,
            )
        if rows % size:
            rest = slice(rows - rows % size, rows)
            total += self._total(X[rest], y[rest], frame)
        return total / rows

    def _sum_of_losses(self, X: tf.Tensor, y: tf.Tensor, frame: list[tf.Tensor]) -> tf.Tensor:
        outputs = self._infer(X, frame)
        losses = tf.cast(self._per_example(aligned(y, outputs), outputs), tf.float64)
        # A loss of several values a row counts as their mean.
        per_row = tf.cast(tf.size(losses) // tf.shape(X)[0], tf.float64)
        return tf.reduce_sum(losses) / per_row

    def _infer(self, X: tf.Tensor, frame: list[tf.Tensor]) -> tf.Tensor:
        weights = [v.value.read_value() for v in self._weights.variables]
        states = [v.read_value() for v in self._states]
        return self._call(self._weights.views(weights, frame), X, states, training=False)[0]
