"""What features may not be: infinite, missing altogether, or all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.datasets.preprocessing import Preprocessor, TablePreprocessor
from sweepspot.datasets.raw import LARGEST, Raw, columns_of, named

__all__ = ["feature_problems", "unusable_problems", "without_empty"]


def without_empty(raw: Raw) -> tuple[Raw, tuple[str, ...]]:
    """Return the source without columns that are missing in every row, and a note of them."""
    if not isinstance(raw.X, pd.DataFrame):
        return raw, ()
    empty = [name for name, column in raw.X.items() if column.isna().all()]
    if not empty:
        return raw, ()
    note = f"missing in every row, so dropped: {named(empty)}"
    kept = Raw(X=raw.X.drop(columns=empty), y=raw.y, n_given=raw.n_given, notes=raw.notes)
    return kept, (note,)


def feature_problems(raw: Raw) -> list[str]:
    """Say what keeps features from being learned from, an empty list when nothing does."""
    if not isinstance(raw.X, pd.DataFrame):
        return _array_problems(raw.X)
    infinite = [
        column.name
        for column in columns_of(raw.X)
        if column.kind == "number"
        and _too_large(raw.X[column.name].to_numpy(np.float64, na_value=np.nan))
    ]
    if not infinite:
        return []
    return [
        f"data.source: numbers must be finite and below {LARGEST:g}, got larger or infinite ones "
        f"in {named(infinite)}; correct them or leave them empty"
    ]


def _array_problems(X: npt.NDArray[Any]) -> list[str]:
    if X.dtype.kind != "f":
        return []
    if _too_large(X):
        return [
            f"data.source: numbers must be finite and below {LARGEST:g}, got larger or infinite "
            "ones; correct them"
        ]
    if X.ndim > 2 and np.isnan(X).any():
        return ["data.source: images must have every value, got NaN; fill or remove those images"]
    return []


def _too_large(values: npt.NDArray[Any]) -> bool:
    return bool(np.any(np.abs(values) > min(LARGEST, float(np.finfo(values.dtype).max))))


def unusable_problems(preprocessor: Preprocessor) -> list[str]:
    """Say that no feature can tell the rows apart, an empty list when one can."""
    if isinstance(preprocessor, TablePreprocessor):
        numbers_vary = any(c.scale or c.flag for c in preprocessor.numbers)
        usable = numbers_vary or len(preprocessor.texts) > 0
    else:
        usable = preprocessor.scale > 0
    if usable:
        return []
    return [
        "data.source: at least one feature must vary in the training split, got none; "
        "add columns that tell the rows apart"
    ]
