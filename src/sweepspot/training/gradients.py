"""The graphs of one network that know nothing of its optimizer: its gradient, what it measures."""

from __future__ import annotations

import keras
import tensorflow as tf

from sweepspot.training.arrays import Arrays
from sweepspot.training.evaluate import aligned, as_loss, unreduced
from sweepspot.training.noise import Noise
from sweepspot.training.structure import Point, Structure
from sweepspot.training.swapping import Penalties, swap_dense, take_penalties_off
from sweepspot.training.vectors import Weights, loose

__all__ = ["Gradients"]


class Gradients:
    """A traced network, for whichever optimizers train it.

    All weights lie in one vector where the optimizers treat each by itself: an update is then a
    few operations, however many layers there are. Where the structure leaves the widths free,
    that vector has any length, and the shapes of its parts are numbers like the others.

    Args:
        model: The network to trace; its known regularizers are taken off it.
        structure: Of the network.
        point: Numbers of a trial of this structure; which of them are 0 matters.
        arrays: What is trained and measured on.

    Attributes:
        loss: As compiled.
        weights: That a step changes.
        states: One variable for each of the network that is not trained.
        penalties: On the weights.
        noise: Of the dropout layers.
        step: `(X, y, frame, numbers, carried)` of a batch to the gradient by each of the weights.
            `frame` and `numbers` are those of the weights and the noise, read once an epoch.
        measure: `(X, y)` to the loss of each row and what the network answers, in inference mode.
    """

    def __init__(
        self, *, model: keras.Model, structure: Structure, point: Point, arrays: Arrays
    ) -> None:
        self._model = model
        self.loss, self._per_example = as_loss(model.loss), unreduced(model.loss)
        self.weights = Weights(model, structure)
        self.states = [
            tf.Variable(v.numpy(), shape=loose(v.shape) if structure.free_widths else v.shape)
            for v in model.non_trainable_variables
        ]
        self.penalties = Penalties.of(point, self.weights.variables, structure)
        self.noise = Noise(model)
        take_penalties_off(model)
        swap_dense(model)
        batch = [tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in (arrays.X, arrays.y)]
        self.step = tf.function(self._step, autograph=False).get_concrete_function(
            *batch,
            _specs(self.weights.frame()),
            _specs(self.noise.numbers()),
            self.noise.carried_specs,
        )
        self.measure = tf.function(self._measure, autograph=False).get_concrete_function(*batch)

    def _step(
        self,
        X: tf.Tensor,
        y: tf.Tensor,
        frame: list[tf.Tensor],
        numbers: list[tf.Tensor],
        carried: list[tf.Tensor],
    ) -> list[tf.Tensor]:
        self.noise.use(numbers, carried, tf.shape(X)[0])
        weights = [v.value.read_value() for v in self.weights.variables]
        states = [v.read_value() for v in self.states]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            views = self.weights.views(weights, frame)
            outputs, after, extra = self._call(views, X, states, training=True)
            losses, slopes = self._losses(y, outputs)
        # Where a mean is known to be one, its slope is a constant for each row.
        gradients = tape.gradient(
            [losses, *extra],
            weights,
            output_gradients=[slopes, *(tf.ones_like(part) for part in extra)],
            unconnected_gradients="zero",
        )
        for variable, old, new in zip(self.states, states, after, strict=True):
            if new is not old:
                variable.assign(new)
        return self.penalties.added(gradients, weights)

    def _losses(self, y: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what a step goes down on, and its slope: 1 for a loss that Keras reduces."""
        y = aligned(y, outputs)
        if getattr(self.loss, "reduction", None) not in _MEANS or _is_masked(outputs):
            loss = self.loss(y, outputs)
            return loss, tf.ones_like(loss)
        losses = self._per_example(y, outputs)
        return losses, tf.fill(tf.shape(losses), 1.0 / tf.cast(tf.size(losses), losses.dtype))

    def _measure(self, X: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        weights = [v.value.read_value() for v in self.weights.variables]
        states = [v.read_value() for v in self.states]
        views = self.weights.views(weights, self.weights.frame())
        outputs = self._call(views, X, states, training=False)[0]
        losses = self._per_example(aligned(y, outputs), outputs)
        if losses.shape.rank != 1:
            # A loss of several values a row counts as their mean.
            losses = tf.reduce_mean(tf.reshape(losses, [tf.shape(X)[0], -1]), axis=1)
        return [losses, outputs]

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


_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


def _is_masked(outputs: tf.Tensor) -> bool:
    return getattr(outputs, "_keras_mask", None) is not None


def _specs(tensors: list[tf.Tensor]) -> list[tf.TensorSpec]:
    return [tf.TensorSpec.from_tensor(tensor) for tensor in tensors]
