"""Small convolutional networks for images: blocks that double their filters, then one layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import keras

from sweepspot.data import Task
from sweepspot.families.compiling import Penalties, Training, compile_network, output_layer
from sweepspot.networks import FAMILIES
from sweepspot.space import Params

__all__ = ["build"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The architecture of a convolutional network."""

    blocks: int
    filters: int
    kernel: int
    units: int
    activation: str
    dropout: float
    batch_norm: bool
    penalties: Penalties

    @classmethod
    def of(cls, params: Params) -> Self:
        """Take it out of a point."""
        value = {name: params.get(name, s.default) for name, s in FAMILIES["cnn"].items()}
        return cls(
            blocks=int(value["blocks"]),
            filters=int(value["filters"]),
            kernel=int(value["kernel"]),
            units=int(value["units"]),
            activation=str(value["activation"]),
            dropout=float(value["dropout"]),
            batch_norm=bool(value["batch_norm"]),
            penalties=Penalties.of(params),
        )


def build(params: Params, shape: tuple[int, ...], task: Task, n_outputs: int) -> keras.Model:
    """Return a compiled convolutional network.

    Args:
        params: A point of the space; what it leaves out has its default.
        shape: Shape of one example: height, width and, unless it is 1, channels.
        task: Decides the loss and the output.
        n_outputs: Width of the output.

    Raises:
        ValueError: An example is not an image, or too small for so many blocks.
    """
    config = Config.of(params)
    if len(shape) not in (2, 3):
        raise ValueError(f"model cnn: needs images, got examples of shape {shape}; use mlp")
    if min(shape[:2]) < 2**config.blocks:
        raise ValueError(f"blocks: {config.blocks} halvings are too many for {shape[:2]} pixels")
    inputs = keras.Input(shape)
    x = keras.layers.Reshape((*shape, 1))(inputs) if len(shape) == 2 else inputs
    for block in range(config.blocks):
        x = keras.layers.Conv2D(
            config.filters * 2**block,
            config.kernel,
            padding="same",
            kernel_regularizer=config.penalties.regularizer(),
        )(x)
        if config.batch_norm:
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation(config.activation)(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(config.units, kernel_regularizer=config.penalties.regularizer())(x)
    if config.batch_norm:
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation(config.activation)(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout)(x)
    outputs = output_layer(task, n_outputs, config.penalties)(x)
    return compile_network(keras.Model(inputs, outputs), task, Training.of(params))
