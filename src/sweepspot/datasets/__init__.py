"""Data sets: one source a file, split and preprocessed for the trainers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from sweepspot.data import Task, TrainingData
from sweepspot.datasets.checks import feature_problems, unusable_problems, without_empty
from sweepspot.datasets.dataset import Dataset, preprocessed
from sweepspot.datasets.digests import digest_of, digest_of_rows
from sweepspot.datasets.preprocessing import fit_preprocessor
from sweepspot.datasets.raw import Column, Raw, columns_of, named, take
from sweepspot.datasets.splits import divide, split_problems
from sweepspot.datasets.targets import TargetEncoding, infer_task, target_problems
from sweepspot.errors import SpecError, did_you_mean
from sweepspot.spec import Data

__all__ = ["Column", "Dataset", "load_dataset"]

MOST_KEPT = 10_000
"""Rows of each split whose losses are kept for the diagnosis."""

_SUFFIXES = (".csv", ".parquet", ".npz")


def load_dataset(data: Data, *, task: Task | None, folder: Path) -> Dataset:
    """Load, check, split and preprocess the examples of a sweep.

    Args:
        data: The `data` part of a sweep file.
        task: As the sweep file states it; None to infer it from the target.
        folder: That relative paths start from: the sweep file's.

    Raises:
        SpecError: The source cannot be read, or its content cannot be learned from; every problem
            with the content is reported at once.
    """
    raw, empty_note = without_empty(_load(data, folder))
    problems = feature_problems(raw) + target_problems(raw.y, task)
    if problems:
        raise SpecError(*problems)
    known = task or infer_task(raw.y)
    classes = _classes(raw, known)
    problems = split_problems(len(raw.y), data.split, classes=classes, n_given=raw.n_given)
    if problems:
        raise SpecError(*problems)
    splits = divide(len(raw.y), data.split, classes=classes, n_given=raw.n_given)
    preprocessor, notes = fit_preprocessor(take(raw.X, splits.train))
    if problems := unusable_problems(preprocessor):
        raise SpecError(*problems)
    encoding = TargetEncoding.fit(raw.y, known, splits.train)
    rng = np.random.default_rng([data.split.seed, 1])
    training = TrainingData(
        train=preprocessed(raw, splits.train, preprocessor, encoding),
        cv=preprocessed(raw, splits.cv, preprocessor, encoding),
        task=known,
        n_outputs=encoding.n_outputs,
        error_scale=encoding.scale,
        kept_train=_kept(len(splits.train), rng),
        kept_cv=_kept(len(splits.cv), rng),
    )
    return Dataset(
        name=Path(data.source.removeprefix("sklearn:")).stem,
        source=data.source,
        digest=digest_of(raw),
        test_digest=digest_of_rows(take(raw.X, splits.test), raw.y.iloc[splits.test]),
        columns=columns_of(raw.X),
        training=training,
        preprocessor=preprocessor,
        encoding=encoding,
        notes=(*_task_notes(raw, encoding, task), *raw.notes, *empty_note, *notes),
        content=raw,
        splits=splits,
    )


def _load(data: Data, folder: Path) -> Raw:
    if data.source.startswith("sklearn:"):
        from sweepspot.datasets.sklearn import load_sklearn

        return load_sklearn(data)
    path = folder / data.source
    _check_path(data.source, path)
    if path.suffix.lower() == ".npz":
        from sweepspot.datasets.arrays import load_arrays

        return load_arrays(data, path)
    from sweepspot.datasets.table import load_table

    return load_table(data, path)


def _check_path(source: str, path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise SpecError(
            f"data.source: must be sklearn:NAME or a {', '.join(_SUFFIXES)} file, got {source!r}; "
            "convert it, or correct the name"
        )
    if not path.is_file():
        beside = [p.name for p in path.parent.glob("*") if p.suffix.lower() in _SUFFIXES]
        raise SpecError(
            f"data.source: must be a file relative to the sweep file, got {source!r}, and there "
            f"is no {str(path)!r}{did_you_mean(path.name, beside)}"
        )
    if path.stat().st_size == 0:
        raise SpecError(f"data.source: must have content, got an empty {str(path)!r}; fill it")


def _classes(raw: Raw, task: Task) -> npt.NDArray[np.generic] | None:
    """Return what the split keeps the shares of, None when it takes rows at random."""
    if task not in (Task.BINARY, Task.MULTICLASS):
        return None
    return TargetEncoding(task=task, names=()).original(raw.y)


def _kept(n_rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    if n_rows <= MOST_KEPT:
        return np.arange(n_rows, dtype=np.int64)
    return np.sort(rng.choice(n_rows, size=MOST_KEPT, replace=False)).astype(np.int64)


def _task_notes(raw: Raw, encoding: TargetEncoding, stated: Task | None) -> list[str]:
    if stated is not None:
        return []
    classes = f" with {len(encoding.labels)} classes" if len(encoding.labels) else ""
    names = named(encoding.names)
    notes = [f"task: {encoding.task.value}{classes}, inferred from {names}"]
    if encoding.task is Task.MULTILABEL and (raw.y.sum(axis=1) == 1).all():
        notes.append(f"every row has one of {names}: if they are classes, give one column of them")
    return notes
