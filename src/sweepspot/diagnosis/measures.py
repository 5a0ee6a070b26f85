"""Measures: all comparable runs beside the frontier, from losses or from means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.frontier import (
    choose_by_means,
    choose_members,
    reference_rows,
)
from sweepspot.diagnosis.sampling import (
    Floats,
    Side,
    resample_counts,
    side_from_means,
    side_from_rows,
)

__all__ = ["Measures", "measure_losses", "measure_means"]

Counts = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measures:
    """Every run of a call that has losses or means, beside the frontier.

    Attributes:
        runs: Their ids.
        comparable: `(runs,)`, whether the frontier may be chosen from the run.
        train: Their J_train beside that of the frontier.
        cv: Their J_cv beside that of the frontier.
        errors: Train and cv in error, None where not every run has them.
        weights: How much each run counts in the frontier.
        best: Train and cv of one more "run": the best, chosen and measured on different folds.
        best_errors: The same in error.
        row_sd: Standard deviation of the frontier's cv losses, None where only means are known.
        n_rows: Train and cv rows, None where only means are known.
    """

    runs: tuple[str, ...]
    comparable: npt.NDArray[np.bool_]
    train: Side
    cv: Side
    weights: Floats
    best: tuple[Side, Side]
    errors: tuple[Side, Side] | None = None
    best_errors: tuple[Side, Side] | None = None
    row_sd: float | None = None
    n_rows: tuple[int, int] | None = None


def measure_losses(
    runs: Mapping[str, Evidence],
    comparable: Sequence[str],
    criteria: Criteria,
    rng: np.random.Generator,
) -> Measures:
    """Measure runs by their per-example losses.

    Args:
        runs: Runs with losses.
        comparable: The ids of those that the frontier may be chosen from.
        criteria: Thresholds.
        rng: The source of the draws.
    """
    train, cv = _rows(runs, comparable, "train_losses"), _rows(runs, comparable, "cv_losses")
    members, first = (
        choose_members(train, cv, best=best, criteria=criteria) for best in (criteria.frontier, 1)
    )
    counts = (
        resample_counts(len(train[0]), criteria.draws, rng),
        resample_counts(len(cv[0]), criteria.draws, rng),
    )
    reference = reference_rows(train, cv, members)
    sides = _sides(runs, ("train_losses", "cv_losses"), reference, counts)
    errors = best_errors = None
    if all(e.train_errors is not None and e.cv_errors is not None for e in runs.values()):
        rows = (_rows(runs, comparable, "train_errors"), _rows(runs, comparable, "cv_errors"))
        error_reference = reference_rows(*rows, members)
        errors = _sides(runs, ("train_errors", "cv_errors"), error_reference, counts)
        best_errors = _beside(reference_rows(*rows, first), error_reference, counts)
    elif all(e.error_train is not None and e.error_cv is not None for e in runs.values()):
        sizes = (len(train[0]), len(cv[0]))
        weights = [_spread(m.weights, comparable, runs) for m in (members, first)]
        errors = _mean_errors(runs, sizes, weights[0], criteria, rng)
        best_errors = (_weighted(errors[0], weights[1]), _weighted(errors[1], weights[1]))
    return Measures(
        runs=tuple(runs),
        comparable=np.isin(list(runs), comparable),
        train=sides[0],
        cv=sides[1],
        weights=_spread(members.weights, comparable, runs),
        best=_beside(reference_rows(train, cv, first), reference, counts),
        errors=errors,
        best_errors=best_errors,
        row_sd=float(reference[1].std()),
        n_rows=(len(train[0]), len(cv[0])),
    )


def measure_means(
    runs: Mapping[str, Evidence],
    comparable: Sequence[str],
    criteria: Criteria,
    rng: np.random.Generator,
) -> Measures:
    """Measure runs by means and standard errors; arguments as those of `measure_losses`."""
    table = np.array(
        [[e.J_train, e.J_cv, e.J_train_se, e.J_cv_se] for e in runs.values()], np.float64
    )
    # Draws belong to ranks, so neither the order of the runs nor their ids matter.
    order = np.lexsort((table[:, 2], table[:, 3], table[:, 0], table[:, 1]))
    back = np.argsort(order, kind="stable")
    mask = np.isin(list(runs), comparable)[order]
    ranked = table[order]
    weights, first = np.zeros(len(runs)), np.zeros(len(runs))
    for target, best in ((weights, criteria.frontier), (first, 1)):
        target[mask] = choose_by_means(
            ranked[mask, 1], ranked[mask, 3], best=best, draws=criteria.draws, rng=rng
        )
    noise = rng.standard_normal((2, len(runs), criteria.draws))[:, back]
    weights, first = weights[back], first[back]
    train = side_from_means(table[:, 0], table[:, 2], weights, noise[0])
    cv = side_from_means(table[:, 1], table[:, 3], weights, noise[1])
    return Measures(
        runs=tuple(runs),
        comparable=np.isin(list(runs), comparable),
        train=train,
        cv=cv,
        weights=weights,
        best=(_weighted(train, first), _weighted(cv, first)),
    )


def _rows(runs: Mapping[str, Evidence], names: Sequence[str], what: str) -> list[Any]:
    return [getattr(runs[name], what) for name in names]


def _sides(
    runs: Mapping[str, Evidence],
    what: tuple[str, str],
    reference: tuple[Floats, Floats],
    counts: tuple[Counts, Counts],
) -> tuple[Side, Side]:
    names = list(runs)
    return (
        side_from_rows(_rows(runs, names, what[0]), reference[0], counts[0]),
        side_from_rows(_rows(runs, names, what[1]), reference[1], counts[1]),
    )


def _beside(
    rows: tuple[Floats, Floats],
    reference: tuple[Floats, Floats],
    counts: tuple[Counts, Counts],
) -> tuple[Side, Side]:
    return (
        side_from_rows([rows[0]], reference[0], counts[0]),
        side_from_rows([rows[1]], reference[1], counts[1]),
    )


def _mean_errors(
    runs: Mapping[str, Evidence],
    n_rows: tuple[int, int],
    weights: Floats,
    criteria: Criteria,
    rng: np.random.Generator,
) -> tuple[Side, Side]:
    """Compare runs in shares of wrong answers, with the standard errors of binomial shares."""
    table = np.array([[e.error_train, e.error_cv] for e in runs.values()], np.float64).T
    # Draws belong to ranks, as for means of J.
    ranks = np.argsort(np.lexsort((table[0], table[1])), kind="stable")
    noise = rng.standard_normal((2, len(runs), criteria.draws))[:, ranks]
    train, cv = (
        side_from_means(
            shares,
            np.sqrt(shares * (1 - shares) / n),
            weights,
            deviates,
        )
        for shares, n, deviates in zip(table, n_rows, noise, strict=True)
    )
    return train, cv


def _weighted(side: Side, weights: Floats) -> Side:
    return Side(
        value=(weights @ side.value)[None],
        draws=(weights @ side.draws)[None],
        reference=side.reference,
        reference_draws=side.reference_draws,
    )


def _spread(weights: Floats, names: Sequence[str], runs: Mapping[str, Evidence]) -> Floats:
    by_name = dict(zip(names, weights, strict=True))
    return np.array([by_name.get(run, 0.0) for run in runs])
