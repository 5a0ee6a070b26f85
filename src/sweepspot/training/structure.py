"""What of a built network a trace depends on, and the numbers that one trace can change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

__all__ = [
    "Point",
    "Structure",
    "Untraceable",
    "dropouts",
    "last_dense",
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

WIDTHLESS = frozenset(
    {
        keras.layers.InputLayer,
        keras.layers.Flatten,
        keras.layers.Dense,
        keras.layers.Activation,
        keras.layers.ReLU,
        keras.layers.LeakyReLU,
        keras.layers.ELU,
        keras.layers.Dropout,
        keras.layers.BatchNormalization,
        keras.layers.Add,
    }
)
"""Layers that a graph can hold without knowing how wide they are."""

_ELEMENTWISE = frozenset(
    {"SGD", "Adam", "AdamW", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Ftrl", "Lion"}
)
# These decide the initial weights and random states only, and those are copied in.
_STARTING = ("_initializer", "seed")


class Untraceable(Exception):  # noqa: N818 - names a fact about a network, not an error of ours
    """The network cannot be trained in a shared trace; the message says why."""


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
        free_widths: Whether the hidden layers may have any width, so that `key` holds none.
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
        model: Compiled and built.
        point: Its known numbers.

    Raises:
        Untraceable: Its configuration does not tell all that a trace would depend on.
    """
    _refuse_model(model)
    _refuse_optimizer(model.optimizer)
    config = model.get_config()
    _refuse_initializers(config)
    elementwise = _elementwise(model)
    free_widths = elementwise and _widths_can_be_free(model)
    if free_widths:
        config = _without_widths(config, last_dense(model).name)
    names = {layer.name: f"#{i}" for i, layer in enumerate(model._flatten_layers())}
    network = {
        "network": _plain(config, names),
        "loss": _loss_config(model.loss),
        "penalties": [any(point.l1), any(point.l2)],
        # A vector of all weights is no use to an optimizer that looks at whole tensors.
        "elementwise": elementwise,
    }
    optimizer = _optimizer_config(model.optimizer, point)
    sorts = sorted({type(layer).__name__ for layer in model._flatten_layers()})
    return Structure(
        network=_text(network),
        optimizer=_text(optimizer),
        kind=_text([sorts, optimizer, network["loss"], network["penalties"]]),
        elementwise=elementwise,
        free_widths=free_widths,
    )


def dropouts(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers whose rate a trace reads anew, in the order of the network."""
    return [
        layer
        for layer in model._flatten_layers()
        if type(layer) in DROPOUTS and layer.noise_shape is None and 0 < layer.rate < 1
    ]


def last_dense(model: keras.Model) -> keras.layers.Dense:
    """Return the layer that decides the width of the output."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]


def _widths_can_be_free(model: keras.Model) -> bool:
    kinds = {type(layer) for layer in model.layers}
    normed = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    return (
        keras.layers.Dense in kinds
        and kinds <= WIDTHLESS
        and all(x.axis in (-1, len(x.input.shape) - 1) and not x.renorm for x in normed)
    )


def _without_widths(config: Config, output: str) -> Config:
    layers = [
        {**layer, "config": {**layer["config"], "units": "#"}}
        if layer["class_name"] == "Dense" and layer["config"]["name"] != output
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
        if not _stock(known):
            raise Untraceable(f"loss {_name(known)} is not one of Keras")
        return {"function": _name(known)}
    if not _stock(type(known)):
        raise Untraceable(f"loss {type(known).__name__} is not one of Keras")
    return {"class": type(known).__name__, **_plain(known.get_config(), {})}


def _refuse_model(model: keras.Model) -> None:
    if type(model).__name__ not in ("Functional", "Sequential") or not _stock(type(model)):
        raise Untraceable(f"{type(model).__name__} is a model class of its own")
    if not isinstance(model.loss, str | keras.losses.Loss) and not callable(model.loss):
        raise Untraceable("more than one loss")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Untraceable("more than one input or output")
    if model.run_eagerly:
        raise Untraceable("compiled with run_eagerly")
    for layer in model._flatten_layers():
        if not _stock(type(layer)) or isinstance(layer, keras.layers.Lambda):
            raise Untraceable(f"layer {layer.name} ({type(layer).__name__}) is not one of Keras")
    if any(v.dtype != "float32" for v in model.trainable_variables):
        raise Untraceable("weights that are not float32")


def _refuse_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    kind = type(optimizer).__name__
    if not _stock(type(optimizer)):
        raise Untraceable(f"optimizer {kind} is not one of Keras")
    if kind in ("LossScaleOptimizer", "MultiOptimizer", "ScheduleFreeAdamW"):
        raise Untraceable(f"optimizer {kind} keeps a state of its own")
    if kind == "Muon":
        raise Untraceable("optimizer Muon computes with its numbers outside of TensorFlow")
    for option in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor"):
        if getattr(optimizer, option, None):
            raise Untraceable(f"optimizer with {option}")
    if getattr(optimizer, "_exclude_from_weight_decay_pattern", None) or getattr(
        optimizer, "_exclude_from_weight_decay", None
    ):
        raise Untraceable("optimizer that excludes weights from its decay")
    rate = optimizer._learning_rate
    if not isinstance(rate, keras.Variable) and not _stock(type(rate)):
        raise Untraceable("a learning rate schedule that is not one of Keras")


def _refuse_initializers(config: Any) -> None:
    entries: Sequence[Any] = config if isinstance(config, list | tuple) else ()
    if isinstance(config, Mapping):
        entries = list(config.values())
        for key, value in config.items():
            if key.endswith("_initializer") and not _is_stock_initializer(value):
                raise Untraceable(f"{key} is not one of Keras")
    for entry in entries:
        _refuse_initializers(entry)


def _is_stock_initializer(config: Any) -> bool:
    return not isinstance(config, Mapping) or config.get("module") == "keras.initializers"


def _elementwise(model: keras.Model) -> bool:
    per_tensor = model.optimizer.clipnorm or any(v.constraint for v in model.trainable_variables)
    # The gradient of an embedding lists the rows it touches, one twice if it was looked up twice;
    # Keras squares each entry by itself, which a gradient that lies in a vector cannot repeat.
    sparse = any(isinstance(layer, keras.layers.Embedding) for layer in model._flatten_layers())
    return type(model.optimizer).__name__ in _ELEMENTWISE and not per_tensor and not sparse


def _text(config: object) -> str:
    return json.dumps(config, sort_keys=True, default=repr)


def _stock(kind: object) -> bool:
    return str(getattr(kind, "__module__", "")).startswith("keras.src.")


def _name(thing: object) -> str:
    return str(getattr(thing, "__name__", type(thing).__name__))


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
