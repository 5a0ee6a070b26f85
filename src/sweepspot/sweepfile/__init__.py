"""Reading a sweep file: everything that is wrong with it is said at once, each with its place."""

from __future__ import annotations

from sweepspot.sweepfile.reading import parse_spec, read_spec

__all__ = ["parse_spec", "read_spec"]
