"""A champion from raw rows to answers; goes with the model, so it imports nothing of Sweepspot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import mlflow
import numpy as np
import pandas as pd
import tensorflow as tf

ROWS_AT_A_TIME = 8192


class Champion(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
    """Takes rows as the user's file has them, answers with labels or values in target units."""

    def load_context(self, context: Any) -> None:
        """Load the network and what is known about columns and target."""
        self.meta = json.loads(Path(context.artifacts["meta"]).read_text(encoding="utf-8"))
        network = keras.saving.load_model(context.artifacts["network"], compile=False)
        # One trace for every number of rows; `predict` of Keras would cost 50 ms a call.
        self.run = tf.function(
            lambda inputs: network(inputs, training=False), reduce_retracing=True
        )

    # A hint of DataFrame is the one that MLflow neither warns of nor reads as a schema; arrays
    # pass as well.
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> Any:
        """Answer for raw rows.

        Args:
            context: Of MLflow; not used.
            model_input: A DataFrame with the columns of the training file, in any order, more
                columns and missing values allowed; or an array of examples.
            params: `{"output": "probabilities"}` for `(rows, classes)` instead of labels.

        Returns:
            `(rows,)` labels, or values in the units of the target; `(rows, labels)` of 0 and 1
            where there are several labels.
        """
        wanted = (params or {}).get("output", "predictions")
        if wanted not in ("predictions", "probabilities"):
            raise ValueError(f"output must be predictions or probabilities, got {wanted!r}")
        outputs = self._outputs(self._inputs(model_input))
        return self._answers(outputs, probabilities=wanted == "probabilities")

    def _inputs(self, rows: Any) -> dict[str, Any]:
        if self.meta["shape"] is not None:
            array = np.asarray(rows, dtype=np.float32)
            return {"images": array.reshape(-1, *self.meta["shape"])}
        frame = self._frame(rows)
        inputs: dict[str, Any] = {}
        if self.meta["numbers"]:
            inputs["numbers"] = np.column_stack(
                [as_numbers(frame[name]) for name in self.meta["numbers"]]
            )
        for k, name in enumerate(self.meta["texts"]):
            inputs[f"text_{k}"] = as_text(frame[name])[:, None]
        return inputs

    def _frame(self, rows: Any) -> pd.DataFrame:
        needed = [*self.meta["numbers"], *self.meta["texts"]]
        if not isinstance(rows, pd.DataFrame):
            array = np.asarray(rows)
            names = self.meta["columns"] or [str(k) for k in range(array.shape[-1])]
            return pd.DataFrame(array.reshape(-1, len(names)), columns=names)
        missing = [name for name in needed if name not in rows.columns]
        if missing:
            raise ValueError(f"rows must have the columns {', '.join(missing)}")
        return rows

    def _outputs(self, inputs: dict[str, Any]) -> np.ndarray:
        count = len(next(iter(inputs.values())))
        parts = []
        for start in range(0, max(count, 1), ROWS_AT_A_TIME):
            some = {
                name: tf.constant(values[start : start + ROWS_AT_A_TIME].tolist(), tf.string)
                if name.startswith("text_")
                else tf.constant(values[start : start + ROWS_AT_A_TIME])
                for name, values in inputs.items()
            }
            parts.append(self.run(some).numpy())
        return np.concatenate(parts)

    def _answers(self, outputs: np.ndarray, *, probabilities: bool) -> Any:
        target = self.meta["target"]
        task = target["task"]
        if task in ("regression", "nonnegative"):
            return outputs[:, 0].astype(np.float64)
        if task == "multilabel":
            return outputs if probabilities else (outputs > 0.5).astype(np.int64)
        if task == "binary":
            outputs = np.concatenate([1 - outputs, outputs], axis=1)
        if probabilities:
            return outputs
        labels = np.array(target["labels"], dtype=target["labels_dtype"])
        return labels[outputs.argmax(axis=1)]


def as_numbers(column: pd.Series) -> np.ndarray:
    """Return numbers as float64, NaN where there is none."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def as_text(column: pd.Series) -> np.ndarray:
    """Return texts as the training data had them: one space between words, empty when missing."""
    return np.array([_text(value) for value in column.astype(object)], dtype=object)


def _text(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, (float, np.floating)):
        if np.isnan(value):
            return ""
        value = int(value) if float(value).is_integer() else value
    return " ".join(str(value).split())


mlflow.models.set_model(Champion())
