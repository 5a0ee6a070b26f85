"""The data sets: files given on the command line, or made with a fixed seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Files", "prepare"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Files that stand for made-up data.

    Attributes:
        folder: Where prepared data are kept.
        mnist: A `.npz` with x_train, y_train, x_test and y_test, or None.
        housing: A CSV file, or None.
        target: The column of `housing` to predict.
    """

    folder: Path
    mnist: Path | None = None
    housing: Path | None = None
    target: str = "median_house_value"

    def made(self, name: str) -> bool:
        """Tell whether a data set is made up."""
        if name in ("mnist", "mnist12k", "images"):
            return self.mnist is None
        return name != "digits" and (name != "housing" or self.housing is None)


def prepare(name: str, files: Files) -> dict[str, Any]:
    """Write a data set's files, unless they are there.

    Args:
        name: Of the data set.
        files: What was given.

    Returns:
        `section`: its section of a sweep file; `arrays`: a `.npz` with the same rows as the
        trainers get them, and beside them the task and the width of the output.
    """
    origin = "made" if files.made(name) else "given"
    source = files.folder / f"{name}-{origin}.npz"
    section = _section(name, source, files)
    arrays = files.folder / f"{name}-{origin}-arrays.npz"
    if not arrays.exists():
        _write_arrays(section, arrays)
    with np.load(arrays) as stored:
        facts = json.loads(str(stored["facts"]))
    return {"section": section, "arrays": str(arrays), "made": files.made(name), **facts}


def _section(name: str, source: Path, files: Files) -> dict[str, Any]:
    if name == "digits":
        return {"source": "sklearn:digits"}
    if name == "housing" and files.housing:
        return {"source": str(files.housing.resolve()), "target": files.target}
    made = _made(name, files)
    if not source.exists():
        files.folder.mkdir(parents=True, exist_ok=True)
        _write(source, made.make())
    return {"source": str(source), "split": {"cv": made.cv, "test": 0.2, "seed": 0}}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    """How a file is made, and the share of its rows that is for cross-validation."""

    make: Callable[[], Mapping[str, Array]]
    cv: float


def _made(name: str, files: Files) -> _Made:
    match name:
        case "regression43k":
            return _Made(make=lambda: _regression(43_000, 10_000, 26), cv=10_000 / 53_000)
        case "housing":
            return _Made(make=lambda: _regression(12_384, 4_128, 13), cv=4_128 / 16_512)
        case "mnist":
            return _Made(make=lambda: _images(files, 69_000), cv=9_000 / 69_000)
        case "mnist12k":
            return _Made(make=lambda: _images(files, 15_000), cv=3_000 / 15_000)
        case "images":
            return _Made(make=lambda: _images(files, 7_500), cv=1_500 / 7_500)
        case "text":
            return _Made(make=lambda: _text(5_000, 40, 32), cv=1_000 / 5_000)
        case _:
            rows = int(name.removeprefix("rows"))
            return _Made(make=lambda: _regression(rows, 2_000, 26), cv=2_000 / (rows + 2_000))


def _regression(rows: int, cv: int, features: int) -> dict[str, Array]:
    from sklearn.datasets import make_regression

    n = rows + cv + 1_000
    X, line = make_regression(
        n, features, n_informative=min(10, features), noise=0.0, random_state=0
    )
    rng = np.random.default_rng(0)
    # A line alone would be learned by any of the networks.
    y = np.tanh(line / line.std()) + np.sin(X[:, 0]) * X[:, 1] + 0.1 * rng.normal(size=n)
    return _divided(X.astype(np.float32), y.astype(np.float32), 1_000)


def _images(files: Files, rows: int) -> dict[str, Array]:
    """Return `rows` images for training and cross-validation and 1,000 for the test."""
    n = rows + 1_000
    if files.mnist:
        with np.load(files.mnist) as stored:
            X = np.concatenate([stored["x_train"], stored["x_test"]])
            y = np.concatenate([stored["y_train"], stored["y_test"]])
        return _divided(X[:n], y[:n].astype(np.int64), 1_000)
    rng = np.random.default_rng(0)
    strokes = _strokes(rng, kinds=40)
    y = rng.integers(10, size=n)
    # Each class has four ways to be written, each moved, dimmed and covered with noise.
    X = strokes[4 * y + rng.integers(4, size=n)]
    moves = rng.integers(-3, 4, size=(n, 2))
    for k, (down, right) in enumerate(moves):
        X[k] = np.roll(X[k], (down, right), axis=(0, 1))
    X = X * rng.uniform(0.5, 1, size=(n, 1, 1)) + 40 * rng.normal(size=X.shape)
    return _divided(X.clip(0, 255).astype(np.uint8), y, 1_000)


def _strokes(rng: np.random.Generator, kinds: int) -> Array:
    """Return images of random walks of a thick pen, `(kinds, 28, 28)`."""
    images = np.zeros((kinds, 28, 28), np.float32)
    for image in images:
        place = rng.uniform(8, 20, size=2)
        for _ in range(40):
            place = (place + rng.normal(scale=1.5, size=2)).clip(5, 22)
            row, column = place.astype(int)
            image[row - 1 : row + 2, column - 1 : column + 2] = 255
    return images


def _text(rows: int, words: int, width: int) -> dict[str, Array]:
    """Return texts of four writers as word vectors; each writer follows words by others."""
    n, vocabulary, writers = rows + 500, 200, 4
    rng = np.random.default_rng(0)
    follows = rng.dirichlet(np.full(vocabulary, 0.05), size=(writers, vocabulary))
    ends = follows.cumsum(axis=2)
    y = rng.integers(writers, size=n)
    word = rng.integers(vocabulary, size=n)
    texts = np.empty((n, words), np.int64)
    for k in range(words):
        texts[:, k] = word
        drawn = (rng.random((n, 1)) > ends[y, word]).sum(axis=1)
        # A word in three is anybody's.
        word = np.where(rng.random(n) < 1 / 3, rng.integers(vocabulary, size=n), drawn)
        word = word.clip(0, vocabulary - 1)
    vectors = rng.normal(size=(vocabulary, width)).astype(np.float32)
    return _divided(vectors[texts], y, 500)


def _divided(X: Array, y: Array, test: int) -> dict[str, Array]:
    return {
        "x_train": X[:-test],
        "y_train": y[:-test],
        "x_test": X[-test:],
        "y_test": y[-test:],
    }


def _write_arrays(section: Mapping[str, Any], path: Path) -> None:
    from sweepspot.datasets import load_dataset
    from sweepspot.spec import Data

    data = load_dataset(Data(**section), task=None, folder=Path()).training
    facts = {"task": data.task.value, "n_outputs": data.n_outputs, "rows": len(data.train)}
    arrays = {"X": data.train.X, "y": data.train.y, "X_cv": data.cv.X, "y_cv": data.cv.y}
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, {**arrays, "facts": np.array(json.dumps(facts))})


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        np.savez(file, **arrays)
    half.replace(path)
