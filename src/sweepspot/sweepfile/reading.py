"""From a file or from keys to a checked declaration, or to all problems in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sweepspot.errors import SpecError
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile.checks import cross_checks, name_problems
from sweepspot.sweepfile.explaining import explain
from sweepspot.sweepfile.marked import Loader, Loc, dotted, line_of

__all__ = ["parse_spec", "read_spec"]


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
        node = yaml.compose(text, Loader=Loader)
        raw = yaml.load(text, Loader=Loader)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise SpecError(f"{path}:{line}: must be YAML, got: {exc.problem}") from exc
    if not isinstance(raw, dict):
        raise SpecError(f"{path}:1: must be a mapping of keys, got {type(raw).__name__}")
    return parse_spec(raw, where=lambda loc: f"{path}:{line_of(node, loc)}: ")


def parse_spec(
    raw: Mapping[str, Any], *, where: Callable[[Loc], str] = lambda loc: ""
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
        found = explain(exc.errors())
        found += [(loc, f"{dotted(loc)}: {text}") for loc, text in name_problems(raw)]
        found.sort(key=lambda problem: _order(raw, problem[0]))
        raise SpecError(*(where(loc) + text for loc, text in found)) from exc
    problems = [*name_problems(raw), *cross_checks(spec)]
    if problems:
        problems.sort(key=lambda problem: _order(raw, problem[0]))
        raise SpecError(*(where(loc) + f"{dotted(loc)}: {text}" for loc, text in problems))
    return spec


def _order(raw: Any, loc: Loc) -> list[int]:
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
