"""Hashes of raw content, by which a sweep and the test ledger know their data again."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.datasets.raw import Raw, Rows

__all__ = ["digest_of", "digest_of_rows"]


def digest_of(raw: Raw) -> str:
    """Return SHA-256 of a source's content: names, order and values, not the file's format."""
    names = [*raw.X.columns, *raw.y.columns] if isinstance(raw.X, pd.DataFrame) else ["array"]
    found = hashlib.sha256(repr([*map(str, names), raw.X.shape, raw.n_given]).encode())
    found.update(_row_hashes(raw.X, raw.y).tobytes())
    return found.hexdigest()


def digest_of_rows(X: Rows, y: pd.DataFrame) -> str:
    """Return SHA-256 of some rows, whatever their order in the file."""
    return hashlib.sha256(np.sort(_row_hashes(X, y)).tobytes()).hexdigest()


def _row_hashes(X: Rows, y: pd.DataFrame) -> npt.NDArray[np.uint64]:
    """Hash each row to 64 bits, `(examples,)`."""
    of_y = pd.util.hash_pandas_object(y, index=False).to_numpy()
    if isinstance(X, pd.DataFrame):
        of_x = pd.util.hash_pandas_object(X, index=False).to_numpy()
    else:
        of_x = np.array([_bytes_hash(row) for row in X], dtype=np.uint64)
    return np.asarray(of_x * np.uint64(31) + of_y, dtype=np.uint64)


def _bytes_hash(row: npt.NDArray[Any]) -> int:
    return int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little")
