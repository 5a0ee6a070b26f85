"""Whether a trace does what Keras does: a few steps of both, at numbers it was not traced at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweepspot.data import TrainingData
from sweepspot.training.evaluate import Evaluator, aligned, eagerly
from sweepspot.training.noise import features_of
from sweepspot.training.refusals import Untraceable
from sweepspot.training.structure import (
    PENALTIES,
    Point,
    Structure,
    dropouts,
    read_point,
)
from sweepspot.training.trace import Start, Trace
from sweepspot.training.widths import free_dense

__all__ = ["Probed", "Twin", "check"]

STEPS = 6
"""Gradient steps that are compared; the partial last batch comes on top."""

CLOSE = 1e-5
CLOSE_NORMED = 1e-4
"""Relative differences of J that rounding explains, without and with batch normalization."""

# Large steps from random weights magnify what was rounded until it looks like an error; against
# small ones, penalties and decay have to be large to be seen.
_STEP = 0.001


class Probed:
    """Kinds of structure whose traces were found to do what Keras does.

    Args:
        folder: Where other processes see it too, a file for each kind; None for this one alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kinds: set[str] = set()

    def __contains__(self, kind: str) -> bool:
        return kind in self._kinds or bool(self._folder and self._file(self._folder, kind).exists())

    def add(self, kind: str) -> None:
        """Remember a kind."""
        self._kinds.add(kind)
        if self._folder:
            self._folder.mkdir(exist_ok=True)
            self._file(self._folder, kind).touch()

    @staticmethod
    def _file(folder: Path, kind: str) -> Path:
        return folder / hashlib.sha256(kind.encode()).hexdigest()


class Twin:
    """A second network of a structure, at other widths and numbers, that Keras itself trains.

    Args:
        model: The network that will be traced; left as it is.
        structure: Of the network.
    """

    def __init__(self, model: keras.Model, structure: Structure) -> None:
        rates = len(dropouts(model))
        self.model = type(model).from_config(_narrowed(model, structure))
        if not self.model.built:
            self.model.build(model.input_shape)
        _change_penalties(self.model)
        self._features = features_of(self.model)
        for layer in dropouts(self.model):
            layer.rate = 0.0
        optimizer = type(model.optimizer).from_config(_changed_optimizer(model.optimizer))
        self.model.compile(optimizer=optimizer, loss=model.loss)
        self.point: Point = replace(read_point(self.model), rates=(0.0,) * rates)

    def start(self, batch_size: int) -> Start:
        """Return where a trace of the structure has to start to do the same."""
        return Start(
            weights=[v.numpy() for v in self.model.trainable_variables],
            states=[v.numpy() for v in self.model.non_trainable_variables],
            point=self.point,
            noise=[0] * len(self.point.rates),
            features=self._features,
            batch_size=batch_size,
        )

    def train(self, data: TrainingData, batches: list[slice]) -> float:
        """Train on batches by Keras's own methods, and return J_cv."""
        model = self.model
        for batch in batches:
            X, y = tf.constant(data.train.X[batch]), tf.constant(data.train.y[batch])
            with tf.GradientTape() as tape:
                outputs = model(X, training=True)
                loss = model.compute_loss(x=X, y=aligned(y, outputs), y_pred=outputs)
            variables = model.trainable_variables
            model.optimizer.apply(tape.gradient(loss, variables), variables)
        measure = eagerly(model.loss, lambda X: model(X, training=False))
        return Evaluator(model.loss, data, measure).J_cv()


def check(trace: Trace, twin: Twin, data: TrainingData, batch_size: int) -> None:
    """Compare a trace with Keras.

    Args:
        trace: Of the twin's structure; it is left at the twin's weights.
        twin: Not yet trained.
        data: What both train on.
        batch_size: Examples a gradient step.

    Raises:
        Untraceable: They differ by more than rounding.
    """
    rows = len(data.train)
    size = min(batch_size, rows)
    steps = min(STEPS, rows // size)
    batches = [slice(k * size, (k + 1) * size) for k in range(steps)]
    if rows % size:
        batches.append(slice(rows - rows % size, rows))
    order = np.concatenate([np.arange(rows, dtype=np.int32)[batch] for batch in batches])
    trace.start(twin.start(size))
    ours = trace.epoch(order).J_cv
    theirs = twin.train(data, batches)
    difference = abs(ours - theirs) / max(abs(theirs), float(np.finfo(np.float32).tiny))
    normed = any(isinstance(x, keras.layers.BatchNormalization) for x in twin.model.layers)
    if not difference <= (CLOSE_NORMED if normed else CLOSE):
        raise Untraceable(
            f"its trace differs from Keras by {difference:.1e} after {len(batches)} steps"
        )


def _narrowed(model: keras.Model, structure: Structure) -> Mapping[str, Any]:
    config: Mapping[str, Any] = model.get_config()
    if not structure.free_widths:
        return config
    free = free_dense(model)
    for layer in config["layers"]:
        layer.pop("build_config", None)
        if layer["config"]["name"] in free:
            layer["config"]["units"] = layer["config"]["units"] // 2 + 1
    return config


def _change_penalties(model: keras.Model) -> None:
    for variable in model.trainable_variables:
        regularizer = variable.regularizer
        if type(regularizer) in PENALTIES:
            # A factor of 0 belongs to the structure.
            factors = {
                name: 0.5 * float(factor) + 0.3 if factor else 0.0
                for name, factor in regularizer.get_config().items()
            }
            variable.regularizer = type(regularizer).from_config(factors)


def _changed_optimizer(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    config: dict[str, Any] = optimizer.get_config()
    if config.get("momentum"):
        config["momentum"] = 0.5 * config["momentum"] + 0.1
    if config.get("weight_decay"):
        config["weight_decay"] = 0.5 * config["weight_decay"] + 0.1
    if isinstance(optimizer._learning_rate, keras.Variable):
        same = np.isclose(config["learning_rate"], _STEP)
        config["learning_rate"] = 2 * _STEP if same else _STEP
    return config
