"""What only shows when the parts of a sweep file are held against one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweepspot.diagnosis import Criteria
from sweepspot.errors import SpecError, did_you_mean
from sweepspot.networks import FAMILIES, setting, settings
from sweepspot.space import Choice, Dimension, Params, Space, Value
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile.explaining import REMOVE
from sweepspot.sweepfile.marked import Loc

__all__ = ["cross_checks", "name_problems"]


def cross_checks(spec: SweepSpec) -> Iterator[tuple[Loc, str]]:
    """Yield what only shows when the parts of a sweep file are held against one another."""
    yield from _criteria_problems(spec.criteria)
    if "algorithm" in spec.select.gates and spec.baseline.algorithm is None:
        yield (
            ("select", "gates"),
            "algorithm needs a baseline, got none; "
            "add baseline: {algorithm: hist_gradient_boosting}",
        )
    if spec.model in FAMILIES:
        yield from _range_problems(spec)
    conditions = list(_condition_problems(spec.space))
    yield from conditions
    if conditions:
        return
    try:
        space = spec.points
    except ValueError as exc:
        yield ("space",), str(exc)
        return
    yield from _search_problems(spec, space)


def _criteria_problems(criteria: Mapping[str, float]) -> Iterator[tuple[Loc, str]]:
    known = Criteria.__dataclass_fields__
    unknown = [name for name in criteria if name not in known]
    for name in unknown:
        yield ("criteria", name), f"unknown key{did_you_mean(name, known) or REMOVE}"
    if not unknown:
        try:
            Criteria(**criteria)  # type: ignore[arg-type]
        except SpecError as exc:
            for problem in exc.problems:
                key, _, text = problem.partition(": ")
                yield tuple(key.split(".")), text


def name_problems(raw: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Yield a family that does not exist, one without settings, and settings it does not have."""
    model, space = raw.get("model", "mlp"), raw.get("space")
    if not isinstance(model, str) or ":" in model:
        return
    if "space" not in raw:
        yield ("space",), "required, got nothing; add it"
    if model not in FAMILIES:
        hint = did_you_mean(model, FAMILIES)
        yield (
            ("model",),
            f"expected one of {', '.join(FAMILIES)} or my_package.models:build, "
            f"got {model!r}{hint}",
        )
        return
    if space == {}:
        yield (
            ("space",),
            "must hold at least one setting, got {}; "
            "add what is searched, such as learning_rate: {float: [1e-4, 1e-1], log: true}",
        )
    for name in space if isinstance(space, Mapping) else ():
        if setting(model, str(name)) is None:
            hint = did_you_mean(str(name), settings(model)) or REMOVE
            yield ("space", name), f"{model} has no setting of this name{hint}"


def _range_problems(spec: SweepSpec) -> Iterator[tuple[Loc, str]]:
    for name, entry in spec.space.items():
        known = setting(spec.model, name)
        if known is None:
            continue
        for value in _extremes(entry):
            if problem := known.problem(value):
                yield ("space", name), f"{problem}; it is: {known.meaning}"
                break


def _extremes(entry: Dimension | Value) -> Sequence[Value]:
    if isinstance(entry, Choice):
        return entry.options
    if isinstance(entry, bool | int | float | str):
        return (entry,)
    return (entry.low, entry.high)


def _condition_problems(entries: Mapping[str, Dimension | Value]) -> Iterator[tuple[Loc, str]]:
    for name, entry in entries.items():
        if isinstance(entry, bool | int | float | str):
            continue
        for parent, allowed in (entry.when or {}).items():
            if parent not in entries:
                hint = did_you_mean(parent, entries) or REMOVE
                yield ("space", name, "when"), f"{parent} is not in the space{hint}"
                continue
            other = entries[parent]
            for value in allowed:
                possible = (
                    value == other
                    if isinstance(other, bool | int | float | str)
                    else value in other
                )
                if not possible:
                    yield ("space", name, "when"), f"{parent} can never be {value!r}; remove it"


def _search_problems(spec: SweepSpec, space: Space) -> Iterator[tuple[Loc, str]]:
    if spec.search.sampler == "grid" and space.size is None:
        endless = [name for name, d in space.dimensions.items() if d.values is None]
        yield (
            ("search", "sampler"),
            f"grid needs finitely many points, got {', '.join(endless) or 'over a million'}; "
            "give dimensions a step or a choice",
        )
    # A space that is left to `build(hp)` is not known yet; this is asked again when it is.
    for k, point in enumerate(spec.search.start if spec.space else ()):
        for problem in _start_problems(space, point):
            yield ("search", "start", k), problem


def _start_problems(space: Space, point: Params) -> list[str]:
    """Say what is wrong with a point that may leave dimensions out, a child's parent too."""
    left_to_engine = (": missing;", ": does not exist")
    return [p for p in space.problems(point) if not any(part in p for part in left_to_engine)]
