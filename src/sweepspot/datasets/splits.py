"""The division of the rows into train, cv and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sweepspot.datasets.raw import named
from sweepspot.spec import SplitFractions

__all__ = ["LEAST_ROWS", "LEAST_SPLIT", "SplitName", "SplitRows", "divide", "split_problems"]

SplitName: TypeAlias = Literal["train", "cv", "test"]

LEAST_ROWS = 30
"""Fewer rows leave a cv split whose mean loss says nothing."""
LEAST_SPLIT = 5
"""Rows that cv and test must each have."""

RowNumbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SplitRows:
    """Row numbers of each split, each in rising order."""

    train: RowNumbers
    cv: RowNumbers
    test: RowNumbers


def divide(
    n_rows: int,
    fractions: SplitFractions,
    *,
    classes: npt.NDArray[Any] | None = None,
    n_given: int | None = None,
) -> SplitRows:
    """Divide the rows at random, the same way for the same seed.

    Args:
        n_rows: Of the whole source.
        fractions: Shares of cv and test, and the seed.
        classes: `(n_rows,)`; when given, every split has each class in the same share, and at
            least one row of it.
        n_given: Rows from this one on are the test split; the shares then count in the others.

    Returns:
        Disjoint row numbers that cover all rows.
    """
    n_pool = n_rows if n_given is None else n_given
    test_share = fractions.test if n_given is None else 0.0
    rng = np.random.default_rng(fractions.seed)
    shuffled = rng.permutation(n_pool)
    strata = [shuffled]
    if classes is not None:
        pooled = np.asarray(classes)[shuffled]
        strata = [shuffled[pooled == label] for label in np.unique(pooled)]
    train, cv, test = [], [], []
    for stratum in strata:
        n_cv, n_test = _counts(len(stratum), fractions.cv, test_share)
        cv.append(stratum[:n_cv])
        test.append(stratum[n_cv : n_cv + n_test])
        train.append(stratum[n_cv + n_test :])
    if n_given is not None:
        test = [np.arange(n_given, n_rows)]
    return SplitRows(train=_sorted(train), cv=_sorted(cv), test=_sorted(test))


def _counts(n: int, cv: float, test: float) -> tuple[int, int]:
    n_cv = max(1, round(n * cv))
    n_test = max(1, round(n * test)) if test else 0
    while n_cv + n_test >= n and max(n_cv, n_test) > 1:
        n_cv, n_test = (n_cv - 1, n_test) if n_cv >= n_test else (n_cv, n_test - 1)
    return n_cv, n_test


def _sorted(parts: list[RowNumbers]) -> RowNumbers:
    return np.sort(np.concatenate(parts)).astype(np.int64)


def split_problems(
    n_rows: int,
    fractions: SplitFractions,
    *,
    classes: npt.NDArray[Any] | None = None,
    n_given: int | None = None,
) -> list[str]:
    """Say what keeps the rows from being divided, an empty list when nothing does."""
    n_pool = n_rows if n_given is None else n_given
    if n_pool < LEAST_ROWS:
        return [
            f"data.source: must have at least {LEAST_ROWS} rows, got {n_pool}; collect more, or "
            "join files"
        ]
    problems = []
    for name, share in (("cv", fractions.cv), ("test", fractions.test)):
        n_split = round(n_pool * share)
        if n_split < LEAST_SPLIT and not (name == "test" and n_given is not None):
            problems.append(
                f"data.split.{name}: must give at least {LEAST_SPLIT} rows, got {n_split} of "
                f"{n_pool}; raise it"
            )
    if classes is not None:
        problems += _class_problems(np.asarray(classes)[:n_pool], 3 if n_given is None else 2)
    return problems


def _class_problems(classes: npt.NDArray[Any], least: int) -> list[str]:
    values, counts = np.unique(classes, return_counts=True)
    rare = [f"{v!r} ({n})" for v, n in zip(values.tolist(), counts, strict=True) if n < least]
    if not rare:
        return []
    return [
        f"data.target: every class must have at least {least} rows, one for each split, got "
        f"{named(rare)}; remove or join them, or set task: regression if the target is a number"
    ]
