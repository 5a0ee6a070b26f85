"""Writing a sweep file: values as YAML, and edits in place that leave the rest as it was."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sweepspot.space import Choice, Float, Int
from sweepspot.spec import SweepSpec

__all__ = ["Splice", "as_text", "flow", "note", "splice", "without_notes"]

MARK = "# sweepspot: "
"""How a comment of ours begins, so that the next proposal can replace it."""

_WIDTH = 98
_WORDS_WITH_MEANING = {"true", "false", "null", "yes", "no", "on", "off"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Splice:
    """One key of a sweep file, with what is to stand there.

    Attributes:
        path: The key: a section, or a section and a key in it.
        text: The value as YAML in flow style.
        notes: Comment lines to stand above it, without their mark.
    """

    path: tuple[str, ...]
    text: str
    notes: tuple[str, ...] = ()


def flow(value: Any) -> str:
    """Write a value as YAML in flow style, as people write sweep files.

    Example:
        >>> flow({"int": (16, 768), "log": True})
        '{int: [16, 768], log: true}'
        >>> flow(["adam", "on", "1e-4"])
        '[adam, "on", "1e-4"]'
    """
    match value:
        case Float() | Int() | Choice():
            return flow(value.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        case Mapping():
            return "{" + ", ".join(f"{flow(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
        case str():
            plain = re.fullmatch(r"[A-Za-z_][\w.-]*", value)
            return (
                value if plain and value.lower() not in _WORDS_WITH_MEANING else json.dumps(value)
            )
        case bool() | None:
            return json.dumps(value)
        case Sequence():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case _:
            return repr(value)


def as_text(spec: SweepSpec) -> str:
    """Write a declaration as a sweep file: a line a section, and a line a dimension."""
    keys = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    entries = "".join(f"  {flow(name)}: {flow(entry)}\n" for name, entry in spec.space.items())
    return "".join(
        f"space:\n{entries}" if key == "space" else f"{key}: {flow(value)}\n"
        for key, value in keys.items()
    )


def note(text: str) -> tuple[str, ...]:
    """Return a comment's lines, wrapped."""
    return tuple(textwrap.wrap(text, _WIDTH - len(MARK) - 2, subsequent_indent="  "))


def without_notes(text: str) -> str:
    """Return a sweep file without the comments of an earlier proposal."""
    return re.sub(rf"^[ \t]*{re.escape(MARK)}.*\n", "", text, flags=re.MULTILINE)


def splice(text: str, splices: Iterable[Splice]) -> str:
    """Return a sweep file with some values replaced, each under its comments.

    What is not named stays as it was, comments and spacing included. A key that is not there is
    put into its section, a section that is not there at the end of the file.

    Args:
        text: A sweep file.
        splices: What to replace, or to add.

    Example:
        >>> print(splice("train: {epochs: 5}  # few", [
        ...     Splice(path=("train", "epochs"), text="15", notes=("why",))
        ... ]))
        # sweepspot: why
        train: {epochs: 15}  # few
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pieces: list[tuple[int, int, str]] = []
    tail = ""
    for one in splices:
        section = _pair(root, one.path[0])
        if section is None:
            key, value = one.path[0], one.text
            inner = value if len(one.path) == 1 else f"{{{one.path[1]}: {value}}}"
            tail += _commented(one.notes, "") + f"{key}: {inner}\n"
            continue
        start, end, replacement = _replacement(section, one)
        line = text.rfind("\n", 0, start) + 1
        indent = re.match(r"[ \t]*", text[line:])
        pieces.append((start, end, replacement))
        pieces.append((line, line, _commented(one.notes, indent[0] if indent else "")))
    # From the back, so that places stay true; a line's comments come in the order of the call.
    pieces.sort(key=lambda piece: piece[:2])
    for start, end, replacement in reversed(pieces):
        text = text[:start] + replacement + text[end:]
    return text if not tail else text.rstrip("\n") + "\n" + tail


_Pair = tuple[yaml.Node, yaml.Node]


def _pair(node: yaml.Node | None, key: str) -> _Pair | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == key), None)


def _replacement(section: _Pair, one: Splice) -> tuple[int, int, str]:
    """Return from where to where to put what."""
    _, value = section
    if len(one.path) == 1:
        return value.start_mark.index, _end(value), one.text
    found = _pair(value, one.path[1])
    if found is not None:
        return found[1].start_mark.index, _end(found[1]), one.text
    addition = f"{one.path[1]}: {one.text}"
    if not value.value:
        return value.start_mark.index, _end(value), f"{{{addition}}}"
    if _is_flow(value):
        last = _end(value.value[-1][1])
        return last, last, f", {addition}"
    # In front, since a comment may follow the last one.
    first = value.value[0][0].start_mark
    return first.index, first.index, addition + "\n" + " " * first.column


def _end(node: yaml.Node) -> int:
    """Return where a node's text ends; PyYAML has a block end where the next key begins."""
    if isinstance(node, yaml.ScalarNode) or _is_flow(node):
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _commented(notes: Iterable[str], indent: str) -> str:
    return "".join(f"{indent}{MARK}{line}\n" for line in notes)
