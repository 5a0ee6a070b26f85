"""The networks of the hand-written sides, as their users would write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

__all__ = ["build", "build_lstm"]

WORDS, WIDTH, WRITERS = 40, 32, 4


def build(job: Mapping[str, Any], hp: Mapping[str, Any]) -> keras.Model:
    """Return the compiled network of a point."""
    shape = tuple(job["shape"])
    match job["model"]:
        case "mlp":
            model = _mlp(hp, shape, job["n_outputs"])
        case "cnn":
            model = _cnn(hp, shape, job["n_outputs"])
        case _:
            model = _lstm(hp)
    classes = job["task"] == "multiclass"
    loss = (
        keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if classes
        else keras.losses.MeanSquaredError()
    )
    optimizer = keras.optimizers.get(hp.get("optimizer", "adam"))
    optimizer.learning_rate = hp["learning_rate"]
    model.compile(optimizer, loss, metrics=["accuracy"] if classes else None)
    return model


def _mlp(hp: Mapping[str, Any], shape: tuple[int, ...], n_outputs: int) -> keras.Sequential:
    def penalty() -> keras.regularizers.Regularizer:
        return keras.regularizers.L2(hp["l2"])

    model = keras.Sequential([keras.Input(shape)])
    if len(shape) > 1:
        model.add(keras.layers.Flatten())
    for _ in range(hp["layers"]):
        model.add(keras.layers.Dense(hp["units"], "relu", kernel_regularizer=penalty()))
        model.add(keras.layers.Dropout(hp["dropout"]))
    model.add(keras.layers.Dense(n_outputs, kernel_regularizer=penalty()))
    return model


def _cnn(hp: Mapping[str, Any], shape: tuple[int, ...], n_outputs: int) -> keras.Sequential:
    model = keras.Sequential([keras.Input(shape), keras.layers.Reshape((*shape, 1))])
    for block in range(hp["blocks"]):
        filters = hp["filters"] * 2**block
        model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D())
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(hp["units"], "relu"))
    model.add(keras.layers.Dropout(hp["dropout"]))
    model.add(keras.layers.Dense(n_outputs))
    return model


def _lstm(hp: Mapping[str, Any]) -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((WORDS, WIDTH)),
            keras.layers.LSTM(hp["units"]),
            keras.layers.Dropout(hp["dropout"]),
            keras.layers.Dense(WRITERS),
        ]
    )


def build_lstm(hp: Any) -> keras.Model:
    """Return the network of the texts, for Sweepspot: a user's own `build(hp)`."""
    values = {
        "units": hp.Int("units", 16, 64, sampling="log"),
        "dropout": hp.Float("dropout", 0.1, 0.5),
    }
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    model = _lstm(values)
    model.compile(
        keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model
