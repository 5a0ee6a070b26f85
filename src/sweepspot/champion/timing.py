"""How long finalists take to answer for one row, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from sweepspot.data import TrainingData

__all__ = ["latencies"]

ROUNDS = 200
"""Calls of each network: about a tenth of a second for small ones."""


def latencies(networks: Mapping[int, keras.Model], data: TrainingData) -> dict[int, float]:
    """Return the median seconds to answer for one row, by number.

    The networks answer in turn, so that whatever else the machine does meets all of them; the
    first calls, which trace, do not count.

    Args:
        networks: Compiled or not, trained or not: only their shape takes time.
        data: A row of its cross-validation split is asked.
    """
    row = tf.constant(data.cv.X[:1])
    calls = {
        number: tf.function(lambda X, network=network: network(X, training=False))
        for number, network in networks.items()
    }
    taken: dict[int, list[float]] = {number: [] for number in calls}
    for _ in range(ROUNDS + 3):
        for number, call in calls.items():
            started = time.perf_counter()
            call(row).numpy()
            taken[number].append(time.perf_counter() - started)
    return {number: float(np.median(times[3:])) for number, times in taken.items()}
