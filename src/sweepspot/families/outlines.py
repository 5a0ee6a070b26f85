"""What a network would be, told without building it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

__all__ = ["Outline"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """A network of dense layers, one after the other.

    Attributes:
        key: Equal for two points exactly when their networks differ in nothing but what follows.
        widths: Units of each hidden layer.
        rate: Of every dropout layer.
        l1: Factor of the L1 penalty on every kernel.
        l2: Factor of the L2 penalty on every kernel.
        optimizer: Its numbers that are not 0, by name.
    """

    key: Hashable
    widths: tuple[int, ...]
    rate: float
    l1: float
    l2: float
    optimizer: Mapping[str, float]
