"""NumPy `.npz` files: `X` and `y`, or the split names that many published sets have."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.datasets.raw import Raw, named
from sweepspot.errors import SpecError, first_line
from sweepspot.spec import Data

__all__ = ["load_arrays"]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_WHOLE, _TRAIN, _TEST = ("x", "y"), ("x_train", "y_train"), ("x_test", "y_test")


def load_arrays(data: Data, path: Path) -> Raw:
    """Read examples and targets; upper and lower case of the arrays' names do not matter.

    Args:
        data: Names no target: the arrays are named by convention.
        path: A `.npz` with `X` and `y`, or with `x_train` and `y_train`, and maybe `x_test` and
            `y_test`, which are the test split then.

    Returns:
        `X` as stored, `(examples, ...)`, the test rows last.

    Raises:
        SpecError: The file cannot be read, or its arrays do not fit one another.
    """
    if data.target is not None:
        raise SpecError(f"data.target: a .npz has its target in y, got {data.target!r}; remove it")
    arrays = _read(path)
    pairs = _pairs(arrays)
    problems = [problem for pair in pairs for problem in _problems(arrays, pair)]
    if len(pairs) > 1:
        problems += _mismatches(arrays)
    if problems:
        raise SpecError(*problems)
    X = np.concatenate([arrays[x] for x, _ in pairs])
    X = X.astype(np.uint8) if X.dtype == np.bool_ else X
    y = np.concatenate([arrays[y].reshape(len(arrays[y]), -1) for _, y in pairs])
    names = ["y"] if y.shape[1] == 1 else [f"y_{k}" for k in range(y.shape[1])]
    if len(pairs) == 1:
        return Raw(X=X, y=pd.DataFrame(y, columns=names))
    note = f"the {len(arrays['x_test']):,} test rows of the file are the test split"
    n_given = len(arrays["x_train"])
    return Raw(X=X, y=pd.DataFrame(y, columns=names), n_given=n_given, notes=(note,))


def _read(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name.lower(): stored[name] for name in stored.files}
    # Not every broken file is a broken zip: np.load falls back to pickles, and to one bare array.
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as exc:
        bare = isinstance(exc, TypeError) or not str(exc)
        reason = "it holds something else" if bare else first_line(exc)
        raise SpecError(
            f"data.source: must be an .npz file of plain arrays, got {str(path)!r}: {reason}; "
            "save it with numpy.savez(path, X=X, y=y)"
        ) from exc


def _pairs(arrays: Arrays) -> list[tuple[str, str]]:
    if arrays.keys() >= set(_TRAIN):
        return [_TRAIN, _TEST] if arrays.keys() >= set(_TEST) else [_TRAIN]
    if arrays.keys() >= set(_WHOLE):
        return [_WHOLE]
    raise SpecError(
        "data.source: must have arrays X and y, or x_train, y_train, x_test and y_test, "
        f"got {named(arrays) or 'none'}; rename them"
    )


def _problems(arrays: Arrays, pair: tuple[str, str]) -> list[str]:
    x_name, y_name = pair
    X, y = arrays[x_name], arrays[y_name]
    problems = []
    if X.dtype.kind not in "biuf":
        problems.append(f"data.source: {x_name} must be numbers, got {X.dtype}; encode it first")
    if X.ndim < 2 or 0 in X.shape:
        problems.append(
            f"data.source: {x_name} must be (examples, features) or (examples, height, width), "
            f"got shape {X.shape}; reshape it"
        )
    if y.dtype.kind not in "biufU" or y.ndim not in (1, 2) or 0 in y.shape:
        problems.append(
            f"data.source: {y_name} must be numbers or text, a row an example, got {y.dtype} of "
            f"shape {y.shape}; convert it"
        )
    if X.ndim and y.ndim and len(X) != len(y):
        problems.append(
            f"data.source: {x_name} and {y_name} must be equally long, got {len(X)} and {len(y)}; "
            "store a target for each example"
        )
    return problems


def _mismatches(arrays: Arrays) -> list[str]:
    return [
        f"data.source: {test} must have examples shaped as those of {train}, got "
        f"{arrays[test].shape} and {arrays[train].shape}; store them alike"
        for train, test in zip(_TRAIN, _TEST, strict=True)
        if arrays[train].shape[1:] != arrays[test].shape[1:]
    ]
