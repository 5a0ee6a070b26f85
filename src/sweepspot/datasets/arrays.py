"""NumPy `.npz` files: `X` and `y`, or the split names that many published sets have."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.datasets.raw import Raw
from sweepspot.errors import SpecError
from sweepspot.spec import Data

__all__ = ["load_arrays"]


def load_arrays(data: Data, path: Path) -> Raw:
    """Read examples and targets.

    Args:
        data: Names no target: the arrays are named by convention.
        path: A `.npz` with `X` and `y`, in either case, or with `x_train`, `y_train`, `x_test` and
            `y_test`, of which the last two are the test split.

    Raises:
        SpecError: The file cannot be read, or its arrays do not fit one another.
    """
    if data.target is not None:
        raise SpecError(f"data.target: a .npz has its target in y, got {data.target!r}; remove it")
    arrays = _read(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    elif {"x", "y"} <= arrays.keys():
        parts = [(arrays["x"], arrays["y"])]
    else:
        raise SpecError(
            "data.source: must have arrays X and y, or x_train, y_train, x_test and y_test, "
            f"got {', '.join(arrays) or 'none'}; rename them"
        )
    problems = [problem for X, y in parts for problem in _problems(X, y)]
    if not problems and len({X.shape[1:] for X, _ in parts} | {()}) > 2:
        problems = ["data.source: x_train and x_test must have one shape of example; mend x_test"]
    if problems:
        raise SpecError(*problems)
    X = np.concatenate([X for X, _ in parts])
    y = np.concatenate([y.reshape(len(y), -1) for _, y in parts])
    names = ["y"] if y.shape[1] == 1 else [f"y_{k}" for k in range(y.shape[1])]
    n_given = len(parts[0][0]) if len(parts) == 2 else None
    return Raw(X=X, y=pd.DataFrame(y, columns=names), n_given=n_given)


def _read(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name.lower(): stored[name] for name in stored.files}
    # Not every broken file is a broken zip: np.load falls back to pickles and lists.
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as exc:
        raise SpecError(
            f"data.source: must be a readable .npz file of plain arrays, got {str(path)!r}: "
            f"{str(exc).splitlines()[0] if str(exc) else type(exc).__name__}"
        ) from exc


def _problems(X: npt.NDArray[Any], y: npt.NDArray[Any]) -> list[str]:
    problems = []
    if X.dtype.kind not in "biuf":
        problems.append(f"data.source: X must be numbers, got {X.dtype}; encode it first")
    if X.ndim < 2:
        problems.append(f"data.source: X must have a row an example, got shape {X.shape}")
    if y.ndim not in (1, 2):
        problems.append(f"data.source: y must be a vector or a matrix, got shape {y.shape}")
    if X.ndim and y.ndim and len(X) != len(y):
        problems.append(f"data.source: X and y must be equally long, got {len(X)} and {len(y)}")
    return problems
