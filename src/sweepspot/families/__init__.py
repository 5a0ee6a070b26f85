"""Kinds of network: one family a file, each `build(params, shape, task, n_outputs)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from sweepspot.data import Task
from sweepspot.families.outlines import Outline
from sweepspot.space import Dimension, Params, Value

if TYPE_CHECKING:
    import keras

Build: TypeAlias = Callable[[Params, tuple[int, ...], Task, int], "keras.Model"]
"""Builds a compiled network: point, shape of one example, task, width of the last layer."""

Tell: TypeAlias = Callable[[Params], Outline | None]
"""Tells the network of a point, None where it has to be built."""

__all__ = ["Build", "Outline", "Tell", "declared_space", "make_family", "make_outline"]


def declared_space(model: str) -> dict[str, Dimension | Value]:
    """Return the dimensions that a user's `build(hp)` declares; imports TensorFlow.

    Raises:
        SpecError: It cannot be imported, or fails at its own defaults.
    """
    from sweepspot.quiet import load_tensorflow

    load_tensorflow()
    from sweepspot.families.user import declared_space

    return declared_space(model)


def make_family(model: str) -> Build:
    """Return the builder of a family.

    Args:
        model: `linear`, `mlp`, `cnn`, or `my_package.models:build`; the sweep file's check has
            refused everything else.
    """
    if ":" in model:
        from sweepspot.families.user import user_family

        return user_family(model)
    match model:
        case "linear":
            from sweepspot.families.linear import build
        case "cnn":
            from sweepspot.families.cnn import build
        case _:
            from sweepspot.families.mlp import build
    return build


def make_outline(model: str) -> Tell | None:
    """Return what tells the networks of a family without building them, None where nothing does."""
    if model != "mlp":
        return None
    from sweepspot.families.mlp import outline

    return outline
