"""The data sets that scikit-learn carries with it: no network, no file."""

from __future__ import annotations

from sklearn import datasets

from sweepspot.datasets.raw import Raw, did_you_mean
from sweepspot.errors import SpecError
from sweepspot.spec import Data

__all__ = ["load_sklearn"]

_LOADERS = {
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}


def load_sklearn(data: Data) -> Raw:
    """Read a bundled data set as a table; its target needs no name.

    Args:
        data: With a source such as `sklearn:digits`.

    Raises:
        SpecError: There is none of this name, or it has no such target.
    """
    name = data.source.removeprefix("sklearn:")
    if name not in _LOADERS:
        raise SpecError(
            f"data.source: expected sklearn: with one of {', '.join(_LOADERS)}, "
            f"got {data.source!r}{did_you_mean(name, _LOADERS)}"
        )
    bunch = _LOADERS[name](as_frame=True)
    if data.target not in (None, bunch.target.name):
        raise SpecError(
            f"data.target: {data.source} has the one target {bunch.target.name}, "
            f"got {data.target!r}; leave it out"
        )
    return Raw(X=bunch.data, y=bunch.target.to_frame())
