"""The champion as a file of its own: preprocessing, network and decoding, without Sweepspot."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweepspot.data import FloatArray, Split, TrainingData
from sweepspot.datasets import Dataset
from sweepspot.protocols import Model
from sweepspot.quiet import load_tensorflow
from sweepspot.space import Params
from sweepspot.spec import SweepSpec
from sweepspot.training import build_model
from sweepspot.trial import Trial

if TYPE_CHECKING:
    import keras

__all__ = [
    "MODEL_CODE",
    "answer_losses",
    "artifact_paths",
    "as_outputs",
    "assemble",
    "latencies",
    "refit",
    "requirements",
    "saved_model",
]

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
    load_tensorflow()
    from sweepspot.champion.assembly import save

    save(network, dataset, folder)


def saved_model(folder: Path) -> Model:
    """Load a champion that was saved in a folder, as the registry would."""
    load_tensorflow()
    from sweepspot.champion.answers import saved_model

    return saved_model(folder)


def as_outputs(dataset: Dataset, answers: Any, n_rows: int) -> FloatArray:
    """Return answers to raw rows as what the loss of the sweep takes; see `champion.answers`.

    Raises:
        ValueError: The answers are not those of a model for this data.
    """
    load_tensorflow()
    from sweepspot.champion.answers import as_outputs

    return as_outputs(dataset, answers, n_rows)


def answer_losses(loss: keras.losses.Loss | str, split: Split, outputs: FloatArray) -> FloatArray:
    """Return the loss of each answer, `(rows,)`, from what `as_outputs` returned."""
    load_tensorflow()
    from sweepspot.champion.answers import answer_losses

    return answer_losses(loss, split, outputs)


def latencies(
    spec: SweepSpec, data: TrainingData, points: Mapping[int, Params]
) -> dict[int, float]:
    """Return the median seconds that the network of each point takes for one row, by number."""
    load_tensorflow()
    from sweepspot.champion.timing import latencies

    networks = {number: build_model(spec, data, params) for number, params in points.items()}
    return latencies(networks, data)


def refit(spec: SweepSpec, data: TrainingData, trial: Trial, *, best_epoch: int, path: Path) -> str:
    """Train a point on train and cv together, and return the hash of its weights file.

    Raises:
        TrialError: It diverged.
    """
    load_tensorflow()
    from sweepspot.champion.refitting import refit

    return refit(spec, data, trial, best_epoch=best_epoch, path=path)


def artifact_paths(folder: Path) -> dict[str, Path]:
    """Return the files of a saved champion, by the name under which the model file asks."""
    return {"network": folder / "champion.keras", "meta": folder / "meta.json"}


def requirements() -> list[str]:
    """Return what a saved champion needs, pinned to the versions that made it."""
    return [f"{name}=={version(name)}" for name in _NEEDED]
