"""JSON lines that outlive a crash: appended whole and synced, read without what was torn."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["append_line", "read_lines"]


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add a JSON object to a file, and wait until it is on disk.

    Args:
        path: Made when missing, with its folder.
        record: JSON values by name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A line torn by a crash must not swallow this one.
    is_torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * is_torn + json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file, the first one first; none where there is no file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [record for line in lines if (record := _object(line)) is not None]


def _object(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
