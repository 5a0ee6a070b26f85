"""A data set: its splits, preprocessed and raw, and everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.data import Split, Task, TrainingData
from sweepspot.datasets.preprocessing import Preprocessor
from sweepspot.datasets.raw import Column, Raw, Rows, take
from sweepspot.datasets.splits import SplitName, SplitRows
from sweepspot.datasets.targets import TargetEncoding

__all__ = ["Dataset", "Output", "preprocessed"]

EXAMPLE_ROWS = 5

Output: TypeAlias = Literal["integer", "number", "text"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dataset:
    """The examples of one sweep.

    Attributes:
        name: Of the file without its suffix, or of the bundled data set.
        source: As the sweep file names it.
        digest: SHA-256 of the content, whatever the format of the file.
        test_digest: SHA-256 of the test rows, whatever their order.
        columns: Name and kind of each feature column, in the order of the file; none for arrays.
        training: The train and cv splits, preprocessed.
        preprocessor: Turns raw rows into inputs.
        encoding: Turns targets into what the network is trained on.
        notes: What people should know about the data, a sentence each.
        content: The whole source; prefer `raw_rows`.
        splits: Row numbers of each split.
    """

    name: str
    source: str
    digest: str
    test_digest: str
    columns: tuple[Column, ...]
    training: TrainingData
    preprocessor: Preprocessor
    encoding: TargetEncoding
    notes: tuple[str, ...]
    content: Raw
    splits: SplitRows

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.encoding.task

    @property
    def class_labels(self) -> npt.NDArray[Any]:
        """The classes in rising order, in their own dtype; empty for numbers and multilabel."""
        return self.encoding.labels

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the target columns."""
        return self.encoding.names

    @property
    def output(self) -> Output:
        """What one prediction is; booleans are integers."""
        if self.task in (Task.REGRESSION, Task.NONNEGATIVE) or self.class_labels.dtype.kind == "f":
            is_label = self.task is Task.MULTILABEL
            return "integer" if is_label else "number"
        return "text" if self.class_labels.dtype.kind == "O" else "integer"

    @property
    def n_rows(self) -> int:
        """Rows of the whole source."""
        return len(self.content.y)

    @property
    def n_test(self) -> int:
        """Rows of the test split."""
        return len(self.splits.test)

    def raw_rows(self, split: SplitName) -> Rows:
        """Return the features of a split as they are in the source.

        To look at the test split is to open it, and belongs in the test ledger.

        Returns:
            A DataFrame with `columns`, or an array `(examples, ...)`.
        """
        return take(self.content.X, getattr(self.splits, split))

    def example_rows(self) -> Rows:
        """Return a few raw rows of the training split, to show a model what it will be given."""
        return take(self.content.X, self.splits.train[:EXAMPLE_ROWS])

    def open_test(self) -> Split:
        """Preprocess the test split; each opening belongs in the test ledger."""
        return preprocessed(self.content, self.splits.test, self.preprocessor, self.encoding)


def preprocessed(
    raw: Raw,
    rows: npt.NDArray[np.int64],
    preprocessor: Preprocessor,
    encoding: TargetEncoding,
) -> Split:
    """Return some rows of a source as a trainer wants them."""
    X = preprocessor.transform(take(raw.X, rows))
    return Split(X=X, y=encoding.encode(_some(raw.y, rows)))


def _some(y: pd.DataFrame, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    return y.iloc[rows]
