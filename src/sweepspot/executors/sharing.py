"""Handing data to several processes: written once, mapped into the memory of each."""

from __future__ import annotations

import mmap
import pickle
import struct
from pathlib import Path
from typing import Any

__all__ = ["read_shared", "write_shared"]

ALIGNMENT = 64
"""Bytes at whose multiples an array begins, so that TensorFlow can use it as it lies."""


def write_shared(value: Any, path: Path) -> None:
    """Write a value whose arrays `read_shared` maps into memory.

    Layout: the length of the head and the number of buffers, the buffers' sizes, the head (a
    pickle without its buffers), and the buffers, each at a multiple of 64 bytes.
    """
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [buffer.raw() for buffer in buffers]
    with path.open("wb") as file:
        file.write(struct.pack("<2q", len(head), len(parts)))
        file.write(struct.pack(f"<{len(parts)}q", *(part.nbytes for part in parts)))
        file.write(head)
        for part in parts:
            file.write(bytes(-file.tell() % ALIGNMENT))
            file.write(part)


def read_shared(path: Path) -> Any:
    """Read a value back; its arrays take no memory, but for pages that this process writes to."""
    with path.open("rb") as file:
        # The file stays as it is; TensorFlow takes no array that cannot be written to.
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    n_head, n_parts = struct.unpack_from("<2q", view)
    sizes = struct.unpack_from(f"<{n_parts}q", view, 16)
    at = 16 + 8 * n_parts + n_head
    head, parts = view[at - n_head : at], []
    for size in sizes:
        at += -at % ALIGNMENT
        parts.append(view[at : at + size])
        at += size
    return pickle.loads(head, buffers=parts)
