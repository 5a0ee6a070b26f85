"""Loading TensorFlow without the page of log lines that it writes past Python's stderr."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

__all__ = ["load_tensorflow"]


def load_tensorflow() -> None:
    """Import TensorFlow and let it look for devices, its log lines thrown away.

    TF_CPP_MIN_LOG_LEVEL has no say in what is logged before its logging is set up. An import that
    fails raises as ever.
    """
    silently = _silent_descriptor(2) if "tensorflow" not in sys.modules else nullcontext()
    with silently:
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()
    # Its warnings of many traces count those of different trials as one function's.
    tensorflow.get_logger().setLevel("ERROR")


@contextmanager
def _silent_descriptor(descriptor: int) -> Iterator[None]:
    kept = os.dup(descriptor)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(nothing)
