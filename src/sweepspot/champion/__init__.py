"""The champion as a file of its own: preprocessing, network and decoding, without Sweepspot."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from sweepspot.datasets import Dataset

if TYPE_CHECKING:
    import keras

__all__ = ["MODEL_CODE", "artifact_paths", "assemble", "requirements"]

MODEL_CODE = Path(__file__).with_name("model.py")
"""The model-from-code file that goes into the registry with the champion."""

_NEEDED = ("mlflow", "tensorflow", "keras", "pandas", "numpy")


def assemble(network: keras.Model, dataset: Dataset, folder: Path) -> None:
    """Save a network as a model from raw rows to answers, in two files.

    Args:
        network: Trained; one float32 input of preprocessed examples.
        dataset: With the fitted preprocessing and encoding.
        folder: Made when missing; what `artifact_paths` names is written there.
    """
    from sweepspot.champion.assembly import save

    save(network, dataset, folder)


def artifact_paths(folder: Path) -> dict[str, Path]:
    """Return the files of a saved champion, by the name under which the model file asks."""
    return {"network": folder / "champion.keras", "meta": folder / "meta.json"}


def requirements() -> list[str]:
    """Return what a saved champion needs, pinned to the versions that made it."""
    return [f"{name}=={version(name)}" for name in _NEEDED]
