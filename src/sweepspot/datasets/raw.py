"""A data set as it was read, before anything is split, fitted or encoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["LARGEST", "Column", "Raw", "Rows", "columns_of", "named", "take"]

LARGEST = 1e30
"""Larger numbers overflow where a deviation is squared, or in float32."""

Rows: TypeAlias = pd.DataFrame | npt.NDArray[Any]
"""Features as the source has them: a table of columns, or an array `(examples, ...)`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A feature column.

    Attributes:
        name: As in the source.
        kind: Whether it is numbers, or text, categories and truth values.
    """

    name: str
    kind: Literal["number", "text"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Raw:
    """Examples and targets of one source.

    Attributes:
        X: Features.
        y: One target column or more, a row an example.
        n_given: Rows from this one on are the test split of the source itself; None if it has none.
        notes: What people should know about it.
    """

    X: Rows
    y: pd.DataFrame
    n_given: int | None = None
    notes: tuple[str, ...] = ()


def take(rows: Rows, numbers: npt.NDArray[np.int64]) -> Rows:
    """Return some rows, by their numbers; a table counts its own rows afresh."""
    if isinstance(rows, pd.DataFrame):
        return rows.iloc[numbers].reset_index(drop=True)
    return rows[numbers]


def columns_of(rows: Rows) -> tuple[Column, ...]:
    """Return the name and kind of each column, none for an array."""
    if not isinstance(rows, pd.DataFrame):
        return ()
    return tuple(
        Column(name=str(name), kind="number" if _is_number(column) else "text")
        for name, column in rows.items()
    )


def named(things: Iterable[object], *, at_most: int = 8) -> str:
    """List things for a message, the first few of them.

    Example:
        >>> named(["a", "b", "c"], at_most=2)
        'a, b and 1 more'
    """
    words = [str(thing) for thing in things]
    more = f" and {len(words) - at_most} more" if len(words) > at_most else ""
    return ", ".join(words[:at_most]) + more


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
