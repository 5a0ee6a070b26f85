"""Preprocessing, network and answers in one Keras model of stock layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sweepspot.champion import artifact_paths
from sweepspot.data import Task
from sweepspot.datasets import Dataset
from sweepspot.datasets.preprocessing import (
    ImagePreprocessor,
    NumberColumn,
    Preprocessor,
    TablePreprocessor,
    TextColumn,
)
from sweepspot.datasets.targets import TargetEncoding
from sweepspot.training.evaluate import as_loss

__all__ = ["save", "whole_model"]

NUMBERS, IMAGES = "numbers", "images"
"""Names of the inputs that are not a text column's."""

# StringLookup puts the mask first and words it has not seen second.
_MISSING, _OTHER, _KNOWN = 0, 1, 2


def save(network: keras.Model, dataset: Dataset, folder: Path) -> None:
    """Write the whole model and what its model file needs to know.

    Args:
        network: Trained; one float32 input of preprocessed examples.
        dataset: With the fitted preprocessing and encoding.
        folder: Made when missing.
    """
    paths = artifact_paths(folder)
    folder.mkdir(parents=True, exist_ok=True)
    whole_model(network, dataset.preprocessor, dataset.encoding).save(paths["network"])
    paths["meta"].write_text(json.dumps(_meta(dataset), indent=1), encoding="utf-8")


def whole_model(
    network: keras.Model, preprocessor: Preprocessor, encoding: TargetEncoding
) -> keras.Model:
    """Return a model from raw inputs to probabilities, or to values in the target's units.

    Args:
        network: Trained; one float32 input of preprocessed examples.
        preprocessor: As fitted; its inputs become the model's.
        encoding: As fitted.

    Returns:
        A model whose inputs are a dictionary: `numbers` `(examples, columns)` float64 with NaN
        where a value is missing, `text_0`, `text_1`, ... `(examples, 1)` strings, empty where
        missing; or `images` `(examples, ...)` float32.
    """
    if isinstance(preprocessor, ImagePreprocessor):
        inputs, x = _image_inputs(preprocessor)
    else:
        inputs, x = _table_inputs(preprocessor)
    return keras.Model(inputs, _answers(network, x, encoding))


def _image_inputs(preprocessor: ImagePreprocessor) -> tuple[dict[str, Any], Any]:
    images = keras.Input(preprocessor.shape, name=IMAGES)
    x = keras.layers.Rescaling(preprocessor.scale, preprocessor.offset)(images)
    return {IMAGES: images}, x


def _table_inputs(preprocessor: TablePreprocessor) -> tuple[dict[str, Any], Any]:
    inputs: dict[str, Any] = {}
    parts = []
    if preprocessor.numbers:
        inputs[NUMBERS] = keras.Input((len(preprocessor.numbers),), dtype="float64", name=NUMBERS)
        parts += _scaled(inputs[NUMBERS], preprocessor.numbers)
    for k, column in enumerate(preprocessor.texts):
        text = inputs[f"text_{k}"] = keras.Input((1,), dtype="string", name=f"text_{k}")
        parts.append(_one_hot(text, column))
    return inputs, keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def _scaled(numbers: Any, columns: tuple[NumberColumn, ...]) -> list[Any]:
    """Standardize in float64, as the training data were: a time stamp has more than 7 digits."""
    missing = keras.ops.isnan(numbers)
    filled = keras.ops.where(missing, keras.ops.zeros_like(numbers), numbers)
    # Rescaling rounds its numbers to float32, so the mean is taken off first, as float32 holds it;
    # what that leaves of it is small, and so is what rounding takes of the rest.
    scale = np.array([c.scale for c in columns])
    mean = np.array([-c.offset / c.scale if c.scale else 0.0 for c in columns])
    near = mean.astype(np.float32).astype(np.float64)
    centred = keras.layers.Rescaling(1.0, (-near).tolist(), dtype="float64")(filled)
    rest = ((near - mean) * scale).tolist()
    scaled = keras.layers.Rescaling(scale.tolist(), rest, dtype="float64")(centred)
    present = keras.ops.where(missing, keras.ops.zeros_like(scaled), scaled)
    parts = [keras.ops.cast(present, "float32")]
    flagged = [k for k, c in enumerate(columns) if c.flag]
    if flagged:
        flags = keras.ops.take(keras.ops.cast(missing, "float32"), flagged, axis=1)
        parts.append(flags)
    return parts


def _one_hot(text: Any, column: TextColumn) -> Any:
    lookup = keras.layers.StringLookup(vocabulary=list(column.values), mask_token="")
    codes = lookup(text)
    hot = keras.layers.CategoryEncoding(len(column.values) + _KNOWN, output_mode="one_hot")(codes)
    used = [_OTHER] * column.other + [_MISSING] * column.missing
    used += list(range(_KNOWN, _KNOWN + len(column.values)))
    return keras.ops.take(hot, used, axis=1)


def _answers(network: keras.Model, x: Any, encoding: TargetEncoding) -> Any:
    outputs = _uncompiled(network)(x)
    match encoding.task:
        case Task.MULTICLASS if _gives_logits(network):
            return keras.layers.Softmax()(outputs)
        case Task.BINARY | Task.MULTILABEL if _gives_logits(network):
            return keras.layers.Activation("sigmoid")(outputs)
        case Task.REGRESSION | Task.NONNEGATIVE:
            return keras.layers.Rescaling(encoding.scale, encoding.shift)(outputs)
        case _:
            return outputs


def _uncompiled(network: keras.Model) -> keras.Model:
    """Return the same layers without the optimizer, which would be saved half."""
    if isinstance(network, (keras.Sequential, keras.src.models.Functional)):
        return keras.Model(network.inputs[0], network.outputs[0], name="network")
    return network


def _gives_logits(network: keras.Model) -> bool:
    """Whether the loss that the network was compiled with takes logits."""
    return bool(as_loss(network.loss).get_config().get("from_logits", False))


def _meta(dataset: Dataset) -> Mapping[str, Any]:
    preprocessor = dataset.preprocessor
    if isinstance(preprocessor, ImagePreprocessor):
        used: dict[str, Any] = {"numbers": [], "texts": [], "shape": list(preprocessor.shape)}
    else:
        used = {
            "numbers": [c.name for c in preprocessor.numbers],
            "texts": [c.name for c in preprocessor.texts],
            "shape": None,
        }
    return {
        "columns": [column.name for column in dataset.columns],
        "target": dataset.encoding.to_json(),
        **used,
    }
