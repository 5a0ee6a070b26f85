"""The data sets that scikit-learn carries with it: no network, no file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from sweepspot.datasets.raw import Raw
from sweepspot.errors import SpecError, did_you_mean
from sweepspot.spec import Data

__all__ = ["load_sklearn"]

_NAMES = ("digits", "iris", "wine", "breast_cancer", "diabetes")


def load_sklearn(data: Data) -> Raw:
    """Read a bundled data set as a table; its target needs no name.

    Args:
        data: With a source such as `sklearn:digits`.

    Raises:
        SpecError: There is none of this name, or it has no such target.
    """
    name = data.source.removeprefix("sklearn:")
    if name not in _NAMES:
        raise SpecError(
            f"data.source: expected sklearn: with one of {', '.join(_NAMES)}, "
            f"got {data.source!r}{did_you_mean(name, _NAMES)}"
        )
    X, y = _digits() if name == "digits" else _bundled(name)
    target = y.columns[0]
    if data.target not in (None, target):
        raise SpecError(
            f"data.target: {data.source} has the one target {target}, "
            f"got {data.target!r}; leave it out"
        )
    return Raw(X=X, y=y)


def _digits() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the digits from scikit-learn's own file: importing it would take longer than a check."""
    found = find_spec("sklearn")
    folders = found.submodule_search_locations if found else None
    path = Path(folders[0] if folders else "", "datasets", "data", "digits.csv.gz")
    if not path.is_file():
        return _bundled("digits")
    frame = pd.read_csv(path, header=None)
    X = frame.iloc[:, :-1].astype(float)
    X.columns = pd.Index([f"pixel_{k // 8}_{k % 8}" for k in range(64)])
    return X, frame.iloc[:, -1].astype(int).to_frame("target")


def _bundled(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    from sklearn import datasets  # noqa: PLC0415 - takes a second, and most sources do without

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    return bunch.data, bunch.target.to_frame()
