"""What a user's `build(hp)` is given: it answers for a point, and remembers what was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sweepspot.space import Choice, Dimension, Float, Int, Params, Value

__all__ = ["Declared", "HyperParameters"]

SAMPLINGS = ("linear", "log", "reverse_log")
MULTIPLICATIVE = ("log", "reverse_log")
"""Scales on which a step multiplies."""

When: TypeAlias = Mapping[str, tuple[Value, ...]]
"""A condition: names, and the values of each under which something exists."""


class Declared:
    """What a `build` asks for, gathered over all its calls.

    Attributes:
        dimensions: Each as the code first declared it, by name; plain values are fixed.
        foreign: Why a dimension cannot be searched as the code declared it, by name.
        scopes: The conditions under which the code may ask for more, met or not.
    """

    def __init__(self) -> None:
        self.dimensions: dict[str, Dimension | Value] = {}
        self.foreign: dict[str, str] = {}
        self.scopes: list[When] = []

    def add(self, name: str, dimension: Dimension | Value) -> None:
        """Take in what was asked for; what was asked for before stays as it is."""
        known = _when(self.dimensions.setdefault(name, dimension))
        when = _when(dimension)
        if not all(parent in when and set(when[parent]) <= set(known[parent]) for parent in known):
            self.foreign[name] = (
                "under several conditions, and a space has each name once; give each its own name"
            )

    def points(self) -> Iterator[Params]:
        """Yield where the code may ask for more: in each scope, at the ends of each dimension."""
        yield from map(self._within, self.scopes)
        for name, dimension in self.dimensions.items():
            around = self._within(_when(dimension))
            yield from ({**around, name: value} for value in _ends(dimension))

    def _within(self, when: When) -> dict[str, Value]:
        """Return a point at which a condition is met, and those of its parents."""
        point: dict[str, Value] = {}
        for parent, allowed in when.items():
            point |= self._within(_when(self.dimensions[parent])) | {parent: allowed[0]}
        return point


class HyperParameters:
    """What a user's `build` asks for its values; it answers as Keras Tuner's class of this name.

    Asked for a value that the point holds, it answers with that; asked for any other, with the
    default, or with the low edge where there is none; asked under a condition that is not met,
    with None.

    Args:
        params: The point.
        declared: Where to remember what is asked for.

    Attributes:
        values: The point, and all that was asked for and exists there, by name.
    """

    def __init__(self, params: Params, declared: Declared | None = None) -> None:
        self.values: dict[str, Value] = dict(params)
        self._declared = declared or Declared()
        self._names: list[str] = []
        self._scope: dict[str, tuple[Value, ...]] = {}
        self._active: dict[str, bool] = {}

    def Int(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> int | None:
        """Return a whole number between two edges."""
        log = self._is_log(name, sampling, step)
        with self._under(parent_name, parent_values) as when:
            dimension: Dimension
            if step is not None and sampling in MULTIPLICATIVE:
                values = _powers(min_value, max_value, step, sampling)
                dimension = Choice(*map(int, values), when=when)
            else:
                dimension = Int(min_value, max_value, log=log, step=step or 1, when=when)
            value = self._answer(name, dimension, default)
        return None if value is None else int(value)

    def Float(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> float | None:
        """Return a number between two edges."""
        log = self._is_log(name, sampling, step)
        with self._under(parent_name, parent_values) as when:
            dimension: Dimension
            if step is not None and sampling in MULTIPLICATIVE:
                values = _powers(min_value, max_value, step, sampling)
                dimension = Choice(*map(float, values), when=when)
            else:
                dimension = Float(min_value, max_value, log=log, step=step, when=when)
            value = self._answer(name, dimension, default)
        return None if value is None else float(value)

    def Choice(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        values: Sequence[Value],
        ordered: bool | None = None,  # noqa: FBT001 - Keras Tuner's signature
        default: Value | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Value | None:
        """Return one of some values."""
        with self._under(parent_name, parent_values) as when:
            return self._answer(name, Choice(*values, when=when), default)

    def Boolean(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        default: bool = False,  # noqa: FBT001, FBT002 - Keras Tuner's signature
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> bool | None:
        """Return true or false."""
        with self._under(parent_name, parent_values) as when:
            value = self._answer(name, Choice(*(False, True), when=when), default)
        return None if value is None else bool(value)

    def Fixed(  # noqa: N802 - Keras Tuner's name
        self,
        name: str,
        value: Value,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Value | None:
        """Return a value that is not searched; under a condition, one that not every point has."""
        with self._under(parent_name, parent_values) as when:
            return self._answer(name, Choice(value, when=when) if when else value, value)

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Let what is asked for inside exist only for some values of another.

        The code inside runs in any case; what does not exist is answered with None.

        Raises:
            ValueError: The other was not asked for before, no value is given, or a scope around
                hangs on the same other.
        """
        parent = self._named(parent_name)
        listed = parent_values if isinstance(parent_values, (list, tuple)) else [parent_values]
        self._check_scope(parent, listed)
        self._scope[parent] = tuple(listed)
        self._declared.scopes.append(dict(self._scope))
        try:
            yield
        finally:
            del self._scope[parent]

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Let each name inside begin with another: `hidden/units`."""
        self._names.append(name)
        try:
            yield
        finally:
            self._names.pop()

    def is_active(self, hyperparameter: str) -> bool:
        """Whether a hyperparameter, by its whole name (`hidden/units`), exists at this point."""
        return self._active.get(hyperparameter, hyperparameter in self.values)

    def get(self, name: str) -> Value:
        """Return a value that the point holds, or that was asked for before.

        Raises:
            ValueError: It was asked for, and does not exist at this point.
            KeyError: It was not asked for.
        """
        name = self._named(name)
        if name in self.values:
            return self.values[name]
        if name in self._active:
            raise ValueError(f"{name}: does not exist at this point; see whether it is in hp first")
        raise KeyError(f"{name}: was not asked for; ask for it first")

    def __getitem__(self, name: str) -> Value:
        """Return a value, as `get` does."""
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is a value of this name: one that exists at this point."""
        return self._named(name) in self.values

    def _answer(
        self, name: str, dimension: Dimension | Value, default: Value | None
    ) -> Value | None:
        name = self._named(name)
        self._declared.add(name, dimension)
        exists = all(self.values.get(parent) in some for parent, some in self._scope.items())
        self._active[name] = exists or self._active.get(name, False)
        if not exists:
            return None
        return self.values.setdefault(name, _first(dimension) if default is None else default)

    def _check_scope(self, parent: str, listed: Sequence[Value]) -> None:
        if parent not in self._active and parent not in self.values:
            raise ValueError(
                f"{parent}: must be asked for before what hangs on it, got a scope for "
                f"{list(listed)}; ask for it first"
            )
        if parent in self._scope:
            raise ValueError(
                f"{parent}: must have one scope at a time, got {list(listed)} inside "
                f"{list(self._scope[parent])}; give the inner values alone"
            )
        if not listed:
            raise ValueError(f"{parent}: must have values in a scope, got none; list them")

    def _named(self, name: object) -> str:
        return "/".join([*self._names, str(name)])

    def _is_log(self, name: str, sampling: str, step: float | None) -> bool:
        if sampling not in SAMPLINGS:
            raise ValueError(
                f"{name}: sampling must be one of {', '.join(SAMPLINGS)}, got {sampling!r}"
            )
        if sampling == "reverse_log" and step is None:
            self._declared.foreign[self._named(name)] = (
                "no engine here searches with sampling reverse_log; ask for a value with sampling "
                "log and subtract it from the sum of both edges"
            )
        return sampling == "log"

    @contextlib.contextmanager
    def _under(self, parent_name: str | None, parent_values: Any) -> Iterator[When | None]:
        scope = self.conditional_scope(parent_name, parent_values) if parent_name else None
        with scope or contextlib.nullcontext():
            yield dict(self._scope) or None


def _when(dimension: Dimension | Value) -> When:
    return (dimension.when or {}) if isinstance(dimension, Choice | Float | Int) else {}


def _first(dimension: Dimension | Value) -> Value:
    if isinstance(dimension, Choice):
        return dimension.options[0]
    return dimension.low if isinstance(dimension, Float | Int) else dimension


def _ends(dimension: Dimension | Value) -> tuple[Value, ...]:
    if isinstance(dimension, Choice):
        return dimension.options
    if isinstance(dimension, Float | Int):
        return (dimension.low, dimension.high)
    return ()


def _powers(low: float, high: float, step: float, sampling: str) -> list[float]:
    """Return the values of a multiplicative step: 2, 4, 8, ...; reversed, as far from the top."""
    values = [low]
    while values[-1] * step <= high:
        values.append(values[-1] * step)
    return values if sampling == "log" else sorted(high + low - value for value in values)
