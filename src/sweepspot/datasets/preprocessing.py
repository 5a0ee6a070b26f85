"""Preprocessing: from raw rows to the float32 inputs of a network, fitted on the training split."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.data import FloatArray
from sweepspot.datasets.raw import Rows, columns_of, named

__all__ = [
    "MOST_VALUES",
    "ImagePreprocessor",
    "NumberColumn",
    "Preprocessor",
    "TablePreprocessor",
    "TextColumn",
    "as_table",
    "as_text",
    "fit_preprocessor",
]

MOST_VALUES = 200
"""Values of a text column that get an input each; the rarer ones share one."""
LEAST_COUNT = 2
"""Training rows that a value needs for an input of its own: one row alone is learned by heart."""

Numbers: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberColumn:
    """A column of numbers: `raw * scale + offset`, and 0 where the value is missing.

    Attributes:
        name: Of the column.
        scale: 1 / standard deviation on the training split; 0 for a constant column.
        offset: -mean * scale.
        flag: Whether another input says that the value is missing: it sometimes was in training.
    """

    name: str
    scale: float
    offset: float
    flag: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TextColumn:
    """A column of text: one input a value, 1 for the row's value and 0 for the others.

    Attributes:
        name: Of the column.
        other: Whether an input stands for values that are not in `values`.
        missing: Whether an input stands for missing values and empty texts.
        values: Those with an input each, the most frequent in training first.
    """

    name: str
    other: bool
    missing: bool
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many inputs the column has."""
        return self.other + self.missing + len(self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePreprocessor:
    """Turns rows of a table, or of a 2-D array, into inputs.

    The inputs are, from left to right: every number, standardized; the missing flags of the number
    columns that have one; then for each text column *other*, *missing* and its values. Within each
    group the columns are in the order of the file. *other* and *missing* are there when training
    rows had such values; without them a row of that kind has 0 in all inputs of the column, as a
    weight that was never trained must not speak.
    """

    numbers: tuple[NumberColumn, ...]
    texts: tuple[TextColumn, ...]

    @property
    def width(self) -> int:
        """How many inputs there are."""
        flags = sum(column.flag for column in self.numbers)
        return len(self.numbers) + flags + sum(column.width for column in self.texts)

    def transform(self, rows: Rows) -> FloatArray:
        """Return the inputs of some raw rows.

        Args:
            rows: A DataFrame with at least the fitted columns, in any order; or a 2-D array.

        Returns:
            `(examples, width)` float32.
        """
        frame = as_table(rows)
        raw = _numbers(frame, [column.name for column in self.numbers])
        missing = ~np.isfinite(raw)
        scale = np.array([column.scale for column in self.numbers])
        offset = np.array([column.offset for column in self.numbers])
        scaled = np.where(missing, 0.0, np.where(missing, 0.0, raw) * scale + offset)
        flags = missing[:, [column.flag for column in self.numbers]]
        parts = [scaled, flags, *(_one_hot(frame[column.name], column) for column in self.texts)]
        return np.concatenate([part.astype(np.float32) for part in parts], axis=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePreprocessor:
    """Standardizes arrays of examples with one mean and one deviation, and keeps their shape.

    Attributes:
        shape: Of one example.
        scale: 1 / standard deviation over all values of the training split.
        offset: -mean * scale.
    """

    shape: tuple[int, ...]
    scale: float
    offset: float

    def transform(self, rows: Rows) -> FloatArray:
        """Return the inputs of some raw examples, `(examples, *shape)` float32."""
        inputs = np.asarray(rows).astype(np.float32)
        inputs *= np.float32(self.scale)
        inputs += np.float32(self.offset)
        return inputs


Preprocessor: TypeAlias = TablePreprocessor | ImagePreprocessor


def fit_preprocessor(train: Rows) -> tuple[Preprocessor, tuple[str, ...]]:
    """Fit the preprocessing on the raw rows of the training split.

    Args:
        train: A table, or an array of at least two dimensions.

    Returns:
        The preprocessing, and notes on columns that give less than they seem to.
    """
    if isinstance(train, np.ndarray) and train.ndim > 2:
        mean, deviation = _moments(train)
        scale = 1 / deviation if deviation > 0 else 0.0
        return ImagePreprocessor(shape=train.shape[1:], scale=scale, offset=-mean * scale), ()
    frame = as_table(train)
    kinds = columns_of(frame)
    numbers, flat = _fit_numbers(frame, [c.name for c in kinds if c.kind == "number"])
    texts, notes = [], []
    for name in (c.name for c in kinds if c.kind == "text"):
        column, remark = _fit_text(frame[name])
        notes += remark
        if column is not None:
            texts.append(column)
        elif not remark:
            flat.append(name)
    if flat:
        notes.insert(0, f"constant in the training split, so not used: {named(flat)}")
    return TablePreprocessor(numbers=numbers, texts=tuple(texts)), tuple(notes)


def as_table(rows: Rows) -> pd.DataFrame:
    """Return a table as it is, and a 2-D array with its columns named 0, 1, ..."""
    if isinstance(rows, pd.DataFrame):
        return rows
    return pd.DataFrame(rows, columns=[str(k) for k in range(rows.shape[1])])


def as_text(column: pd.Series) -> npt.NDArray[np.object_]:
    """Return the texts by which values of a column are told apart.

    Missing values are empty texts, and white space around a text or repeated in it does not count.
    A whole number is written without a point, so 3 and 3.0 are one value.

    Example:
        >>> as_text(pd.Series([" a  b", None, 3.0, True], dtype=object)).tolist()
        ['a b', '', '3', 'True']
    """
    codes, values = pd.factorize(column.astype(object))
    texts = np.array([*map(_text, values), ""], dtype=object)
    return texts[codes]


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())


def _numbers(frame: pd.DataFrame, names: list[str]) -> Numbers:
    return frame[names].to_numpy(dtype=np.float64, na_value=np.nan)


def _fit_numbers(
    frame: pd.DataFrame, names: list[str]
) -> tuple[tuple[NumberColumn, ...], list[str]]:
    columns, flat = [], []
    for name in names:
        values = _numbers(frame, [name])[:, 0]
        present = values[np.isfinite(values)]
        flag = 0 < len(present) < len(values)
        scale, offset = _scaling(present)
        columns.append(NumberColumn(name=name, scale=scale, offset=offset, flag=flag))
        if not scale and not flag:
            flat.append(name)
    return tuple(columns), flat


def _scaling(present: Numbers) -> tuple[float, float]:
    """Return scale and offset of a column; both 0 when it does not vary."""
    if not len(present):
        return 0.0, 0.0
    mean, deviation = float(present.mean()), float(present.std())
    # What is smaller is the rounding of the mean itself.
    if deviation <= max(1e-13 * float(np.abs(present).max()), 1e-100):
        return 0.0, 0.0
    return 1 / deviation, -mean / deviation


def _fit_text(column: pd.Series) -> tuple[TextColumn | None, list[str]]:
    texts = as_text(column)
    counts = pd.Series(texts[texts != ""]).value_counts()
    # Ties by name, so that the order of the rows does not matter.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    values = tuple(str(v) for v, count in ranked[:MOST_VALUES] if count >= LEAST_COUNT)
    is_missing = texts == ""
    other = len(values) < len(ranked)
    kinds = len(values) + other + bool(is_missing.any())
    notes = _text_notes(column, n_different=len(ranked), n_kept=len(values), is_used=kinds > 1)
    if kinds < 2:
        return None, notes
    fitted = TextColumn(
        name=str(column.name), other=other, missing=bool(is_missing.any()), values=values
    )
    return fitted, notes


def _text_notes(column: pd.Series, *, n_different: int, n_kept: int, is_used: bool) -> list[str]:
    notes = []
    if column.dtype.kind in "mM":
        notes.append(f"{column.name} holds dates, read as text: give numbers such as year or age")
    if n_different > 1 and not is_used:
        notes.append(f"{column.name} has a different text in every training row, so not used")
    elif n_different > MOST_VALUES:
        notes.append(
            f"{column.name} has {n_different:,} different texts in the training split: "
            f"the {n_kept} most frequent get an input each, the others share one"
        )
    return notes


def _one_hot(values: pd.Series, column: TextColumn) -> npt.NDArray[np.bool_]:
    """Return the inputs of one text column, `(examples, column.width)`."""
    texts = as_text(values)
    places = {text: place for place, text in enumerate(column.values)}
    is_missing = texts == ""
    codes = np.array([places.get(text, -1) for text in texts], dtype=np.int64)
    hot = codes[:, None] == np.arange(len(column.values))
    head = []
    if column.other:
        head.append((codes < 0) & ~is_missing)
    if column.missing:
        head.append(is_missing)
    return np.column_stack([*head, hot])


def _moments(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return mean and standard deviation of all values, without a float64 copy of them all."""
    mean = sum(float(part.sum(dtype=np.float64)) for part in _parts(values)) / values.size
    square = sum(float(((part - mean) ** 2).sum()) for part in _parts(values)) / values.size
    return mean, math.sqrt(square)


def _parts(values: npt.NDArray[Any], rows_at_a_time: int = 4096) -> Iterator[Numbers]:
    for start in range(0, len(values), rows_at_a_time):
        yield values[start : start + rows_at_a_time].astype(np.float64)
