"""Tables in a file: CSV and Parquet."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sweepspot.datasets.raw import Raw, named
from sweepspot.errors import SpecError, did_you_mean
from sweepspot.spec import Data

__all__ = ["load_table"]

_NUMBERS = frozenset({"decimal", "integer", "floating", "mixed-integer-float"})


def load_table(data: Data, path: Path) -> Raw:
    """Load a CSV or Parquet file whose first line, or schema, names the columns.

    Args:
        data: Names the target column, or several.
        path: Of the file, which exists.

    Returns:
        The features and targets. Columns of dates and booleans stay as they are; they are text to
        the preprocessing. A column without a name that counts the rows is dropped.

    Raises:
        SpecError: The file cannot be read as a table, names a column twice, or has no such target.
    """
    is_csv = path.suffix.lower() == ".csv"
    header = _csv_header(path) if is_csv else _parquet_header(path)
    _check_header(header)
    targets = _targets(data, header)
    frame = _read_csv(path) if is_csv else _read_parquet(path)
    if frame.empty:
        raise SpecError(f"data.source: must have rows, got none in {str(path)!r}; fill it")
    frame.columns = pd.Index(header)
    frame, notes = _without_row_numbers(frame)
    frame = _plain_numbers(frame)
    _check_cells(frame)
    return Raw(X=frame.drop(columns=list(targets)), y=frame[list(targets)], notes=notes)


def _csv_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Empty lines before the header do not count, nor do they for pandas.
            header = next((row for row in csv.reader(file) if row), [])
    except (UnicodeDecodeError, csv.Error) as exc:
        raise _unreadable(path, "CSV in UTF-8", exc) from exc
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise SpecError(
            f"data.source: columns must be separated by commas, got {header[0][:60]!r}; "
            "save it with commas (and a point in decimal numbers)"
        )
    return header


def _parquet_header(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as exc:
        raise _unreadable(path, "Parquet", exc) from exc


def _check_header(header: Sequence[str]) -> None:
    problems = []
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        problems.append(
            f"data.source: column names must differ, got {named(map(repr, twice))} more than "
            "once; rename them"
        )
    if header and all(_is_number(name) for name in header):
        problems.append(
            f"data.source: the first line must name the columns, got {named(header)}; "
            "add a line of names"
        )
    if problems:
        raise SpecError(*problems)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _targets(data: Data, header: Sequence[str]) -> tuple[str, ...]:
    names = [name for name in header if name]
    if not data.target:
        raise SpecError(
            f"data.target: must name the column to predict, got nothing; expected one of "
            f"{named(names, at_most=20)}"
        )
    targets = (data.target,) if isinstance(data.target, str) else data.target
    problems = [
        f"data.target: expected one of {named(names, at_most=20)}, got {target!r}"
        f"{did_you_mean(target, names)}"
        for target in targets
        if target not in names
    ]
    if len(set(targets)) < len(targets):
        problems.append(
            f"data.target: must name each column once, got {list(targets)}; remove the repeated"
        )
    if not problems and len(targets) == len(names):
        problems.append(
            f"data.target: must leave columns to learn from, got {named(targets)}; name fewer"
        )
    if problems:
        raise SpecError(*problems)
    return targets


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # A line longer than the header is otherwise cut, with a warning alone.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(path, index_col=False, low_memory=False, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserWarning) as exc:
        raise _unreadable(path, "CSV in UTF-8", exc) from exc


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        # Not through the pandas metadata: an index column would leave the frame.
        frame: pd.DataFrame = pq.read_table(path).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as exc:
        raise _unreadable(path, "Parquet", exc) from exc
    return frame


def _unreadable(path: Path, form: str, exc: Exception) -> SpecError:
    reason = " ".join(str(exc).split())[:120]
    return SpecError(
        f"data.source: must be {form}, got {str(path)!r}, which is not ({reason}); write it anew"
    )


def _without_row_numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Drop the index that `DataFrame.to_csv` writes; no other column may lack a name."""
    if "" not in frame:
        return frame, ()
    column = frame[""]
    if column.dtype.kind in "iu" and (np.diff(column.to_numpy()) == 1).all():
        return frame.drop(columns=""), ("the column without a name counts the rows, so dropped",)
    raise SpecError(
        f"data.source: every column must have a name, got {named(map(repr, frame.columns))}; "
        "name it"
    )


def _plain_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of Decimal and other number objects into floats."""
    numbers = [
        name
        for name, column in frame.items()
        if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS
    ]
    return frame.astype(dict.fromkeys(numbers, np.float64)) if numbers else frame


def _check_cells(frame: pd.DataFrame) -> None:
    nested = [
        name
        for name, column in frame.items()
        if column.dtype == object
        and column.map(lambda cell: isinstance(cell, list | tuple | dict | np.ndarray)).any()
    ]
    if nested:
        raise SpecError(
            f"data.source: a cell must be a number, a text, a date or missing, got lists in "
            f"{named(nested)}; give each part a column"
        )
