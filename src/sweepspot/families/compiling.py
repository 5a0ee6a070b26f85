"""What the families share: reading their settings, the loss of a task, and the optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import keras

from sweepspot.data import Task
from sweepspot.networks import FAMILIES
from sweepspot.space import Params

__all__ = ["Penalties", "Training", "compile_network", "output_layer"]

_WITH_MOMENTUM = ("sgd", "rmsprop")


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """The settings of the optimizer, each with its default."""

    learning_rate: float
    optimizer: str
    momentum: float
    weight_decay: float

    @classmethod
    def of(cls, params: Params) -> Self:
        """Take them out of a point."""
        default = FAMILIES["linear"]
        value = {name: params.get(name, default[name].default) for name in default}
        return cls(
            learning_rate=float(value["learning_rate"]),
            optimizer=str(value["optimizer"]),
            momentum=float(value["momentum"]),
            weight_decay=float(value["weight_decay"]),
        )

    def numbers(self) -> dict[str, float]:
        """Return the numbers that the optimizer takes and that are not 0."""
        numbers = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        if self.optimizer in _WITH_MOMENTUM:
            numbers["momentum"] = self.momentum
        return {name: number for name, number in numbers.items() if number}


@dataclass(frozen=True, kw_only=True, slots=True)
class Penalties:
    """The settings of the penalties on the kernels."""

    l1: float
    l2: float

    @classmethod
    def of(cls, params: Params) -> Self:
        """Take them out of a point."""
        return cls(l1=float(params.get("l1", 0.0)), l2=float(params.get("l2", 0.0)))

    def regularizer(self) -> keras.regularizers.Regularizer | None:
        """Return a fresh regularizer, None when nothing is penalized."""
        if not self.l1 and not self.l2:
            return None
        return keras.regularizers.L1L2(l1=self.l1, l2=self.l2)


def output_layer(task: Task, n_outputs: int, penalties: Penalties) -> keras.layers.Dense:
    """Return the last layer: logits for classes, a value for numbers, at least 0 if nonnegative."""
    return keras.layers.Dense(
        n_outputs,
        activation="softplus" if task is Task.NONNEGATIVE else None,
        kernel_regularizer=penalties.regularizer(),
        name="output",
    )


def compile_network(model: keras.Model, task: Task, training: Training) -> keras.Model:
    """Compile a network with the loss of its task, and return it."""
    model.compile(optimizer=_optimizer(training), loss=_loss(task))
    return model


def _loss(task: Task) -> keras.losses.Loss:
    match task:
        case Task.MULTICLASS:
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        case Task.BINARY | Task.MULTILABEL:
            return keras.losses.BinaryCrossentropy(from_logits=True)
        case _:
            return keras.losses.MeanSquaredError()


def _optimizer(training: Training) -> keras.optimizers.Optimizer:
    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
        "adagrad": keras.optimizers.Adagrad,
    }
    options: dict[str, float] = {"learning_rate": training.learning_rate}
    if training.weight_decay:
        options["weight_decay"] = training.weight_decay
    elif training.optimizer == "adamw":
        # AdamW's own default would decay although the sweep file says 0.
        options["weight_decay"] = 0.0
    if training.optimizer in _WITH_MOMENTUM:
        options["momentum"] = training.momentum
    return kinds[training.optimizer](**options)
