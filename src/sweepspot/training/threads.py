"""How many threads TensorFlow computes with."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["configure_threads"]


def configure_threads() -> None:
    """Let TensorFlow compute with one thread; call it before anything is computed.

    The operations of a small network are shorter than handing them to another thread: on two
    cores digits take 15 % less time with one thread than with two, and the other core is free
    for another worker. See docs/decisions/0051.

    Raises:
        RuntimeError: TensorFlow has already computed something.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
