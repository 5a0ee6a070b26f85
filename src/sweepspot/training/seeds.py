"""Setting the random states that a stock Keras network draws from."""

from __future__ import annotations

import random

import numpy as np
from keras.src.backend.common import global_state
from keras.src.random import seed_generator

__all__ = ["seed_keras"]


def seed_keras(seed: int) -> None:
    """Seed Python, NumPy and Keras as `keras.utils.set_random_seed` does, TensorFlow left out.

    `tf.random.set_seed` throws away every function that TensorFlow has made ready to run, which
    costs 120 ms a trial. Stock layers and initializers draw nothing from TensorFlow's own state.
    """
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)
    random.seed(seed)
    # Code that builds a network may draw from NumPy's global state.
    np.random.seed(seed)  # noqa: NPY002
