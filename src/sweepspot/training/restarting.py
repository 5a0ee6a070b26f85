"""Where a network starts that need not be built: another one of its structure has been."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from sweepspot.data import FloatArray
from sweepspot.families import Outline
from sweepspot.training.structure import Point
from sweepspot.training.trace import Start

__all__ = ["restart", "same"]


def restart(model: keras.Model, outline: Outline, batch_size: int) -> Start:
    """Return where the network of an outline starts, as if it were built now.

    Keras draws a seed for each layer that needs one when the layer is made, in their order, from
    Python's generator; so does this.

    Args:
        model: A network of the same key, built and maybe traced; left as it is.
        outline: Of the network that is not built.
        batch_size: Examples a gradient step.
    """
    parts = _Parts(width=int(np.prod(model.input_shape[1:])))
    widths = iter((*outline.widths, model.output_shape[-1]))
    for layer in model.layers:
        match layer:
            case keras.layers.Dense():
                parts.add_dense(layer, next(widths), outline)
            case keras.layers.BatchNormalization():
                parts.add_normalization(layer)
            case keras.layers.Dropout():
                parts.add_dropout(layer)
    return Start(
        weights=parts.weights,
        states=parts.states,
        point=Point(
            optimizer=outline.optimizer,
            rates=(outline.rate,) * len(parts.noise),
            l1=tuple(parts.l1),
            l2=tuple(parts.l2),
        ),
        noise=parts.noise,
        features=list(outline.widths[: len(parts.noise)]),
        batch_size=batch_size,
    )


def same(ours: Start, theirs: Start) -> bool:
    """Whether two networks start from the same weights, states, numbers and seeds."""
    pairs = zip((*ours.weights, *ours.states), (*theirs.weights, *theirs.states), strict=False)
    return (
        len(ours.weights) == len(theirs.weights)
        and len(ours.states) == len(theirs.states)
        and all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)
        and _numbers(ours.point) == _numbers(theirs.point)
        and ours.noise == theirs.noise
        and ours.features == theirs.features
    )


@dataclass(kw_only=True, slots=True)
class _Parts:
    """What the layers so far start from; `width` is that of what the next one is given."""

    width: int
    weights: list[FloatArray] = field(default_factory=list)
    states: list[npt.NDArray[Any]] = field(default_factory=list)
    noise: list[int] = field(default_factory=list)
    l1: list[float] = field(default_factory=list)
    l2: list[float] = field(default_factory=list)

    def add_dense(self, layer: keras.layers.Dense, units: int, outline: Outline) -> None:
        kind = type(layer.kernel_initializer)
        initializer = kind.from_config(layer.kernel_initializer.get_config())
        kernel = keras.ops.convert_to_numpy(initializer((self.width, units), "float32"))
        self.weights += [kernel, np.zeros(units, np.float32)]
        self.l1 += [outline.l1, 0.0]
        self.l2 += [outline.l2, 0.0]
        self.width = units

    def add_normalization(self, layer: keras.layers.BatchNormalization) -> None:
        zeros, ones = np.zeros(self.width, np.float32), np.ones(self.width, np.float32)
        self.weights += [ones, zeros]
        self.states += [zeros, ones]
        self.l1 += [0.0, 0.0]
        self.l2 += [0.0, 0.0]

    def add_dropout(self, layer: keras.layers.Dropout) -> None:
        seed = random.randint(1, 10**9)
        self.states.append(np.array([seed, 0], layer.seed_generator.state.dtype))
        self.noise.append(seed % 2**31)


def _numbers(point: Point) -> tuple[object, ...]:
    rounded = {name: np.float32(number) for name, number in point.optimizer.items()}
    return rounded, point.rates, point.l1, point.l2
