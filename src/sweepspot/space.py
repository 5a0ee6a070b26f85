"""The search space: dimensions, conditions, and what a point of it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Choice", "Dimension", "Float", "Int", "Params", "Space", "Value", "describe"]

Value: TypeAlias = bool | int | float | str
"""What a hyperparameter can be: JSON, Optuna and Keras Tuner give each of these back equal."""

Params: TypeAlias = Mapping[str, Value]
"""A point of the space: active dimensions and fixed values, by name."""

# Keras Tuner and Optuna may return 0.30000000000000004 for a step of 0.1.
RELATIVE_SLACK = 1e-9


class _Dimension(BaseModel):
    """What the three kinds of dimension share: they are values, and may hang on a condition."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    when: Mapping[str, tuple[Value, ...]] | None = Field(
        default=None,
        description="Names of other dimensions and the values for which this one exists.",
    )


class Float(_Dimension):
    """A real number between two edges, both included.

    Example:
        >>> Float(1e-4, 1e-1, log=True).low
        0.0001
    """

    edges: tuple[float, float] = Field(alias="float", description="Lower and upper edge.")
    log: bool = Field(default=False, description="Search on a log scale; the low edge must be > 0.")
    step: float | None = Field(default=None, description="Spacing of the allowed values.")

    def __init__(self, low: float | None = None, high: float | None = None, **fields: Any) -> None:
        if low is not None:
            fields["float"] = (low, high)
        super().__init__(**fields)

    @model_validator(mode="after")
    def _edges_make_sense(self) -> Float:
        _check_range(self.low, self.high, self.step, log=self.log)
        return self

    @property
    def low(self) -> float:
        """The lower edge, included."""
        return self.edges[0]

    @property
    def high(self) -> float:
        """The upper edge, included; with a step the last value reached may be lower."""
        return self.edges[1]

    @property
    def values(self) -> tuple[Value, ...] | None:
        """Every allowed value in order, or None when there are infinitely many."""
        if self.step is None:
            return (self.low,) if self.low == self.high else None
        count = math.floor((self.high - self.low) / self.step * (1 + RELATIVE_SLACK)) + 1
        # Rounded, so that a step of 0.1 gives 0.3 and not 0.30000000000000004.
        return tuple(round(self.low + self.step * k, 12) for k in range(count))

    def __contains__(self, value: object) -> bool:
        """Whether a number is inside the edges and, with a step, on it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        slack = RELATIVE_SLACK * max(abs(self.low), abs(self.high))
        if not self.low - slack <= value <= self.high + slack:
            return False
        if self.step is None:
            return True
        k = (value - self.low) / self.step
        return abs(k - round(k)) <= 1e-6


class Int(_Dimension):
    """A whole number between two edges, both included.

    Example:
        >>> Int(16, 64, step=16).values
        (16, 32, 48, 64)
    """

    edges: tuple[int, int] = Field(alias="int", description="Lower and upper edge.")
    log: bool = Field(default=False, description="Search on a log scale; the low edge must be > 0.")
    step: int = Field(default=1, description="Spacing of the allowed values.")

    def __init__(self, low: int | None = None, high: int | None = None, **fields: Any) -> None:
        if low is not None:
            fields["int"] = (low, high)
        super().__init__(**fields)

    @model_validator(mode="after")
    def _edges_make_sense(self) -> Int:
        _check_range(self.low, self.high, None if self.step == 1 else self.step, log=self.log)
        return self

    @property
    def low(self) -> int:
        """The lower edge, included."""
        return self.edges[0]

    @property
    def high(self) -> int:
        """The upper edge, included."""
        return self.edges[1]

    @property
    def values(self) -> tuple[Value, ...]:
        """Every allowed value in order."""
        return tuple(range(self.low, self.high + 1, self.step))

    def __contains__(self, value: object) -> bool:
        """Whether a whole number is inside the edges and on the step."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


class Choice(_Dimension):
    """One of some listed values.

    Example:
        >>> "adam" in Choice("adam", "sgd")
        True
    """

    options: tuple[Value, ...] = Field(alias="choice", description="The values to choose from.")

    def __init__(self, *options: Value, **fields: Any) -> None:
        if options:
            fields["choice"] = options
        super().__init__(**fields)

    @model_validator(mode="after")
    def _options_make_sense(self) -> Choice:
        if not self.options:
            raise ValueError("choice must have at least one value, got none; list what to try")
        # 1 and 1.0 are one value to Optuna; true is a value of its own.
        if len({(isinstance(o, bool), o) for o in self.options}) < len(self.options):
            raise ValueError(f"choice has a value twice, got {list(self.options)}; list each once")
        kinds = {type(option) for option in self.options}
        if len(kinds) > 1 and kinds != {int, float}:
            raise ValueError(
                f"values of a choice must be of one type, got {list(self.options)}; quote them all"
            )
        return self

    @property
    def values(self) -> tuple[Value, ...]:
        """Every allowed value, in the order written."""
        return self.options

    def __contains__(self, value: object) -> bool:
        """Whether a value is one of the options; 1 is not True."""
        return any(
            value == o and isinstance(value, bool) == isinstance(o, bool) for o in self.options
        )


Dimension: TypeAlias = Float | Int | Choice


@dataclass(frozen=True)
class Space:
    """Named dimensions and fixed values; a parent always stands before what hangs on it.

    Attributes:
        dimensions: What the engine searches, parents first.
        fixed: What every trial has, by name.
    """

    dimensions: Mapping[str, Dimension]
    fixed: Params

    @classmethod
    def of(cls, entries: Mapping[str, Dimension | Value]) -> Space:
        """Build a space from what a sweep file says, each entry a dimension or a plain value.

        Args:
            entries: By name; conditions must name other entries and may not form a circle.

        Raises:
            ValueError: A condition names something unknown, impossible or circular.
        """
        dims = {k: v for k, v in entries.items() if isinstance(v, _Dimension)}
        fixed = {k: v for k, v in entries.items() if not isinstance(v, _Dimension)}
        ordered: dict[str, Dimension] = {}
        while len(ordered) < len(dims):
            ready = [
                k
                for k in dims
                if k not in ordered and _parents(dims[k]) & dims.keys() <= ordered.keys()
            ]
            if not ready:
                circle = ", ".join(k for k in dims if k not in ordered)
                raise ValueError(f"conditions form a circle through {circle}; drop one `when`")
            ordered |= {k: dims[k] for k in ready}
        return cls(dimensions=ordered, fixed=fixed)

    @cached_property
    def conditional(self) -> frozenset[str]:
        """Names of the dimensions that exist only under a condition."""
        return frozenset(name for name, d in self.dimensions.items() if d.when)

    def is_active(self, name: str, params: Params) -> bool:
        """Tell whether a dimension exists at a point whose earlier dimensions are set.

        Args:
            name: A dimension of this space.
            params: The point so far; fixed values need not be in it.
        """
        when = self.dimensions[name].when
        if not when:
            return True
        known = {**self.fixed, **params}
        return all(parent in known and known[parent] in allowed for parent, allowed in when.items())

    def searched(self, params: Params) -> dict[str, Value]:
        """Return the part of a point that the engine chose, in the order of the space."""
        return {name: params[name] for name in self.dimensions if name in params}

    def problems(self, params: Params) -> list[str]:
        """Say what keeps a point from being one of this space, an empty list when nothing does."""
        found = [f"{k}: not in the space; remove it" for k in params if k not in self]
        for name, value in self.fixed.items():
            if name in params and params[name] != value:
                found.append(
                    f"{name}: fixed at {value!r} by the space, got {params[name]!r}; remove it"
                )
        for name, dimension in self.dimensions.items():
            if not self.is_active(name, params):
                if name in params:
                    found.append(f"{name}: does not exist under these values (when); remove it")
            elif name not in params:
                found.append(f"{name}: missing; give it a value")
            elif params[name] not in dimension:
                found.append(f"{name}: must be in {describe(dimension)}, got {params[name]!r}")
        return found

    def __contains__(self, name: object) -> bool:
        """Whether a name is a dimension or a fixed value of this space."""
        return name in self.dimensions or name in self.fixed

    @property
    def size(self) -> int | None:
        """How many different points there are, or None when there are infinitely many."""
        counts = [len(v) if (v := d.values) is not None else None for d in self.dimensions.values()]
        if any(count is None for count in counts):
            return None
        if not self.conditional:
            return math.prod(count for count in counts if count is not None)
        return sum(1 for _ in self.grid()) if math.prod(c for c in counts if c) <= 10**6 else None

    def grid(self) -> Iterator[dict[str, Value]]:
        """Yield every point once, the last dimension fastest; only for a space of finite size."""
        names = tuple(self.dimensions)
        seen: set[tuple[tuple[str, Value], ...]] = set()
        for combination in product(*(d.values or () for d in self.dimensions.values())):
            point: dict[str, Value] = {}
            for name, value in zip(names, combination, strict=True):
                if self.is_active(name, point):
                    point[name] = value
            key = tuple(point.items())
            if not self.conditional or key not in seen:
                seen.add(key)
                yield {**self.fixed, **point}

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Draw one point, each active dimension uniformly on its own scale."""
        point: dict[str, Value] = {}
        for name, dimension in self.dimensions.items():
            if self.is_active(name, point):
                point[name] = _draw(dimension, rng)
        return {**self.fixed, **point}


def describe(dimension: Dimension) -> str:
    """Write a dimension as people read it: `[0.0001, 0.1] log`, or `adam | sgd`."""
    if isinstance(dimension, Choice):
        return " | ".join(str(option) for option in dimension.options)
    step = dimension.step if isinstance(dimension, Float) or dimension.step != 1 else None
    return (
        f"[{dimension.low:g}, {dimension.high:g}]"
        + (" log" if dimension.log else "")
        + (f" step {step:g}" if step is not None else "")
    )


def _parents(dimension: Dimension) -> set[str]:
    return set(dimension.when or ())


def _draw(dimension: Dimension, rng: np.random.Generator) -> Value:
    if isinstance(dimension, Choice) or (dimension.values is not None and not dimension.log):
        values = dimension.values or ()
        return values[int(rng.integers(len(values)))]
    if not dimension.log:
        return float(rng.uniform(dimension.low, dimension.high))
    # A whole number stands for the half-open unit around it, so both edges get their full share.
    margin = 0.5 if isinstance(dimension, Int) else 0.0
    low, high = math.log(dimension.low - margin), math.log(dimension.high + margin)
    drawn = math.exp(rng.uniform(low, high))
    if isinstance(dimension, Int):
        drawn = round(drawn)
    return min(max(drawn, dimension.low), dimension.high)


def _check_range(low: float, high: float, step: float | None, *, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"edges must be finite, got [{low}, {high}]")
    if low > high:
        raise ValueError(f"low must be <= high, got [{low:g}, {high:g}]; swap them")
    if log and low <= 0:
        raise ValueError(f"low must be > 0 when log is true, got {low:g}; raise it or drop log")
    if log and step is not None:
        raise ValueError("step and log exclude each other; drop one")
    if step is not None and step <= 0:
        raise ValueError(f"step must be > 0, got {step:g}; leave it out for every value")
