"""Letting go of what TensorFlow keeps of a network that nobody trains any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tensorflow.python.framework import ops

__all__ = ["forget_sums"]

SUM_OF_GRADIENTS = "ReplicaContextBase.all_reduce"
"""Where TensorFlow defines the derivative that is never asked for."""


def forget_sums() -> None:
    """Drop the registered derivatives of summed gradients, each of which holds a whole graph.

    An optimizer of Keras adds the gradients of all devices up, on a single one too, and the sum
    has a derivative of its own: of a gradient, so nothing asks for it. TensorFlow registers it
    under a new name for every trace, for as long as the process lives, and with it the graphs of
    `fit`: 2 MB a trial. Derivatives that others have registered stay.
    """
    registered = ops.gradient_registry._registry
    for name in [n for n in registered if n.startswith("CustomGradient-")]:
        if _defined_in(registered[name]["type"]).startswith(SUM_OF_GRADIENTS):
            del registered[name]


def _defined_in(derivative: Callable[..., Any]) -> str:
    """Name the function that a registered derivative was given as."""
    inner = inspect.getclosurevars(derivative).nonlocals.get("tape_grad_fn")
    given = inspect.getclosurevars(inner).nonlocals.get("grad_fn") if inner else None
    return str(getattr(given, "__qualname__", ""))
