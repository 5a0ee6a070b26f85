"""What a user's `build(hp)` is given: it answers for a point, and remembers what was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweepspot.space import Choice, Dimension, Float, Int, Params, Value

__all__ = ["HyperParameters"]

SAMPLINGS = ("linear", "log", "reverse_log")
MULTIPLICATIVE = ("log", "reverse_log")
"""Scales on which a step multiplies."""


class HyperParameters:
    """What a user's `build` asks for its values: the methods of Keras Tuner's class of this name.

    Asked for a value that the point holds, it answers with that; asked for any other, with the
    default, or with the low edge where there is none. What was asked is remembered.

    Attributes:
        declared: Each dimension as the code declared it, by name; plain values are fixed.
        foreign: Why a dimension cannot be searched as the code declared it, by name.
    """

    def __init__(self, params: Params) -> None:
        self._params = params
        self._scopes: list[tuple[str, tuple[Value, ...]]] = []
        self._given: dict[str, Value] = {}
        self.declared: dict[str, Dimension | Value] = {}
        self.foreign: dict[str, str] = {}

    def Int(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        **parent: Any,
    ) -> int:
        """Return a whole number between two edges."""
        log = self._is_log(name, sampling, step)
        when = self._when(parent)
        if step is not None and sampling in MULTIPLICATIVE:
            values = _powers(min_value, max_value, step, sampling)
            return int(self._answer(name, Choice(*map(int, values), when=when), default))
        dimension = Int(min_value, max_value, log=log, step=step or 1, when=when)
        return int(self._answer(name, dimension, default))

    def Float(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        **parent: Any,
    ) -> float:
        """Return a number between two edges."""
        log = self._is_log(name, sampling, step)
        when = self._when(parent)
        if step is not None and sampling in MULTIPLICATIVE:
            values = _powers(min_value, max_value, step, sampling)
            return float(self._answer(name, Choice(*map(float, values), when=when), default))
        dimension = Float(min_value, max_value, log=log, step=step, when=when)
        return float(self._answer(name, dimension, default))

    def Choice(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        values: Sequence[Value],
        ordered: bool | None = None,  # noqa: FBT001 - Keras Tuner's signature
        default: Value | None = None,
        **parent: Any,
    ) -> Value:
        """Return one of some values."""
        return self._answer(name, Choice(*values, when=self._when(parent)), default)

    def Boolean(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        default: bool = False,  # noqa: FBT001, FBT002 - Keras Tuner's signature
        **parent: Any,
    ) -> bool:
        """Return true or false."""
        return bool(self._answer(name, Choice(*(False, True), when=self._when(parent)), default))

    def Fixed(self, name: str, value: Value, **parent: Any) -> Value:  # noqa: N802
        """Return a value that is not searched; under a condition, one that not every point has."""
        when = self._when(parent)
        self.declared.setdefault(name, Choice(value, when=when) if when else value)
        self._given[name] = value
        return value

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Let what is declared inside exist only for some values of another."""
        values = parent_values if isinstance(parent_values, (list, tuple)) else (parent_values,)
        self._scopes.append((parent_name, tuple(values)))
        try:
            yield
        finally:
            self._scopes.pop()

    def get(self, name: str) -> Value:
        """Return a value that was asked for before."""
        return self._given[name] if name in self._given else self._params[name]

    def __contains__(self, name: object) -> bool:
        """Whether the point holds a value of this name."""
        return name in self._params

    def _answer(self, name: str, dimension: Dimension, default: Value | None) -> Value:
        self.declared.setdefault(name, dimension)
        if default is None:
            default = dimension.options[0] if isinstance(dimension, Choice) else dimension.low
        self._given[name] = self._params.get(name, default)
        return self._given[name]

    def _is_log(self, name: str, sampling: str, step: float | None) -> bool:
        if sampling not in SAMPLINGS:
            raise ValueError(
                f"{name}: sampling must be one of {', '.join(SAMPLINGS)}, got {sampling!r}"
            )
        if sampling == "reverse_log" and step is None:
            self.foreign[name] = (
                "no engine here searches with sampling reverse_log; ask for a value with sampling "
                "log and subtract it from the sum of both edges"
            )
        return sampling == "log"

    def _when(self, parent: Mapping[str, Any]) -> dict[str, tuple[Value, ...]] | None:
        when = dict(self._scopes)
        if parent.get("parent_name"):
            values = parent.get("parent_values")
            listed = values if isinstance(values, (list, tuple)) else (values,)
            when[parent["parent_name"]] = tuple(listed)
        return when or None


def _powers(low: float, high: float, step: float, sampling: str) -> list[float]:
    """Return the values of a multiplicative step: 2, 4, 8, ...; reversed, as far from the top."""
    values = [low]
    while values[-1] * step <= high:
        values.append(values[-1] * step)
    return values if sampling == "log" else sorted(high + low - value for value in values)
