"""What pydantic finds wrong, as `key: rule, got value; remedy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, get_args

from pydantic import BaseModel

from sweepspot.errors import did_you_mean
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile.marked import Loc, dotted

__all__ = ["REMOVE", "explain"]

REMOVE = "; remove it"
"""What to do with a word that is like no other."""

_KINDS = ("float", "int", "choice", "value")
_WANTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "tuple": "a list",
}
"""What a value must be, by how pydantic's errors about its kind begin."""


def explain(errors: Iterable[Any]) -> list[tuple[Loc, str]]:
    """Turn pydantic's errors into places and problems, one where a value fits no branch."""
    return [_explain(error) for error in _telling(errors)]


def _telling(errors: Iterable[Any]) -> Iterator[Any]:
    """Yield one error where a value fits no branch of a union: pydantic has one a branch."""
    places: dict[Loc, list[Any]] = {}
    for error in errors:
        places.setdefault(_union(error["loc"]), []).append(error)
    for place, found in places.items():
        # What is wrong inside one branch tells more than that the others take something else.
        inside = [e for e in found if not _wanted(e) or _without_tags(e["loc"]) != place]
        yield from inside or [{**found[0], "wanted": list(map(_wanted, found))}]


def _explain(error: Any) -> tuple[Loc, str]:
    """Turn one of pydantic's errors into its place and `key: rule, got value; remedy`."""
    loc = _without_tags(error["loc"])
    key, got = dotted(loc), _shown(error.get("input"))
    wanted = error.get("wanted", [_wanted(error)])
    match error["type"]:
        case "missing":
            return loc, f"{key}: required, got nothing; add it"
        case "extra_forbidden":
            hint = did_you_mean(str(loc[-1]), _known_keys(loc[:-1])) or REMOVE
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


def _union(loc: Loc) -> Loc:
    """Return the place of the union that an error is about, else that of the error."""
    if loc[:1] == ("space",):
        return _without_tags(loc)
    return tuple(takewhile(lambda step: not _is_branch(step), loc))


def _without_tags(loc: Loc) -> Loc:
    """Drop what names a branch of a union instead of a place in the file."""
    if loc[:1] != ("space",):
        return tuple(step for step in loc if not _is_branch(step))
    kept = [step for i, step in enumerate(loc) if not (i == 2 and step in _KINDS)]
    return tuple(kept[:4])


def _is_branch(step: str | int) -> bool:
    return step in ("bool", "int", "float", "str") or str(step).startswith(
        ("tuple[", "function-", "lax-or-")
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _known_keys(loc: Loc) -> list[str]:
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
