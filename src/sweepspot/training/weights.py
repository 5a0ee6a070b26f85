"""Weights on disk: what a promotion trains on from, and what a champion is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from sweepspot.trial import Trial, run_id

__all__ = [
    "load_best",
    "load_last",
    "parent_path",
    "save_weights",
    "trainable",
    "weights_path",
]


def weights_path(folder: Path, trial: Trial) -> Path:
    """Return where the weights of a trial are kept."""
    return folder / f"{trial.key}.npz"


def parent_path(folder: Path, trial: Trial) -> Path:
    """Return where the weights are kept that a promoted trial goes on from."""
    assert trial.continues is not None
    return folder / f"{trial.continues[0]:05d}.npz"


def trainable(trial: Trial, folder: Path) -> tuple[Trial, str]:
    """Return a trial as it can be trained, and what there is to say about it.

    A promoted one whose parent's weights are gone is trained from its start: it costs time, and the
    sweep is the same.
    """
    if trial.continues is None or parent_path(folder, trial).exists():
        return trial, ""
    parent = run_id(trial.continues[0])
    return replace(trial, continues=None), f"; the weights of {parent} are gone: from the start"


def save_weights(path: Path, model: keras.Model, best: Sequence[npt.NDArray[np.generic]]) -> str:
    """Store the last weights with their optimizer state, and the best weights, in one `.npz`.

    Args:
        path: Of the file; replaced as a whole, so a crash leaves the old or the new one.
        model: Holds the last weights.
        best: The weights kept, as `model.get_weights()` gives them.

    Returns:
        SHA-256 of the file, in hexadecimal.
    """
    arrays = {f"last_{i}": w for i, w in enumerate(model.get_weights())}
    arrays |= {f"best_{i}": np.asarray(w) for i, w in enumerate(best)}
    arrays |= {f"optimizer_{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        np.savez(file, **arrays)
    half.replace(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_last(path: Path, model: keras.Model) -> None:
    """Put the last weights and the optimizer state of a file into a model of the same structure."""
    with np.load(path) as arrays:
        model.set_weights(_numbered(arrays, "last"))
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(
            model.optimizer.variables, _numbered(arrays, "optimizer"), strict=True
        ):
            variable.assign(value)


def load_best(path: Path, model: keras.Model) -> None:
    """Put the best weights of a file into a model of the same structure."""
    with np.load(path) as arrays:
        model.set_weights(_numbered(arrays, "best"))


def _numbered(arrays: np.lib.npyio.NpzFile, kind: str) -> list[npt.NDArray[np.generic]]:
    count = sum(name.startswith(f"{kind}_") for name in arrays.files)
    return [arrays[f"{kind}_{i}"] for i in range(count)]
