"""What of a built network a trace depends on, and the numbers that one trace can change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

from sweepspot.training.evaluate import only_loss
from sweepspot.training.refusals import operations_of
from sweepspot.training.widths import free_dense

__all__ = [
    "PENALTIES",
    "Point",
    "Structure",
    "dropouts",
    "read_point",
    "read_structure",
]

Config: TypeAlias = dict[str, Any]

DROPOUTS = (keras.layers.Dropout,)
"""Layers whose rate is a number that a trace reads anew."""

PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
"""Regularizers whose factors are numbers that a trace reads anew."""

OPTIMIZER_NUMBERS = ("momentum", "weight_decay")
"""Fields of optimizers, beside the learning rate, that a trace reads anew."""

ELEMENTWISE = frozenset(
    {"SGD", "Adam", "AdamW", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Ftrl", "Lion"}
)
"""Optimizers that treat each weight by itself."""

# These decide the initial weights and random states only, and those are copied in.
_STARTING = ("_initializer", "seed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """The numbers of one trial's built network that a trace reads anew.

    Attributes:
        optimizer: Fields of the optimizer that are not 0, `learning_rate` among them unless it is
            a schedule.
        rates: Rate of each dropout layer, in the order of the layers.
        l1: Factor of the L1 penalty on each trainable variable.
        l2: Factor of the L2 penalty on each trainable variable.
    """

    optimizer: Mapping[str, float]
    rates: tuple[float, ...]
    l1: tuple[float, ...]
    l2: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Structure:
    """What a trace depends on.

    Attributes:
        network: Equal for two networks exactly when one graph of the gradient serves both.
        optimizer: Equal for two of such networks exactly when one trace serves both.
        kind: Coarser than `key`: the sorts of layers, optimizer and loss, without their number
            and sizes.
        elementwise: Whether the optimizer treats each weight by itself, so that all weights can
            lie in one vector.
        free_widths: Whether hidden layers may have any width, so that `key` does not hold theirs.
    """

    network: str
    optimizer: str
    kind: str
    elementwise: bool
    free_widths: bool

    @property
    def key(self) -> str:
        """Equal for two compiled networks exactly when one trace serves both."""
        return f"{self.network}, {self.optimizer}"


def read_point(model: keras.Model) -> Point:
    """Take the numbers out of a built network."""
    penalties = [_factors(v) for v in model.trainable_variables]
    return Point(
        optimizer=_optimizer_numbers(model.optimizer),
        rates=tuple(float(layer.rate) for layer in dropouts(model)),
        l1=tuple(l1 for l1, _ in penalties),
        l2=tuple(l2 for _, l2 in penalties),
    )


def read_structure(model: keras.Model, point: Point) -> Structure:
    """Return what is left of a network when its known numbers are taken out.

    Args:
        model: Compiled and built, and none that is refused.
        point: Its known numbers.
    """
    config = model.get_config()
    elementwise = _elementwise(model)
    free = free_dense(model) if elementwise else frozenset()
    if free:
        config = _without_widths(config, free)
    names = {layer.name: f"#{i}" for i, layer in enumerate(model._flatten_layers())}
    network = {
        "network": _plain(config, names),
        "loss": _loss_config(only_loss(model.loss)),
        "penalties": [any(point.l1), any(point.l2)],
        # A vector of all weights is no use to an optimizer that looks at whole tensors.
        "elementwise": elementwise,
    }
    optimizer = _optimizer_config(model.optimizer, point)
    sorts = sorted({type(operation).__name__ for operation in operations_of(model)})
    return Structure(
        network=_text(network),
        optimizer=_text(optimizer),
        kind=_text([sorts, optimizer, network["loss"], network["penalties"]]),
        elementwise=elementwise,
        free_widths=bool(free),
    )


def dropouts(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers whose rate a trace reads anew, in the order of the network."""
    return [
        layer
        for layer in model._flatten_layers()
        if type(layer) in DROPOUTS and layer.noise_shape is None and 0 < layer.rate < 1
    ]


def _without_widths(config: Config, free: frozenset[str]) -> Config:
    layers = [
        {**layer, "config": {**layer["config"], "units": "#"}}
        if layer["config"]["name"] in free
        else layer
        for layer in config["layers"]
    ]
    return {**config, "layers": layers}


def _factors(variable: keras.Variable) -> tuple[float, float]:
    regularizer = variable.regularizer
    if type(regularizer) not in PENALTIES:
        return 0.0, 0.0
    return float(getattr(regularizer, "l1", 0.0)), float(getattr(regularizer, "l2", 0.0))


def _optimizer_numbers(optimizer: keras.optimizers.Optimizer) -> dict[str, float]:
    numbers = {name: getattr(optimizer, name, None) for name in OPTIMIZER_NUMBERS}
    # Optimizers branch on a number that is 0 or None, so those belong to the structure.
    known = {name: float(number) for name, number in numbers.items() if number}
    if isinstance(optimizer._learning_rate, keras.Variable):
        known["learning_rate"] = float(optimizer._learning_rate.numpy())
    return known


def _optimizer_config(optimizer: keras.optimizers.Optimizer, point: Point) -> Config:
    config = _plain(optimizer.get_config(), {})
    known = dict.fromkeys(point.optimizer, "#")
    return {**config, **known, "name": type(optimizer).__name__}


def _loss_config(loss: object) -> Config:
    known = keras.losses.get(loss)
    if not isinstance(known, keras.losses.Loss):
        return {"function": known.__name__}
    return {"class": type(known).__name__, **_plain(known.get_config(), {})}


def _elementwise(model: keras.Model) -> bool:
    per_tensor = model.optimizer.clipnorm or any(v.constraint for v in model.trainable_variables)
    # The gradient of an embedding lists the rows it touches, one twice if it was looked up twice;
    # Keras squares each entry by itself, which a gradient that lies in a vector cannot repeat.
    sparse = any(isinstance(layer, keras.layers.Embedding) for layer in model._flatten_layers())
    return type(model.optimizer).__name__ in ELEMENTWISE and not per_tensor and not sparse


def _text(config: object) -> str:
    return json.dumps(config, sort_keys=True, default=repr)


def _plain(config: Any, names: Mapping[str, str]) -> Any:
    """Take names, known numbers and what only the start depends on out of a configuration."""
    if isinstance(config, Mapping):
        return _plain_mapping(config, names)
    if isinstance(config, str):
        return names.get(config, config)
    if isinstance(config, Sequence):
        return [_plain(entry, names) for entry in config]
    return config


def _plain_mapping(config: Mapping[str, Any], names: Mapping[str, str]) -> Config:
    sort, inner = config.get("class_name"), config.get("config")
    if sort == "__keras_tensor__" and inner:
        # Its shape follows from the layers.
        config = {"keras_history": inner["keras_history"]}
    elif sort == "Dropout" and inner and 0 < inner["rate"] < 1 and not inner.get("noise_shape"):
        config = {**config, "config": {**inner, "rate": "#"}}
    return {
        key: None if _is_penalty(key, value) else _plain(value, names)
        for key, value in config.items()
        if key not in ("name", "build_config") and not key.endswith(_STARTING)
    }


def _is_penalty(key: str, value: Any) -> bool:
    # A penalty on what a layer puts out is no function of the weights alone.
    return (
        key.endswith("_regularizer")
        and key != "activity_regularizer"
        and isinstance(value, Mapping)
        and value.get("class_name") in ("L1", "L2", "L1L2")
    )
