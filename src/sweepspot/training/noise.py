"""What the dropout layers of a traced network leave out: drawn cheaply, for all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from sweepspot.training.structure import dropouts

__all__ = ["Noise", "features_of"]

# Knuth, The Art of Computer Programming, volume 2 (1997), section 3.3.4: the spectral test.
_FACTOR, _STEP = 1664525, 1013904223


class Noise:
    """The random bits of one traced network's dropout layers.

    A generator of good quality (Philox) draws 32 bits for every unit and row at the start of an
    epoch; from one gradient step to the next a linear congruential generator turns each of them
    into the next. That takes a tenth of the time of drawing all of them anew, which for narrow
    networks is longer than their arithmetic. Where the number of units is not known before the
    layer is called, Philox draws at every step, and only the count of steps is carried on.

    Args:
        model: The network to trace; its dropout layers are made to draw from here.
    """

    def __init__(self, model: keras.Model) -> None:
        layers = dropouts(model)
        self._count = len(layers)
        self._at_once = bool(layers) and None not in features_of(model)
        self._seeds = tf.Variable(np.zeros(len(layers), np.int32))
        self._features = tf.Variable(np.zeros(len(layers), np.int32))
        self._least = tf.Variable(np.zeros(len(layers), np.int32))
        self._scales = tf.Variable(np.zeros(len(layers), np.float32))
        self._used: _Used | None = None
        for i, layer in enumerate(layers):
            layer.call = self._dropout(i)

    @property
    def carried_specs(self) -> list[tf.TensorSpec]:
        """What is carried from one step to the next; empty without dropout layers."""
        if not self._count:
            return []
        return [tf.TensorSpec((None, None) if self._at_once else (), tf.int32)]

    def assign(
        self, rates: tuple[float, ...], seeds: list[int], features: list[int | None]
    ) -> None:
        """Take on the rates, seeds and units of a trial, a value for each dropout layer."""
        # A unit stays where its 32 bits, read as a signed number, reach this.
        least = np.floor(np.asarray(rates, np.float64) * 2.0**32) - 2.0**31
        self._least.assign(least.astype(np.int32))
        self._scales.assign(1.0 / (1.0 - np.asarray(rates, np.float64)))
        self._seeds.assign(np.asarray(seeds, np.int32))
        if self._at_once:
            self._features.assign(np.asarray(features, np.int32))

    def numbers(self) -> list[tf.Tensor]:
        """Read the numbers of the trial, for `first` and `use`; empty without dropout layers."""
        if not self._count:
            return []
        each = (self._seeds, self._least, self._scales)
        # Cut here, once an epoch: so small a piece takes as long as a small product.
        pieces = [piece for v in each for piece in tf.unstack(v.read_value(), self._count)]
        return [self._features.read_value(), *pieces]

    def first(
        self, numbers: list[tf.Tensor], rows: tf.Tensor, iterations: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return what an epoch's first step takes.

        Args:
            numbers: Of the trial.
            rows: Examples a step.
            iterations: Gradient steps so far; no two epochs start from the same bits.
        """
        if not self._at_once:
            return [iterations][: self._count]
        features, seed, *_ = numbers
        return [_draw(tf.stack([rows, tf.reduce_sum(features)]), seed, iterations)]

    def next(self, carried: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return what the next step takes."""
        if not self._at_once:
            return [iterations + 1 for iterations in carried]
        return [bits * _FACTOR + _STEP for bits in carried]

    def use(self, numbers: list[tf.Tensor], carried: list[tf.Tensor], rows: tf.Tensor) -> None:
        """Let the layers, which are about to be called, draw from these.

        Args:
            numbers: Of the trial.
            carried: What `first` or `next` returned.
            rows: Examples of this step; fewer in a partial last batch.
        """
        if not self._count:
            return
        features, *pieces = numbers
        count = self._count
        bits: list[tf.Tensor] = []
        if self._at_once:
            wanted = carried[0][:rows]
            bits = [wanted] if count == 1 else tf.split(wanted, features, axis=1, num=count)
        self._used = _Used(
            iterations=carried[0],
            bits=bits,
            seeds=pieces[:count],
            least=pieces[count : 2 * count],
            scales=pieces[2 * count :],
        )

    def _dropout(self, i: int) -> Callable[..., tf.Tensor]:
        def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:  # noqa: FBT001, FBT002
            used = self._used
            if not training or used is None:
                return inputs
            if used.bits:
                bits = used.bits[i]
                if inputs.shape.rank != 2:
                    bits = tf.reshape(bits, tf.shape(inputs))
            else:
                bits = _draw(tf.shape(inputs), used.seeds[i], used.iterations)
            kept = tf.cast(bits >= used.least[i], inputs.dtype) * used.scales[i]
            # Of two values of one shape; TensorFlow's own gradient has to compare the shapes.
            return tf.custom_gradient(_product)(inputs, kept)

        return call


@dataclass(frozen=True, kw_only=True, slots=True)
class _Used:
    """What the layers draw from while one graph is traced; a value for each layer."""

    iterations: tf.Tensor
    bits: list[tf.Tensor]
    seeds: list[tf.Tensor]
    least: list[tf.Tensor]
    scales: list[tf.Tensor]


def features_of(model: keras.Model) -> list[int | None]:
    """Return how many units each dropout layer has, None where that is not known beforehand."""
    return [_features(layer) for layer in dropouts(model)]


def _features(layer: keras.layers.Layer) -> int | None:
    try:
        shape = layer.input.shape[1:]
    except AttributeError:
        # Called more than once.
        return None
    return None if None in shape else int(np.prod(shape))


def _draw(shape: tf.Tensor, seed: tf.Tensor, iterations: tf.Tensor) -> tf.Tensor:
    pair = tf.stack([seed, iterations])
    return tf.random.stateless_uniform(shape, pair, None, None, tf.int32)


def _product(
    inputs: tf.Tensor, kept: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None]]]:
    return inputs * kept, lambda slope: (slope * kept, None)
