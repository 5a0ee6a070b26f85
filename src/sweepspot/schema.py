"""The JSON schema of a sweep file, with which editors complete and check it."""

from __future__ import annotations

from typing import Any

from sweepspot.diagnosis import Criteria
from sweepspot.spec import SweepSpec

__all__ = ["sweep_schema"]


def sweep_schema() -> dict[str, Any]:
    """Return the JSON schema of a sweep file; `schema.json` in this package holds it.

    Example:
        >>> sweep_schema()["required"]
        ['name', 'data']
    """
    schema = _plain(SweepSpec.model_json_schema(by_alias=True))
    schema["title"] = "Sweepspot sweep file"
    # What a validator turns into a number is not in a schema by itself.
    timeout = schema["$defs"]["Search"]["properties"]["timeout"]
    timeout["anyOf"].append({"type": "string", "pattern": r"^\s*[\d.]+\s*[smhd]\s*$"})
    schema["properties"]["criteria"] |= {
        "properties": {
            name: {
                "type": "integer" if isinstance(field.default, int) else "number",
                "default": field.default,
            }
            for name, field in Criteria.__dataclass_fields__.items()
        },
        "additionalProperties": False,
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _plain(node: Any) -> Any:
    """Leave out the titles that repeat a key, and the examples of docstrings."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _plain(value) for key, value in node.items() if not _repeats(key, value)}
    if isinstance(kept.get("description"), str):
        kept["description"] = kept["description"].split("\n\n")[0]
    return kept


def _repeats(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)
