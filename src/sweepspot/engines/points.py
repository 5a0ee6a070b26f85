"""Points of a space as every engine needs them: canonical, drawn for a start, or on a grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sweepspot.errors import SpecError
from sweepspot.space import Choice, Dimension, Float, Space, Value
from sweepspot.spec import Search

__all__ = [
    "Point",
    "canonical",
    "check_grid",
    "grid_without",
    "point",
    "search_seed",
    "start_points",
]

Point = dict[str, Value]

MOST_GRID_POINTS = 1_000_000


def search_seed(sweep_seed: int, number: int, purpose: int = 0) -> int:
    """Return the seed with which trial `number` is proposed, below 2**31.

    The spawn key keeps it apart from `trial_seed`: numpy pads short entropy with zeros, so the
    entropy `[seed, number]` alone would give the very same stream.

    Args:
        sweep_seed: `search.seed` of the sweep file.
        number: The trial's number, from 0.
        purpose: 0 for the sampler, 1 for what a start point leaves out.

    Example:
        >>> search_seed(0, 3) == search_seed(0, 3), search_seed(0, 3) == search_seed(0, 4)
        (True, False)
    """
    sequence = np.random.SeedSequence([sweep_seed, number], spawn_key=(purpose,))
    return int(sequence.generate_state(1)[0] >> 1)


def canonical(dimension: Dimension, value: Value) -> Value:
    """Return the value of a dimension that a library, a file or rounding meant, as plain Python.

    Example:
        >>> canonical(Float(0.0, 1.0, step=0.1), 0.30000000000000004)
        0.3
    """
    if isinstance(dimension, Choice):
        equal = [option for option in dimension.options if option == value]
        return next((option for option in equal if type(option) is type(value)), equal[0])
    number = min(max(float(value), dimension.low), dimension.high)
    if not isinstance(dimension, Float):
        return int(number)
    if dimension.step is None:
        return number
    # The same arithmetic as Float.values, so that equal points compare equal.
    steps = round((number - dimension.low) / dimension.step)
    return round(dimension.low + dimension.step * steps, 12)


def point(space: Space, raw: Mapping[str, Value]) -> Point:
    """Return a whole point: fixed values, then the active dimensions in the order of the space.

    Args:
        space: The search space.
        raw: What a library proposed; what does not exist under its conditions is dropped.
    """
    chosen: Point = {}
    for name, dimension in space.dimensions.items():
        if space.is_active(name, chosen):
            chosen[name] = canonical(dimension, raw[name])
    return {**space.fixed, **chosen}


def start_points(search: Search, space: Space) -> list[Point]:
    """Complete the points that a sweep tries first; what one leaves out is drawn from its seed.

    Raises:
        SpecError: A start point is not one of the space.
    """
    completed = [
        _completed(given, space, search.seed, number) for number, given in enumerate(search.start)
    ]
    problems = [
        f"search.start[{k}].{problem}"
        for k, candidate in enumerate(completed)
        for problem in space.problems(candidate)
    ]
    if problems:
        raise SpecError(*problems)
    return [point(space, candidate) for candidate in completed]


def check_grid(space: Space) -> int:
    """Return how many points the grid of a space has.

    Raises:
        SpecError: There are infinitely many, or too many to list.
    """
    endless = [name for name, dimension in space.dimensions.items() if dimension.values is None]
    if endless:
        raise SpecError(
            *(f"space.{k}: grid needs a step, got a range of reals; add step" for k in endless)
        )
    size = space.size
    if size is None or size > MOST_GRID_POINTS:
        amount = "more" if size is None else f"{size:,}"
        raise SpecError(
            f"search.sampler: a grid may have {MOST_GRID_POINTS:,} points, got {amount}; "
            "use sampler: random, or larger steps"
        )
    return size


def grid_without(space: Space, visited: Sequence[Point]) -> Iterator[Point]:
    """Yield the points of the grid that were not visited, the last dimension fastest."""
    skipped = {tuple(p.items()) for p in visited}
    return (p for p in space.grid() if tuple(p.items()) not in skipped)


def _completed(given: Mapping[str, Value], space: Space, seed: int, number: int) -> Point:
    rng = np.random.default_rng(search_seed(seed, number, purpose=1))
    return {**_narrowed(space, given).sample(rng), **given}


def _narrowed(space: Space, given: Mapping[str, Value]) -> Space:
    """Pin what is given, and what was left out to values under which the given can exist."""
    options: dict[str, tuple[Value, ...]] = {name: (value,) for name, value in given.items()}
    # Children stand after their parents.
    for name in reversed(tuple(space.dimensions)):
        for parent, allowed in (space.dimensions[name].when or {}).items():
            if name in options and parent in space.dimensions and parent not in given:
                known = options.get(parent, allowed)
                options[parent] = tuple(v for v in dict.fromkeys(allowed) if v in known)
    pinned = {
        name: Choice(*options[name], when=dimension.when) if options.get(name) else dimension
        for name, dimension in space.dimensions.items()
    }
    return Space(dimensions=pinned, fixed=space.fixed)
