"""Known numbers of built objects, swapped for variables that a trace reads anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweepspot.training.structure import PENALTIES, Point, Structure, dropouts

__all__ = ["Numbers", "swap_optimizer", "swap_rates", "take_penalties_off"]


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
class Numbers:
    """The variables of one trace that hold its trial's numbers.

    Attributes:
        optimizer: Fields of the optimizer.
        rates: Rate of each dropout layer.
        noise: Seed of each dropout layer.
        l1: Factor of the L1 penalty on every weight, in the shapes of the trace's weights; empty
            when nothing is so penalized.
        l2: The same for L2.
    """

    optimizer: Mapping[str, tf.Variable]
    rates: tf.Variable
    noise: tf.Variable
    l1: list[tf.Variable]
    l2: list[tf.Variable]

    @classmethod
    def of(cls, point: Point, weights: list[keras.Variable], structure: Structure) -> Numbers:
        """Make the variables that a structure needs."""

        def factors(*, needed: bool) -> list[tf.Variable]:
            return [_factor(w, structure) for w in weights] if needed else []

        count = len(point.rates)
        return cls(
            optimizer={
                name: tf.Variable(value, dtype=tf.float32)
                for name, value in point.optimizer.items()
                if name != "learning_rate"
            },
            rates=tf.Variable(np.zeros(count, np.float32)),
            noise=tf.Variable(np.zeros(count, np.int32)),
            l1=factors(needed=any(point.l1)),
            l2=factors(needed=any(point.l2)),
        )

    def assign(self, point: Point, noise: list[int], sizes: list[int]) -> None:
        """Take on the numbers of a trial.

        Args:
            point: The numbers.
            noise: Seed of each dropout layer.
            sizes: Weights in each trainable variable of the network.
        """
        for name, variable in self.optimizer.items():
            variable.assign(point.optimizer[name])
        self.rates.assign(np.asarray(point.rates, np.float32))
        self.noise.assign(np.asarray(noise, np.int32))
        _assign_factors(self.l1, point.l1, sizes)
        _assign_factors(self.l2, point.l2, sizes)

    def penalized(self, gradients: list[tf.Tensor], weights: list[tf.Tensor]) -> list[tf.Tensor]:
        """Add the slope of the penalties to gradients."""
        if self.l1:
            gradients = [
                g + factor * tf.sign(w)
                for g, factor, w in zip(gradients, self.l1, weights, strict=True)
            ]
        if self.l2:
            gradients = [
                g + 2.0 * factor * w
                for g, factor, w in zip(gradients, self.l2, weights, strict=True)
            ]
        return gradients


def swap_optimizer(optimizer: keras.optimizers.Optimizer, numbers: Numbers) -> None:
    """Make a built optimizer read its known numbers from variables."""
    for name, variable in numbers.optimizer.items():
        setattr(optimizer, name, Swapped(variable))


def swap_rates(model: keras.Model, numbers: Numbers, iterations: keras.Variable) -> None:
    """Make the dropout layers of a built network read their rates and seeds from variables.

    Args:
        model: The network that is traced.
        numbers: Holds the rates and seeds.
        iterations: Gradient steps so far; no two steps draw the same units.
    """
    for i, layer in enumerate(dropouts(model)):
        layer.call = _dropout(i, numbers, iterations)


def take_penalties_off(model: keras.Model) -> None:
    """Take the known regularizers off a network whose trace adds their slope by itself."""
    for variable in model.trainable_variables:
        if type(variable.regularizer) in PENALTIES:
            variable.regularizer = None


def _dropout(i: int, numbers: Numbers, iterations: keras.Variable) -> Callable[..., tf.Tensor]:
    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:  # noqa: FBT001, FBT002
        if not training:
            return inputs
        rate = numbers.rates[i]
        seed = tf.stack([numbers.noise[i], tf.cast(iterations.value, tf.int32)])
        drawn = tf.random.stateless_uniform(tf.shape(inputs), seed)
        return tf.where(drawn >= rate, inputs / (1.0 - rate), 0.0)

    return call


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
