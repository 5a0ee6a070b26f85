"""YAML as people expect it, and the lines on which its parts stand."""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["Loader", "Loc", "dotted", "line_of"]

Loc = tuple[str | int, ...]
"""A place in a sweep file: keys, and numbers in lists."""


class Loader(yaml.SafeLoader):
    """YAML as people expect it: `1e-4` is a number, `on` is a word, and no key comes twice."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, rx) for tag, rx in rules if tag.rsplit(":", 1)[1] not in ("bool", "float")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:\.\d+|\d+\.\d*)(?:[eE][-+]?\d+)?$|^[-+]?\d+[eE][-+]?\d+$"
        r"|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key, _ in node.value:
        name = loader.construct_object(key)
        if name in seen:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {name!r} twice", problem_mark=key.start_mark
            )
        seen.add(name)
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def line_of(node: yaml.Node | None, loc: Loc) -> int:
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


def dotted(loc: Loc) -> str:
    """Write a place as people do.

    Example:
        >>> dotted(("search", "start", 0, "units"))
        'search.start[0].units'
    """
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
