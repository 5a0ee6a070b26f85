"""Known numbers of built objects, swapped for variables that a trace reads anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweepspot.training.structure import PENALTIES, Point, Structure

__all__ = ["Penalties", "swap_dense", "swap_optimizer", "take_penalties_off"]


class Swapped:
    """A number that a trace reads from a variable.

    Optimizers ask whether such a number is 0 before they use it; it never is, because a number
    that is 0 belongs to the structure.
    """

    dtype = "float32"
    shape = ()

    def __init__(self, variable: tf.Variable) -> None:
        self._variable = variable

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        return tf.convert_to_tensor(self._variable, dtype, name=name)

    def __gt__(self, other: object) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Penalties:
    """The penalties on the weights of one traced network, a factor for every weight.

    Attributes:
        l1: Factor of the L1 penalty, in the shapes of the trace's weights; empty when nothing is
            so penalized.
        l2: Twice the factor of the L2 penalty, which is its slope for each unit of weight.
    """

    l1: list[tf.Variable]
    l2: list[tf.Variable]

    @classmethod
    def of(cls, point: Point, weights: list[keras.Variable], structure: Structure) -> Penalties:
        """Make the variables that a structure needs."""

        def factors(*, needed: bool) -> list[tf.Variable]:
            return [_factor(w, structure) for w in weights] if needed else []

        return cls(l1=factors(needed=any(point.l1)), l2=factors(needed=any(point.l2)))

    def assign(self, point: Point, sizes: list[int]) -> None:
        """Take on the penalties of a trial.

        Args:
            point: Its numbers.
            sizes: Weights in each trainable variable of the network.
        """
        _assign_factors(self.l1, point.l1, sizes)
        _assign_factors(self.l2, tuple(2.0 * factor for factor in point.l2), sizes)

    def added(self, gradients: list[tf.Tensor], weights: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return gradients with the slope of the penalties added."""
        if self.l1:
            gradients = [
                g + factor * tf.sign(w)
                for g, factor, w in zip(gradients, self.l1, weights, strict=True)
            ]
        if self.l2:
            gradients = [
                g + slope * w for g, slope, w in zip(gradients, self.l2, weights, strict=True)
            ]
        return gradients


def swap_optimizer(
    optimizer: keras.optimizers.Optimizer, point: Point
) -> Mapping[str, tf.Variable]:
    """Make a built optimizer read its known numbers from variables.

    Returns:
        The variables by the optimizer's field; the learning rate is none, it is one already.
    """
    variables = {
        name: tf.Variable(value, dtype=tf.float32)
        for name, value in point.optimizer.items()
        if name != "learning_rate"
    }
    for name, variable in variables.items():
        setattr(optimizer, name, Swapped(variable))
    return variables


def swap_dense(model: keras.Model) -> None:
    """Make dense layers add their bias with a gradient that does no more than it must.

    Where a width is not known, the gradient of a sum has to find out at every step along which
    axes it was broadcast. TensorFlow's own addition of a bias is no remedy: fused with the product
    before it, as TensorFlow then does, a small layer takes twice as long on a processor.
    """
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.Dense and layer.use_bias and _computes_plainly(layer):
            layer.call = _dense(layer)


def take_penalties_off(model: keras.Model) -> None:
    """Take the known regularizers off a network whose trace adds their slope by itself."""
    for variable in model.trainable_variables:
        if type(variable.regularizer) in PENALTIES:
            variable.regularizer = None


def _computes_plainly(layer: keras.layers.Dense) -> bool:
    return not (layer.lora_enabled or layer.quantization_mode) and layer.compute_dtype == "float32"


def _dense(layer: keras.layers.Dense) -> Callable[..., tf.Tensor]:
    keras_call = layer.call

    def call(inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:  # noqa: FBT001
        if inputs.shape.rank != 2:
            return keras_call(inputs, training=training)
        product = tf.matmul(inputs, layer.kernel)
        return layer.activation(tf.custom_gradient(_sum)(product, layer.bias.value))

    return call


def _sum(
    product: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    return product + bias, lambda slope: (slope, tf.raw_ops.BiasAddGrad(out_backprop=slope))


def _factor(weights: keras.Variable, structure: Structure) -> tf.Variable:
    shape = [None] * len(weights.shape) if structure.free_widths else weights.shape
    return tf.Variable(np.ones(weights.shape, np.float32), shape=tf.TensorShape(shape))


def _assign_factors(
    variables: list[tf.Variable], factors: tuple[float, ...], sizes: list[int]
) -> None:
    if len(variables) == 1:
        variables[0].assign(np.repeat(np.asarray(factors, np.float32), sizes))
        return
    for variable, factor in zip(variables, factors, strict=bool(variables)):
        variable.assign(np.full(variable.shape, factor, np.float32))
