"""Letting go of what TensorFlow keeps of a network that nobody trains any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tensorflow.python.framework import ops

__all__ = ["forget_derivatives"]

NEVER_ASKED_FOR = (
    "tensorflow.python.distribute.distribute_lib.ReplicaContextBase.all_reduce.",
    # Of a trace, which has taken its gradient once and for all.
    "sweepspot.training.swapping.",
    "sweepspot.training.noise.",
)
"""How the full names begin of derivatives that nothing asks for once a graph is traced."""


def forget_derivatives() -> None:
    """Drop registered derivatives that nobody asks for any more; each of them holds a whole graph.

    TensorFlow registers what `tf.custom_gradient` is given under a new name for every trace, for as
    long as the process lives, and with it the graph and what that reads. An optimizer of Keras adds
    the gradients of all devices up, on a single one too, and gives the sum a derivative: of a
    gradient, so nothing asks for it, at 2 MB for every `fit`. Derivatives that others have
    registered stay.
    """
    registered = ops.gradient_registry._registry
    for name in [n for n in registered if n.startswith("CustomGradient-")]:
        if _defined_in(registered[name]["type"]).startswith(NEVER_ASKED_FOR):
            del registered[name]


def _defined_in(derivative: Callable[..., Any]) -> str:
    """Name the function that a registered derivative was given as."""
    inner = inspect.getclosurevars(derivative).nonlocals.get("tape_grad_fn")
    given = inspect.getclosurevars(inner).nonlocals.get("grad_fn") if inner else None
    return f"{getattr(given, '__module__', '')}.{getattr(given, '__qualname__', '')}"
