"""Linear and logistic regression: one layer from the inputs to the outputs."""

from __future__ import annotations

import keras

from sweepspot.data import Task
from sweepspot.families.compiling import Penalties, Training, compile_network, output_layer
from sweepspot.space import Params

__all__ = ["build"]


def build(params: Params, shape: tuple[int, ...], task: Task, n_outputs: int) -> keras.Model:
    """Return a compiled linear network.

    Args:
        params: A point of the space; what it leaves out has its default.
        shape: Shape of one example; flattened.
        task: Decides the loss and the output.
        n_outputs: Width of the output.
    """
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs) if len(shape) > 1 else inputs
    outputs = output_layer(task, n_outputs, Penalties.of(params))(x)
    return compile_network(keras.Model(inputs, outputs), task, Training.of(params))
