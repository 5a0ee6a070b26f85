"""The weights of a traced network in one vector, of any length where the widths are free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sweepspot.data import FloatArray
from sweepspot.training.structure import Structure
from sweepspot.training.widths import free_dense

__all__ = ["Slots", "Weights", "loose"]

_NAME = "weights"


class Weights:
    """The variables that the optimizer of a trace updates.

    One vector when the structure is elementwise, else the network's own variables. When it leaves
    the widths free, the *frame* says where the parts begin and which shapes they have: the sizes
    of the parts, then the shape of each.

    Args:
        model: The traced network.
        structure: Of the network.
    """

    def __init__(self, model: keras.Model, structure: Structure) -> None:
        self._structure = structure
        self._shapes = [tuple(v.shape) for v in model.trainable_variables]
        self._static = [tf.TensorShape(shape) for shape in self._shapes]
        self.variables = self._make_variables(model)
        if structure.free_widths:
            self._static = _static_shapes(model)
            loosen(self.variables[0])
            self._sizes = tf.Variable(np.zeros(len(self._shapes), np.int32))
            self._lengths = [tf.Variable(np.zeros(len(s), np.int32)) for s in self._shapes]

    def frame(self) -> list[tf.Tensor]:
        """Read the frame."""
        if not self._structure.free_widths:
            return []
        return [v.read_value() for v in (self._sizes, *self._lengths)]

    def views(self, weights: list[tf.Tensor], frame: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return the value of each trainable variable of the network."""
        if not self._structure.elementwise:
            return weights
        shapes: Sequence[Any] = frame[1:] or self._shapes
        sizes = frame[0] if frame else [int(np.prod(shape)) for shape in self._shapes]
        parts = tf.split(weights[0], sizes, num=len(shapes))
        views = [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        for view, shape in zip(views, self._static, strict=True):
            view.set_shape(shape)
        return views

    def reshape(self, weights: list[FloatArray]) -> list[int]:
        """Take on the shapes of another network.

        Returns:
            The number of weights in each trainable variable.
        """
        self._shapes = [w.shape for w in weights]
        sizes = [w.size for w in weights]
        if self._structure.free_widths:
            self._sizes.assign(sizes)
            for variable, shape in zip(self._lengths, self._shapes, strict=True):
                variable.assign(shape)
        return sizes

    def assign(self, weights: list[FloatArray]) -> None:
        """Set the value of each trainable variable of the network."""
        if self._structure.elementwise:
            weights = [np.concatenate([np.ravel(w) for w in weights])]
        for variable, value in zip(self.variables, weights, strict=True):
            variable.value.assign(value)

    def read(self) -> list[FloatArray]:
        """Return the value of each trainable variable of the network."""
        weights = [v.numpy() for v in self.variables]
        if not self._structure.elementwise:
            return weights
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        parts = np.split(weights[0], ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _make_variables(self, model: keras.Model) -> list[keras.Variable]:
        if not self._structure.elementwise:
            return list(model.trainable_variables)
        count = sum(int(np.prod(shape)) for shape in self._shapes)
        return [keras.Variable(np.zeros(count, np.float32), name=_NAME)]


class Slots:
    """The state of an optimizer, which each trial starts afresh.

    Args:
        optimizer: Built, and not yet used.
        structure: Of the network.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, structure: Structure) -> None:
        self._variables = optimizer.variables
        self._fresh = [v.numpy() for v in self._variables]
        self._free, self._elementwise = structure.free_widths, structure.elementwise
        for variable in self._variables:
            if self._free and len(variable.shape):
                loosen(variable)

    def take(self, optimizer: keras.optimizers.Optimizer) -> list[npt.NDArray[Any]]:
        """Return the state of a network's own optimizer, as `assign` takes it."""
        return [
            np.concatenate([np.ravel(v.numpy()) for v in own])
            if self._in_parts(variable)
            else own[0].numpy()
            for variable, own in zip(self._variables, self._own(optimizer), strict=True)
        ]

    def give(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Put the present state into a network's own optimizer."""
        for variable, own in zip(self._variables, self._own(optimizer), strict=True):
            if not self._in_parts(variable):
                own[0].assign(variable.value)
                continue
            ends = np.cumsum([int(np.prod(v.shape)) for v in own])
            for v, part in zip(own, np.split(variable.numpy(), ends[:-1]), strict=True):
                v.assign(part.reshape(v.shape))

    def _own(self, optimizer: keras.optimizers.Optimizer) -> list[list[keras.Variable]]:
        """Return, for each variable of the trace's optimizer, those of a network's own."""
        if not self._elementwise:
            return [[v] for v in optimizer.variables]
        slots = tuple(v.name[len(_NAME) :] for v in self._variables if self._in_parts(v))
        # Of numbers such as the count of iterations there is one, whatever the network.
        single = iter([v for v in optimizer.variables if not v.name.endswith(slots)])
        return [
            [v for v in optimizer.variables if v.name.endswith(variable.name[len(_NAME) :])]
            if self._in_parts(variable)
            else [next(single)]
            for variable in self._variables
        ]

    def _in_parts(self, variable: keras.Variable) -> bool:
        return self._elementwise and variable.name.startswith(f"{_NAME}_")

    def assign(self, state: Sequence[npt.NDArray[Any]] | None, count: int) -> None:
        """Set the state.

        Args:
            state: As `optimizer.variables` hold it; None for a fresh one.
            count: Weights of the network.
        """
        for variable, value in zip(self._variables, state or self._fresh, strict=True):
            if self._free and value.ndim and value.size != count:
                # Every slot starts as a constant.
                value = np.full(count, value[0])
            variable.value.assign(value)


def loosen(variable: keras.Variable) -> None:
    """Let a Keras variable hold a value of any length."""
    variable._value = tf.Variable(
        variable.numpy(), shape=loose(variable.shape), trainable=variable.trainable
    )


def loose(shape: Sequence[int]) -> tf.TensorShape:
    """Return a shape of the same rank that fixes no length."""
    return tf.TensorShape([None] * len(shape))


def _static_shapes(model: keras.Model) -> list[tf.TensorShape]:
    # Losses look at the width of the output while they are traced.
    free = free_dense(model)
    units = {
        id(variable): layer.units
        for layer in model.layers
        if isinstance(layer, keras.layers.Dense) and layer.name not in free
        for variable in layer.trainable_variables
    }
    return [
        tf.TensorShape([*[None] * (len(v.shape) - 1), units.get(id(v))])
        for v in model.trainable_variables
    ]
