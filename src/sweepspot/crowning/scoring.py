"""Models on the raw test rows: each answers, and one function scores all."""

from __future__ import annotations

from typing import Any

from sweepspot.champion import answer_losses, as_outputs
from sweepspot.data import FloatArray
from sweepspot.datasets import Dataset
from sweepspot.protocols import Model
from sweepspot.quiet import load_tensorflow
from sweepspot.space import Params
from sweepspot.spec import SweepSpec
from sweepspot.training import build_model

__all__ = ["OpenTest"]


class OpenTest:
    """The test split of one sweep, opened."""

    def __init__(self, spec: SweepSpec, dataset: Dataset, params: Params) -> None:
        """Open it.

        Args:
            spec: Of the sweep.
            dataset: Whose test rows are asked about.
            params: A point; its network has the loss of the sweep.
        """
        # Before MLflow imports it, which would not do it quietly.
        load_tensorflow()
        self._dataset = dataset
        self._split, self._rows = dataset.open_test(), dataset.raw_rows("test")
        self._loss = build_model(spec, dataset.training, params).loss

    def outputs(self, model: Model) -> FloatArray:
        """Return what a model answers to the test rows, `(n_test, outputs)`.

        Raises:
            ValueError: It is for other targets, or its answers are not answers here.
        """
        _check_target(self._dataset, model)
        return as_outputs(self._dataset, model.answer(self._rows), len(self._split))

    def losses(self, outputs: FloatArray) -> FloatArray:
        """Return the loss of each answer, `(n_test,)`, in the units of J."""
        return answer_losses(self._loss, self._split, outputs)


def _check_target(dataset: Dataset, model: Model) -> None:
    expected = dataset.encoding.to_json()
    asked = ("task", "labels") if len(expected["labels"]) else ("task", "names")
    if not model.target and len(expected["labels"]):
        raise ValueError("it does not say in which order its probabilities are")
    for name in asked if model.target else ():
        if model.target.get(name) != expected[name]:
            raise ValueError(
                f"its target has {name} {_short(model.target.get(name))}, "
                f"this sweep's {_short(expected[name])}"
            )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
