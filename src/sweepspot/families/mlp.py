"""Multilayer perceptrons: hidden layers of units, each with its activation and dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import keras

from sweepspot.data import Task
from sweepspot.families.compiling import Penalties, Training, compile_network, output_layer
from sweepspot.families.outlines import Outline
from sweepspot.networks import layer_widths, setting
from sweepspot.space import Params

__all__ = ["build", "outline"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The architecture of a perceptron."""

    widths: tuple[int, ...]
    activation: str
    dropout: float
    batch_norm: bool
    penalties: Penalties

    @classmethod
    def of(cls, params: Params) -> Self:
        """Take it out of a point."""
        return cls(
            widths=layer_widths(params),
            activation=str(params.get("activation", "relu")),
            dropout=float(params.get("dropout", 0.0)),
            batch_norm=bool(params.get("batch_norm", False)),
            penalties=Penalties.of(params),
        )


def build(params: Params, shape: tuple[int, ...], task: Task, n_outputs: int) -> keras.Model:
    """Return a compiled perceptron.

    Args:
        params: A point of the space; what it leaves out has its default.
        shape: Shape of one example; flattened.
        task: Decides the loss and the output.
        n_outputs: Width of the output.
    """
    config = Config.of(params)
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs) if len(shape) > 1 else inputs
    for width in config.widths:
        x = keras.layers.Dense(width, kernel_regularizer=config.penalties.regularizer())(x)
        if config.batch_norm:
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation(config.activation)(x)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout)(x)
    outputs = output_layer(task, n_outputs, config.penalties)(x)
    return compile_network(keras.Model(inputs, outputs), task, Training.of(params))


def outline(params: Params) -> Outline | None:
    """Tell what `build` would make of a point; building takes twenty times as long.

    Returns:
        None for a point with a value that `build` or Keras may refuse.
    """
    known = ((setting("mlp", name), value) for name, value in params.items())
    if any(limits and limits.problem(value) for limits, value in known):
        return None
    config, training = Config.of(params), Training.of(params)
    numbers = training.numbers()
    penalties = config.penalties
    return Outline(
        key=(
            len(config.widths),
            config.activation,
            config.batch_norm,
            bool(config.dropout),
            bool(penalties.l1),
            bool(penalties.l2),
            training.optimizer,
            tuple(sorted(numbers)),
        ),
        widths=config.widths,
        rate=config.dropout,
        l1=penalties.l1,
        l2=penalties.l2,
        optimizer=numbers,
    )
