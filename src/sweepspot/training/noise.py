"""What the dropout layers of a traced network leave out: drawn cheaply, for all of them at once."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from sweepspot.training.structure import dropouts

__all__ = ["Noise", "features_of"]

# Knuth, The Art of Computer Programming, volume 2 (1997), section 3.3.4: the spectral test.
_FACTOR, _STEP = 1664525, 1013904223


class Noise:
    """The random bits of one trace's dropout layers.

    A generator of good quality (Philox) draws 32 bits for every unit and row at the start of an
    epoch; from one gradient step to the next a linear congruential generator turns each of them
    into the next. That takes a tenth of the time of drawing all of them anew, which for narrow
    networks is longer than their arithmetic. Where the number of units is not known before the
    layer is called, Philox draws at every step.

    Args:
        model: The network to trace; its dropout layers are made to draw from here.
        iterations: Gradient steps so far; no two epochs start from the same bits.
    """

    def __init__(self, model: keras.Model, iterations: keras.Variable) -> None:
        layers = dropouts(model)
        features = features_of(model)
        self._iterations = iterations
        self._at_once = bool(layers) and None not in features
        self._seeds = tf.Variable(np.zeros(len(layers), np.int32))
        self._features = tf.Variable(np.zeros(len(layers), np.int32))
        self._least = tf.Variable(np.zeros(len(layers), np.int32))
        self._scales = tf.Variable(np.zeros(len(layers), np.float32))
        self._bits: list[tf.Tensor] = []
        self._widths: tf.Tensor = None
        for i, layer in enumerate(layers):
            layer.call = self._dropout(i)

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

    def first(self, rows: int) -> list[tf.Tensor]:
        """Draw the bits of an epoch's first batch; empty when each step draws its own."""
        if not self._at_once:
            return []
        self._widths = self._features.read_value()
        shape = tf.stack([rows, tf.reduce_sum(self._widths)])
        return [_draw(shape, self._seeds[0], self._iterations)]

    def next(self, bits: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return the bits of the next batch."""
        return [part * _FACTOR + _STEP for part in bits]

    def use(self, bits: list[tf.Tensor], rows: tf.Tensor) -> None:
        """Let the layers, which are about to be called, take these bits."""
        if not bits:
            return
        count = int(self._seeds.shape[0])
        wanted = bits[0][:rows]
        self._bits = [wanted] if count == 1 else tf.split(wanted, self._widths, axis=1, num=count)

    def _dropout(self, i: int) -> Callable[..., tf.Tensor]:
        def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:  # noqa: FBT001, FBT002
            if not training:
                return inputs
            if self._at_once:
                bits = self._bits[i]
                if inputs.shape.rank != 2:
                    bits = tf.reshape(bits, tf.shape(inputs))
            else:
                bits = _draw(tf.shape(inputs), self._seeds[i], self._iterations)
            kept = tf.cast(bits >= self._least[i], inputs.dtype) * self._scales[i]
            # Of two values of one shape; TensorFlow's own gradient has to compare the shapes.
            return tf.custom_gradient(_product)(inputs, kept)

        return call


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


def _draw(shape: tf.Tensor, seed: tf.Tensor, iterations: keras.Variable) -> tf.Tensor:
    pair = tf.stack([seed, tf.cast(iterations.value, tf.int32)])
    return tf.random.stateless_uniform(shape, pair, None, None, tf.int32)


def _product(
    inputs: tf.Tensor, kept: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None]]]:
    return inputs * kept, lambda slope: (slope * kept, None)
