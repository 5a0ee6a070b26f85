"""One traced network: a whole epoch in a single call of TensorFlow, its evaluation in another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import FloatArray, TrainingData
from sweepspot.training.evaluate import ROWS_AT_A_TIME, PerRow, aligned, as_loss, unreduced
from sweepspot.training.noise import Noise
from sweepspot.training.structure import Point, Structure
from sweepspot.training.swapping import Numbers, swap_dense, swap_optimizer, take_penalties_off
from sweepspot.training.updates import make_update
from sweepspot.training.vectors import Slots, Weights, loose

__all__ = ["Arrays", "EpochValues", "Snapshot", "Start", "Trace"]

Snapshot: TypeAlias = tuple[list[FloatArray], list[npt.NDArray[Any]]]
"""The value of each trainable variable of a network, and of each that is not trained."""

GATHERED_AT_ONCE = 64 * 2**20
"""Bytes of examples that are put into the epoch's order as a whole, and not batch by batch."""


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
        optimizer: Whose state to go on from; None for a fresh one.
    """

    weights: list[FloatArray]
    states: list[npt.NDArray[Any]]
    point: Point
    noise: list[int]
    features: list[int | None]
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
        self._loss, self._per_example = as_loss(loss), unreduced(loss)
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
        swap_dense(model)
        self._update = make_update(
            optimizer, self._weights.variables, elementwise=structure.elementwise
        )
        self._noise = Noise(model, optimizer.iterations)
        self._epoch = tf.function(self._one_epoch, autograph=False).get_concrete_function(
            tf.TensorSpec((None,), tf.int32)
        )
        self._measure = tf.function(self._measure_rows, autograph=False).get_concrete_function(
            *(tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in (arrays.X, arrays.y))
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
        self._numbers.assign(start.point, sizes)
        self._noise.assign(start.point.rates, start.noise, start.features)

    def epoch(self, order: npt.NDArray[np.int32]) -> EpochValues:
        """Train one epoch and measure.

        Args:
            order: The rows in the order in which they are trained on; those that do not fill a
                batch are the last.
        """
        finite, train_s = (value.numpy() for value in self._epoch(tf.constant(order)))
        parts = [self._measure(X, y)[0].numpy() for X, y in self._arrays.parts()]
        losses, kept = np.concatenate(parts), int(self._arrays.y_kept.shape[0])
        return EpochValues(
            J_train=float(np.mean(losses[:kept], dtype=np.float64)),
            J_cv=float(np.mean(losses[kept:], dtype=np.float64)),
            finite=bool(finite),
            train_s=float(train_s),
        )

    def hold(self) -> list[tf.Tensor]:
        """Return the weights and the states as they lie here, for `put_back`: a cheap snapshot."""
        return [v.read_value() for v in self._values]

    def put_back(self, held: list[tf.Tensor]) -> None:
        """Put back what was held, of the same trial."""
        for variable, value in zip(self._values, held, strict=True):
            variable.assign(value)

    @property
    def _values(self) -> list[tf.Variable]:
        return [*(v.value for v in self._weights.variables), *self._states]

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

    def measure(self, X: FloatArray, y: npt.NDArray[Any]) -> tuple[PerRow, FloatArray]:
        """Return the loss of each row, and what the network answers, at its present weights."""
        losses, outputs = self._measure(tf.constant(X), tf.constant(y))
        return losses.numpy(), outputs.numpy()

    def outputs(self, X: tf.Tensor) -> tf.Tensor:
        """Return what the network answers at its present weights, in inference mode."""
        y = self._arrays.y
        return self._measure(X, tf.zeros((len(X), *y.shape[1:]), y.dtype))[1]

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
            losses, slopes = self._losses(y, outputs)
        # Where a mean is known to be one, its slope is a constant for each row.
        gradients = tape.gradient(
            [losses, *extra],
            weights,
            output_gradients=[slopes, *(tf.ones_like(part) for part in extra)],
            unconnected_gradients="zero",
        )
        self._update(self._numbers.penalized(gradients, weights))
        for variable, old, new in zip(self._states, states, after, strict=True):
            if new is not old:
                variable.assign(new)

    def _losses(self, y: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what a step goes down on, and its slope: 1 for a loss that Keras reduces."""
        y = aligned(y, outputs)
        if getattr(self._loss, "reduction", None) not in _MEANS or _is_masked(outputs):
            loss = self._loss(y, outputs)
            return loss, tf.ones_like(loss)
        losses = self._per_example(y, outputs)
        return losses, tf.fill(tf.shape(losses), 1.0 / tf.cast(tf.size(losses), losses.dtype))

    def _one_epoch(self, order: tf.Tensor) -> list[tf.Tensor]:
        begun = tf.timestamp()
        with tf.control_dependencies([begun]):
            done = self._all_steps(order, self._weights.frame())
        with tf.control_dependencies([done]):
            ended = tf.timestamp()
            floats = [v for v in self._values if v.dtype.is_floating]
            finite = [tf.reduce_all(tf.math.is_finite(v)) for v in floats]
        return [tf.reduce_all(finite), ended - begun]

    def _all_steps(self, order: tf.Tensor, frame: list[tf.Tensor]) -> tf.Tensor:
        rows, size = tf.size(order), self._batch
        X, y = self._arrays.X, self._arrays.y
        at_once = X.dtype.size * X.shape.num_elements() <= GATHERED_AT_ONCE
        if at_once:
            X, y = tf.gather(X, order), tf.gather(y, order)

        def body(start: tf.Tensor, *bits: tf.Tensor) -> list[tf.Tensor]:
            end = tf.minimum(start + size, rows)
            self._noise.use(list(bits), end - start)
            if at_once:
                self._one_step(X[start:end], y[start:end], frame)
            else:
                chosen = order[start:end]
                self._one_step(tf.gather(X, chosen), tf.gather(y, chosen), frame)
            return [end, *self._noise.next(list(bits))]

        done = tf.while_loop(
            lambda start, *_: start < rows,
            body,
            [tf.constant(0), *self._noise.first(size)],
            parallel_iterations=1,
        )
        # The order of stateful operations within a function makes this read the last one.
        with tf.control_dependencies([done[0]]):
            return tf.identity(self._optimizer.iterations.value.read_value())

    def _measure_rows(self, X: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        weights = [v.value.read_value() for v in self._weights.variables]
        states = [v.read_value() for v in self._states]
        views = self._weights.views(weights, self._weights.frame())
        outputs = self._call(views, X, states, training=False)[0]
        losses = self._per_example(aligned(y, outputs), outputs)
        if losses.shape.rank != 1:
            # A loss of several values a row counts as their mean.
            losses = tf.reduce_mean(tf.reshape(losses, [tf.shape(X)[0], -1]), axis=1)
        return [losses, outputs]


_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


def _is_masked(outputs: tf.Tensor) -> bool:
    return getattr(outputs, "_keras_mask", None) is not None
