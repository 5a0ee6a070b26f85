"""What a model answers to raw rows, scored row by row in the loss that the sweep was trained in."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from sweepspot.champion import artifact_paths
from sweepspot.data import FloatArray, Split, Task
from sweepspot.datasets import Dataset
from sweepspot.protocols import Model
from sweepspot.training.evaluate import PerRow, per_example_losses, unreduced

with warnings.catch_warnings():
    # MLflow warns about its own type hints when it meets a model class.
    warnings.simplefilter("ignore")
    from sweepspot.champion.model import Champion

__all__ = ["answer_losses", "as_outputs", "saved_model"]


def saved_model(folder: Path) -> Model:
    """Load a champion that was saved in a folder, as the registry would."""
    model = Champion()
    model.load_context(SimpleNamespace(artifacts=artifact_paths(folder)))
    return Model(
        answer=lambda rows: np.asarray(model.predict(None, rows, {"output": "probabilities"})),
        target=model.meta["target"],
    )


def as_outputs(dataset: Dataset, answers: Any, n_rows: int) -> FloatArray:
    """Return answers as what the loss of the sweep takes.

    Args:
        dataset: Knows the units of the target.
        answers: Probabilities `(rows, classes)` or `(rows, labels)`, or values in target units
            `(rows,)`.
        n_rows: How many rows were asked about.

    Returns:
        `(rows, outputs)` float32: probabilities, or values as the networks are trained on.

    Raises:
        ValueError: The answers do not have that shape, or are not finite numbers.
    """
    outputs = _in_units_of_J(dataset, np.asarray(answers, dtype=np.float64))
    expected = (n_rows, dataset.training.n_outputs)
    if outputs.shape != expected:
        raise ValueError(f"answers must be {expected} numbers, got {outputs.shape}")
    if not np.isfinite(outputs).all():
        raise ValueError("answers must be finite, got some that are not")
    return outputs.astype(np.float32)


def answer_losses(loss: keras.losses.Loss | str, split: Split, outputs: FloatArray) -> PerRow:
    """Return the loss of each answer.

    Args:
        loss: That the sweep's networks were compiled with; logits or not does not matter.
        split: The same rows, preprocessed.
        outputs: The answers, by `as_outputs`.

    Returns:
        `(rows,)` float32, in the units of J.
    """
    return per_example_losses(_of_answers(loss), split.y, outputs)


def _in_units_of_J(dataset: Dataset, answers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    match dataset.task:
        case Task.REGRESSION | Task.NONNEGATIVE:
            encoding = dataset.encoding
            return ((answers - encoding.shift) / encoding.scale).reshape(len(answers), -1)
        case Task.BINARY:
            return answers[:, 1:]
        case _:
            return answers


def _of_answers(loss: keras.losses.Loss | str) -> keras.losses.Loss:
    """Return the loss of each row, for probabilities where it was one for logits."""
    each = unreduced(loss)
    config = each.get_config()
    if not config.get("from_logits"):
        return each
    return type(each).from_config({**config, "from_logits": False})
