"""Targets: which task they pose, what is wrong with them, and what the network sees of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.data import Task
from sweepspot.datasets.raw import LARGEST, named

__all__ = ["MOST_CLASSES", "TargetEncoding", "infer_task", "target_problems"]

MOST_CLASSES = 20
"""A target of whole numbers with more different values than this is a quantity, not a class."""

_NUMERIC_TASKS = (Task.REGRESSION, Task.NONNEGATIVE)


def infer_task(y: pd.DataFrame) -> Task:
    """Tell the task from the targets.

    Several columns are multilabel. One column with two different values is binary; otherwise text
    and booleans are multiclass, and so are integers (stored as integers, not as 1.0) with at most
    `MOST_CLASSES` different values; all other numbers are regression.

    Args:
        y: A column a target, nothing missing.

    Example:
        >>> infer_task(pd.DataFrame({"price": [1.5, 2.0, 9.0]}))
        <Task.REGRESSION: 'regression'>
    """
    if y.shape[1] > 1:
        return Task.MULTILABEL
    column = y.iloc[:, 0]
    n_values = column.nunique()
    if n_values == 2:
        return Task.BINARY
    if not _is_numeric(column):
        return Task.MULTICLASS
    is_whole = pd.api.types.is_integer_dtype(column.dtype)
    return Task.MULTICLASS if is_whole and n_values <= MOST_CLASSES else Task.REGRESSION


def target_problems(y: pd.DataFrame, task: Task | None) -> list[str]:
    """Say what keeps targets from being learned, an empty list when nothing does.

    Args:
        y: A column a target.
        task: As the sweep file states it; None when it is to be inferred.
    """
    problems = []
    for name, column in y.items():
        if n_missing := int(column.isna().sum()):
            problems.append(
                f"data.target: {name} must have a value in every row, got {n_missing} missing; "
                "fill or remove those rows"
            )
        elif _is_numeric(column) and (np.abs(column.to_numpy(np.float64)) > LARGEST).any():
            problems.append(
                f"data.target: {name} must be finite and below {LARGEST:g}, got a larger or "
                "infinite value; correct or remove those rows"
            )
    if problems:
        return problems
    return _task_problems(y, task or infer_task(y))


def _task_problems(y: pd.DataFrame, task: Task) -> list[str]:
    if task is Task.MULTILABEL:
        return _label_problems(y)
    if y.shape[1] > 1:
        return [
            f"task: must be multilabel for several targets, got {task.value}; "
            "name one target, or leave task out"
        ]
    column = y.iloc[:, 0]
    n_values = column.nunique()
    if task in _NUMERIC_TASKS and not _is_numeric(column):
        return [
            f"data.target: {column.name} must be a number for task {task.value}, got "
            f"{column.iloc[:1].tolist()[0]!r}; correct the column, or set task: multiclass"
        ]
    if n_values < 2:
        return [
            f"data.target: {column.name} must have at least two different values, got only "
            f"{column.iloc[:1].tolist()[0]!r}; add rows of another class"
        ]
    if task is Task.BINARY and n_values > 2:
        return [
            f"data.target: {column.name} must have two different values for task binary, got "
            f"{n_values}; set task: multiclass"
        ]
    if task is Task.NONNEGATIVE and (low := column.min()) < 0:
        return [
            f"data.target: {column.name} must be >= 0 for task nonnegative, got {low:g}; "
            "set task: regression"
        ]
    return []


def _label_problems(y: pd.DataFrame) -> list[str]:
    if y.shape[1] < 2:
        return [
            f"task: must not be multilabel for the one target {named(y.columns)}, got multilabel; "
            "name several targets, or set task: binary"
        ]
    problems = []
    for name, column in y.items():
        values = set(column.unique().tolist())
        if not values <= {0, 1}:
            strange = sorted(map(repr, values - {0, 1}))
            problems.append(
                f"data.target: {name} must be 0 or 1 for task multilabel, got {named(strange)}; "
                "give each label a column of 0 and 1"
            )
        elif len(values) < 2:
            problems.append(
                f"data.target: {name} must have both 0 and 1, got only {values.pop()!r}; "
                "leave it out"
            )
    return problems


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TargetEncoding:
    """How targets become what the network is trained on, fitted on the training split.

    Attributes:
        task: What is predicted.
        names: Of the target columns.
        labels: The classes in rising order, in their own dtype (objects for text); empty for
            numbers and for multilabel.
        shift: Taken off a number first: the training mean for regression, else 0.
        scale: Then divided by: the training standard deviation for regression, the training mean
            for nonnegative, else 1. It is the number of target units for each unit of `y`.
    """

    task: Task
    names: tuple[str, ...]
    labels: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))
    shift: float = 0.0
    scale: float = 1.0

    @classmethod
    def fit(cls, y: pd.DataFrame, task: Task, train: npt.NDArray[np.int64]) -> Self:
        """Fit on the training rows; the classes are those of all rows.

        Args:
            y: The targets of the whole source.
            task: What is predicted.
            train: Numbers of the training rows.
        """
        names = tuple(str(name) for name in y.columns)
        column = y.iloc[:, 0]
        match task:
            case Task.MULTILABEL:
                return cls(task=task, names=names)
            case Task.REGRESSION | Task.NONNEGATIVE:
                values = column.to_numpy(np.float64)[train]
                mean = float(values.mean())
                if task is Task.NONNEGATIVE:
                    return cls(task=task, names=names, scale=mean or 1.0)
                return cls(task=task, names=names, shift=mean, scale=float(values.std()) or 1.0)
            case _:
                return cls(task=task, names=names, labels=np.unique(_classes(column)))

    @property
    def n_outputs(self) -> int:
        """Width of the network's last layer: classes, labels, or 1."""
        match self.task:
            case Task.MULTICLASS:
                return len(self.labels)
            case Task.MULTILABEL:
                return len(self.names)
            case _:
                return 1

    def encode(self, y: pd.DataFrame) -> npt.NDArray[Any]:
        """Return targets as `Split.y` has them.

        Args:
            y: Some rows of the targets.

        Returns:
            `(examples,)`, int32 for multiclass and float32 for the others; `(examples, labels)`
            float32 for multilabel.
        """
        match self.task:
            case Task.MULTILABEL:
                return y.to_numpy(dtype=np.float32)
            case Task.REGRESSION | Task.NONNEGATIVE:
                values = y.iloc[:, 0].to_numpy(np.float64)
                return ((values - self.shift) / self.scale).astype(np.float32)
            case _:
                codes = np.searchsorted(self.labels, _classes(y.iloc[:, 0]))
                return codes.astype(np.int32 if self.task is Task.MULTICLASS else np.float32)

    def original(self, y: pd.DataFrame) -> npt.NDArray[Any]:
        """Return targets as predictions look: labels in their dtype, or values in their units."""
        match self.task:
            case Task.MULTILABEL:
                return y.to_numpy(dtype=np.int64)
            case Task.REGRESSION | Task.NONNEGATIVE:
                return y.iloc[:, 0].to_numpy(np.float64)
            case _:
                return _classes(y.iloc[:, 0])

    def to_json(self) -> dict[str, Any]:
        """Return the encoding as JSON values."""
        return {
            "task": self.task.value,
            "names": list(self.names),
            "labels": self.labels.tolist(),
            "labels_dtype": str(self.labels.dtype),
            "shift": self.shift,
            "scale": self.scale,
        }


def _is_numeric(column: pd.Series) -> bool:
    dtype = column.dtype
    return bool(pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype))


def _classes(column: pd.Series) -> npt.NDArray[Any]:
    """Return class values in a NumPy dtype that sorts: numbers, booleans, or `str` objects."""
    dtype: Any = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return column.to_numpy(dtype=np.bool_)
    if pd.api.types.is_integer_dtype(dtype):
        # A nullable dtype such as Int64 names its NumPy one.
        return column.to_numpy(dtype=getattr(dtype, "numpy_dtype", dtype))
    if _is_numeric(column):
        return column.to_numpy(dtype=np.float64)
    values = column.to_numpy(dtype=object)
    if all(isinstance(value, bool) for value in values):
        return values.astype(np.bool_)
    return np.array([str(value) for value in values], dtype=object)
