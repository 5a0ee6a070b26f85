"""Reading a sweep file: everything that is wrong with it is said at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from sweepspot.diagnosis import Criteria
from sweepspot.errors import SpecError, did_you_mean
from sweepspot.networks import FAMILIES, setting, settings
from sweepspot.space import Choice, Dimension, Params, Space, Value
from sweepspot.spec import SweepSpec

__all__ = ["parse_spec", "read_spec"]

_Loc = tuple[str | int, ...]
_KINDS = ("float", "int", "choice", "value")
_REMOVE = "; remove it"
_WANTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "tuple": "a list",
}
"""What a value must be, by how pydantic's errors about its kind begin."""


def read_spec(path: Path) -> SweepSpec:
    """Read and check a sweep file.

    Args:
        path: A YAML file.

    Raises:
        SpecError: The file cannot be read or is not a sweep file; one problem a line, each as
            `file:line: key: rule, got value; remedy`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "bytes that are not UTF-8"
        raise SpecError(f"{path}: must be a readable sweep file, got: {reason}") from exc
    try:
        node = yaml.compose(text, Loader=_Loader)
        raw = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise SpecError(f"{path}:{line}: must be YAML, got: {exc.problem}") from exc
    if not isinstance(raw, dict):
        raise SpecError(f"{path}:1: must be a mapping of keys, got {type(raw).__name__}")
    return parse_spec(raw, where=lambda loc: f"{path}:{_line(node, loc)}: ")


def parse_spec(
    raw: Mapping[str, Any], *, where: Callable[[_Loc], str] = lambda loc: ""
) -> SweepSpec:
    """Check what a sweep file or a Python call declares.

    Args:
        raw: The keys of a sweep file.
        where: Turns a place in `raw` into a prefix of its problems, such as `file:line: `.

    Raises:
        SpecError: Anything is wrong; all problems are in it.
    """
    try:
        spec = SweepSpec.model_validate(raw)
    except ValidationError as exc:
        found = [_explain(error) for error in _telling(exc.errors())]
        found += [(loc, f"{_dotted(loc)}: {text}") for loc, text in _name_problems(raw)]
        found.sort(key=lambda problem: _order(raw, problem[0]))
        raise SpecError(*(where(loc) + text for loc, text in found)) from exc
    problems = [*_name_problems(raw), *_cross_checks(spec)]
    if problems:
        problems.sort(key=lambda problem: _order(raw, problem[0]))
        raise SpecError(*(where(loc) + f"{_dotted(loc)}: {text}" for loc, text in problems))
    return spec


def _order(raw: Any, loc: _Loc) -> list[int]:
    """Where a place stands among the keys as they were written, for sorting."""
    order = []
    for step in loc:
        if isinstance(raw, Mapping):
            keys = [str(key) for key in raw]
            order.append(keys.index(str(step)) if str(step) in keys else -1)
            raw = raw.get(step)
        else:
            order.append(step if isinstance(step, int) else 0)
    return order


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: `1e-4` is a number, `on` is a word, and no key comes twice."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rx) for tag, rx in rules if tag.rsplit(":", 1)[1] not in ("bool", "float")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:\.\d+|\d+\.\d*)(?:[eE][-+]?\d+)?$|^[-+]?\d+[eE][-+]?\d+$"
        r"|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key, _ in node.value:
        name = loader.construct_object(key)
        if name in seen:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {name!r} twice", problem_mark=key.start_mark
            )
        seen.add(name)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _line(node: yaml.Node | None, loc: _Loc) -> int:
    """Find the line of a place, or of the innermost part of it that is there."""
    line = 1
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = ((k.start_mark, v) for k, v in node.value if k.value == str(step))
        else:
            # A list may be too short, and a value have nothing inside.
            parts = node.value if isinstance(node, yaml.SequenceNode) else []
            pairs = ((v.start_mark, v) for k, v in enumerate(parts) if k == step)
        mark, node = next(pairs, (None, node))
        if mark is None:
            break
        line = mark.line + 1
    return line


def _telling(errors: Iterable[Any]) -> Iterator[Any]:
    """Yield one error where a value fits no branch of a union: pydantic has one a branch."""
    places: dict[_Loc, list[Any]] = {}
    for error in errors:
        places.setdefault(_union(error["loc"]), []).append(error)
    for place, found in places.items():
        # What is wrong inside one branch tells more than that the others take something else.
        inside = [e for e in found if not _wanted(e) or _without_tags(e["loc"]) != place]
        yield from inside or [{**found[0], "wanted": list(map(_wanted, found))}]


def _explain(error: Any) -> tuple[_Loc, str]:
    """Turn one of pydantic's errors into its place and `key: rule, got value; remedy`."""
    loc = _without_tags(error["loc"])
    key, got = _dotted(loc), _shown(error.get("input"))
    wanted = error.get("wanted", [_wanted(error)])
    match error["type"]:
        case "missing":
            return loc, f"{key}: required, got nothing; add it"
        case "extra_forbidden":
            hint = did_you_mean(str(loc[-1]), _known_keys(loc[:-1])) or _REMOVE
            return loc, f"{key}: unknown key{hint}"
        case "value_error":
            cause = error["ctx"]["error"]
            return loc, f"{key}: {cause}" if key else str(cause)
        case "too_long":
            return loc, f"{key}: must have {error['ctx']['max_length']} values, got {got}"
        case "dict_type" | "model_type" | "mapping_type":
            return loc, f"{key}: must be a mapping of keys, got {got}"
        case "literal_error" | "enum":
            options = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
            hint = did_you_mean(str(error["input"]), options.split(", "))
            return loc, f"{key}: expected one of {options}, got {got}{hint}"
        case _ if wanted[0]:
            remedy = "; put it in [ ]" if wanted == ["a list"] else ""
            return loc, f"{key}: must be {_either(wanted)}, got {got}{remedy}"
        case _:
            rule = error["msg"].replace("Input should", "must").replace("Value should", "must")
            return loc, f"{key}: {rule[0].lower()}{rule[1:]}, got {got}"


def _wanted(error: Any) -> str:
    """Say which kind of value an error asks for, an empty string where it asks for no kind."""
    return _WANTED.get(error["type"].partition("_")[0], "")


def _either(wanted: Sequence[str]) -> str:
    """Join kinds of values.

    Example:
        >>> _either(["true or false", "a whole number", "a number", "text"])
        'true or false, a number or text'
    """
    # A whole number is a number.
    *others, last = [w for w in wanted if w != "a whole number" or "a number" not in wanted]
    return f"{', '.join(others)} or {last}" if others else last


def _union(loc: _Loc) -> _Loc:
    """Return the place of the union that an error is about, else that of the error."""
    if loc[:1] == ("space",):
        return _without_tags(loc)
    return tuple(takewhile(lambda step: not _is_branch(step), loc))


def _without_tags(loc: _Loc) -> _Loc:
    """Drop what names a branch of a union instead of a place in the file."""
    if loc[:1] != ("space",):
        return tuple(step for step in loc if not _is_branch(step))
    kept = [step for i, step in enumerate(loc) if not (i == 2 and step in _KINDS)]
    return tuple(kept[:4])


def _is_branch(step: str | int) -> bool:
    return step in ("bool", "int", "float", "str") or str(step).startswith(
        ("tuple[", "function-", "lax-or-")
    )


def _dotted(loc: _Loc) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _known_keys(loc: _Loc) -> list[str]:
    """Return the keys that exist at a place of the sweep file."""
    if loc[:1] == ("space",):
        return ["float", "int", "choice", "log", "step", "when"]
    model: type[BaseModel] = SweepSpec
    for step in loc:
        annotation = model.model_fields[str(step)].annotation
        kinds = (annotation, *get_args(annotation))
        # Only a section can have a key too many.
        model = next(k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]


def _cross_checks(spec: SweepSpec) -> Iterator[tuple[_Loc, str]]:
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


def _criteria_problems(criteria: Mapping[str, float]) -> Iterator[tuple[_Loc, str]]:
    known = Criteria.__dataclass_fields__
    unknown = [name for name in criteria if name not in known]
    for name in unknown:
        yield ("criteria", name), f"unknown key{did_you_mean(name, known) or _REMOVE}"
    if not unknown:
        try:
            Criteria(**criteria)  # type: ignore[arg-type]
        except SpecError as exc:
            for problem in exc.problems:
                key, _, text = problem.partition(": ")
                yield tuple(key.split(".")), text


def _name_problems(raw: Mapping[str, Any]) -> Iterator[tuple[_Loc, str]]:
    """Yield a family that does not exist, and settings that the family does not have."""
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
    for name in space if isinstance(space, Mapping) else ():
        if setting(model, str(name)) is None:
            hint = did_you_mean(str(name), settings(model)) or _REMOVE
            yield ("space", name), f"{model} has no setting of this name{hint}"


def _range_problems(spec: SweepSpec) -> Iterator[tuple[_Loc, str]]:
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


def _condition_problems(entries: Mapping[str, Dimension | Value]) -> Iterator[tuple[_Loc, str]]:
    for name, entry in entries.items():
        if isinstance(entry, bool | int | float | str):
            continue
        for parent, allowed in (entry.when or {}).items():
            if parent not in entries:
                hint = did_you_mean(parent, entries) or _REMOVE
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


def _search_problems(spec: SweepSpec, space: Space) -> Iterator[tuple[_Loc, str]]:
    if spec.search.sampler == "grid" and space.size is None:
        endless = [name for name, d in space.dimensions.items() if d.values is None]
        yield (
            ("search", "sampler"),
            f"grid needs finitely many points, got {', '.join(endless) or 'over a million'}; "
            "give dimensions a step or a choice",
        )
    for k, point in enumerate(spec.search.start):
        for problem in _start_problems(space, point):
            yield ("search", "start", k), problem


def _start_problems(space: Space, point: Params) -> list[str]:
    """Say what is wrong with a point that may leave dimensions out, a child's parent too."""
    left_to_engine = (": missing;", ": does not exist")
    return [p for p in space.problems(point) if not any(part in p for part in left_to_engine)]
