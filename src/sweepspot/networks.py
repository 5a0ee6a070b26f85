"""The settings of the built-in families: names, defaults and limits, and how large a network is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sweepspot.space import Params, Value

__all__ = [
    "ACTIVATIONS",
    "FAMILIES",
    "OPTIMIZERS",
    "Setting",
    "layer_widths",
    "n_weights",
    "setting",
    "settings",
]

ACTIVATIONS = ("relu", "gelu", "silu", "elu", "selu", "leaky_relu", "tanh", "sigmoid", "softplus")
OPTIMIZERS = ("adam", "adamw", "nadam", "rmsprop", "sgd", "adagrad")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting of a family, which a sweep file may fix or search.

    Attributes:
        default: Its value when the sweep file does not name it.
        low: Least allowed number.
        high: Greatest allowed number.
        options: Allowed words, when it is a word.
        meaning: One line for people.
    """

    default: Value
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    options: tuple[str, ...] = ()

    def problem(self, value: Value) -> str | None:
        """Say what is wrong with a value, None when nothing is."""
        if isinstance(self.default, bool):
            return None if isinstance(value, bool) else f"must be true or false, got {value!r}"
        if self.options:
            ok = value in self.options
            return None if ok else f"must be one of {', '.join(self.options)}, got {value!r}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"must be a number, got {value!r}"
        if isinstance(self.default, int) and value % 1 != 0:
            return f"must be a whole number, got {value!r}"
        if not self.low <= value <= self.high:
            return f"must be in [{self.low:g}, {self.high:g}], got {value:g}"
        return None


_TRAINING = {
    "learning_rate": Setting(default=1e-3, low=1e-9, high=1e3, meaning="step size"),
    "optimizer": Setting(default="adam", options=OPTIMIZERS, meaning="how steps are taken"),
    "momentum": Setting(default=0.0, low=0, high=0.9999, meaning="for sgd and rmsprop"),
    "weight_decay": Setting(default=0.0, low=0, high=10, meaning="decoupled, every optimizer"),
    "batch_size": Setting(default=32, low=1, high=1e6, meaning="examples a step"),
    "l1": Setting(default=0.0, low=0, high=1e3, meaning="L1 penalty on the kernels"),
    "l2": Setting(default=0.0, low=0, high=1e3, meaning="L2 penalty on the kernels"),
}
_HIDDEN = {
    "activation": Setting(default="relu", options=ACTIVATIONS, meaning="of the hidden layers"),
    "dropout": Setting(default=0.0, low=0, high=0.99, meaning="share of units left out"),
    "batch_norm": Setting(default=False, meaning="batch normalization before the activation"),
}
_WIDTH = Setting(default=64, low=1, high=65536, meaning="units of a hidden layer")

FAMILIES: Mapping[str, Mapping[str, Setting]] = {
    "linear": _TRAINING,
    "mlp": {
        **_TRAINING,
        **_HIDDEN,
        "layers": Setting(default=2, low=0, high=64, meaning="hidden layers"),
        "units": _WIDTH,
    },
    "cnn": {
        **_TRAINING,
        **_HIDDEN,
        "blocks": Setting(default=2, low=1, high=8, meaning="convolution and pooling"),
        "filters": Setting(default=16, low=1, high=4096, meaning="of the first block"),
        "kernel": Setting(default=3, low=1, high=15, meaning="edge of a filter, in pixels"),
        "units": _WIDTH,
    },
}
"""The settings of each family, by name; `units_2` and the like set one layer of an mlp."""

_LAYER_UNITS = re.compile(r"units_([1-9]\d?)")


def settings(family: str) -> Mapping[str, Setting]:
    """Return the settings of a built-in family, without those of single layers."""
    return FAMILIES[family]


def setting(family: str, name: str) -> Setting | None:
    """Return one setting of a family, None when it has none of that name.

    Example:
        >>> setting("mlp", "units_2").meaning
        'units of a hidden layer'
        >>> setting("linear", "units") is None
        True
    """
    if family == "mlp" and _LAYER_UNITS.fullmatch(name):
        return _WIDTH
    return FAMILIES[family].get(name)


def layer_widths(params: Params) -> tuple[int, ...]:
    """Return the units of each hidden layer of an mlp, `units_k` before `units`.

    Example:
        >>> layer_widths({"layers": 3, "units": 32, "units_2": 8})
        (32, 8, 32)
    """
    default = FAMILIES["mlp"]
    count = int(params.get("layers", default["layers"].default))
    units = params.get("units", _WIDTH.default)
    return tuple(int(params.get(f"units_{k}", units)) for k in range(1, count + 1))


def n_weights(family: str, params: Params, shape: Sequence[int], n_outputs: int) -> int:
    """Count the trainable weights of a network without building it.

    Args:
        family: A built-in family.
        params: A point of the space; what it leaves out has its default.
        shape: Shape of one example.
        n_outputs: Width of the last layer.

    Example:
        >>> n_weights("mlp", {"layers": 1, "units": 16}, (64,), 10)
        1210
    """
    normed = bool(params.get("batch_norm", False))
    if family == "cnn":
        return _cnn_weights(params, shape, n_outputs, normed=normed)
    widths = layer_widths(params) if family == "mlp" else ()
    return _dense_weights((math.prod(shape), *widths, n_outputs), normed=normed)


def _dense_weights(widths: Sequence[int], *, normed: bool) -> int:
    dense = sum((a + 1) * b for a, b in pairwise(widths))
    return dense + (2 * sum(widths[1:-1]) if normed else 0)


def _cnn_weights(params: Params, shape: Sequence[int], n_outputs: int, *, normed: bool) -> int:
    default = FAMILIES["cnn"]
    value = {name: int(params.get(name, default[name].default)) for name in ("blocks", "filters")}
    kernel = int(params.get("kernel", default["kernel"].default))
    channels, total = (shape[2] if len(shape) > 2 else 1), 0
    for block in range(value["blocks"]):
        filters = value["filters"] * 2**block
        total += (kernel**2 * channels + 1) * filters + (2 * filters if normed else 0)
        channels = filters
    return total + _dense_weights(
        (channels, int(params.get("units", 64)), n_outputs), normed=normed
    )
