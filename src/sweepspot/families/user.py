"""The user's own networks: `build(hp)` in the style of Keras Tuner, run under every engine."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from sweepspot.data import Task
from sweepspot.errors import SpecError
from sweepspot.families import Build
from sweepspot.families.hyperparameters import Declared, HyperParameters
from sweepspot.space import Dimension, Params, Value

__all__ = ["declared_space", "user_family"]

MOST_TRIED = 200
"""Points at which a build is called when a space is read from its code."""


def user_family(model: str) -> Build:
    """Return the builder of `my_package.models:build`.

    Args:
        model: Importable from the working directory.

    Raises:
        SpecError: There is no such module or function.
    """
    function = _function(model)

    def build(params: Params, shape: tuple[int, ...], task: Task, n_outputs: int) -> keras.Model:
        built = function(HyperParameters(params))
        if not isinstance(built, keras.Model) or not getattr(built, "compiled", False):
            raise TypeError(f"{model}: must return a compiled keras.Model, got {built!r}")
        if not built.built:
            # Without an Input layer it has no weights until it first sees examples.
            built(keras.ops.zeros((1, *shape)))
        return built

    return build


def declared_space(model: str) -> dict[str, Dimension | Value]:
    """Return the dimensions that a user's `build` declares, by calling it at different points.

    Called at its own defaults first, then inside each conditional scope and with each dimension in
    turn at its ends, since code may ask for a value only where another one is high, or true. What
    hangs on others is tried with those at values under which it exists. What is asked for only
    elsewhere is not found, and has to be written into the sweep file.

    Args:
        model: `my_package.models:build`.

    Raises:
        SpecError: It cannot be imported, fails at its own defaults, or asks for a value in a way
            that cannot be searched.
    """
    function = _function(model)
    declared = Declared()
    try:
        function(HyperParameters({}, declared))
    except Exception as exc:
        raise SpecError(
            f"model: {model} must build at its own defaults, got {type(exc).__name__}: {exc}"
        ) from exc
    tried: list[Params] = [{}]
    while len(tried) < MOST_TRIED and (left := [p for p in declared.points() if p not in tried]):
        tried.append(left[0])
        # A point that cannot be built is a trial that fails, no obstacle here.
        with contextlib.suppress(Exception):
            function(HyperParameters(left[0], declared))
    for name, reason in declared.foreign.items():
        raise SpecError(f"model: {model} asks for {name}, but {reason}")
    return declared.dimensions


def _function(model: str) -> Callable[[HyperParameters], Any]:
    module, _, name = model.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        function: Callable[[HyperParameters], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as exc:
        raise SpecError(
            f"model: must be importable from the working directory, got {model!r} ({exc}); "
            "write my_package.models:build"
        ) from exc
    return function
