"""Importances of dimensions by Optuna's two evaluators, from a study rebuilt in memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import optuna

__all__ = ["Column", "Importance", "importances"]

TREES = 16
"""Trees of a forest; one is grown for each shuffle, so that five have more than Optuna's 64."""

_SHADOW = "shadow."


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One dimension in every trial.

    Attributes:
        values: Its position, 0 to 1, or its option's place in `options`; None where it does not
            exist.
        options: How many options it has, 0 for a range.
    """

    values: Sequence[float | None]
    options: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Importance:
    """How much one dimension mattered by one evaluator, beside copies of it that cannot matter.

    Attributes:
        score: A mean over the shuffles; each evaluator has its own unit.
        typical: The mean of its shuffled copies.
        most: The greatest of its shuffled copies.
    """

    score: float
    typical: float
    most: float


def importances(
    columns: Mapping[str, Column], ranks: Sequence[float], *, shuffles: int = 5, seed: int = 0
) -> dict[str, dict[str, Importance]]:
    """Return the importances by fANOVA and by PED-ANOVA of every dimension.

    fANOVA asks what moves J anywhere in the space, PED-ANOVA what the best tenth of the trials
    (five at least) has in common. Each is asked again with shuffled copies of every dimension
    beside the real ones, since a forest on few trials gives any column some importance, and the
    more so the more values it has.

    Positions, not values, are handed over: fANOVA integrates over raw values, in which nine tenths
    of a logarithmic range is its last decade. Ranks of J, not J: one diverged trial would decide.
    fANOVA leaves dimensions under a condition out. Both read a model of the trials that happen to
    exist, so a sampler that left part of the space leaves it unknown.

    Args:
        columns: Every dimension by name, at least one.
        ranks: The rank of J_cv of each trial.
        shuffles: How often the copies are shuffled and the scores taken anew.
        seed: Of the shuffles and of the forest.

    Returns:
        By `fanova` and `ped_anova`, each by name.

    References:
        Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter
        Importance, ICML (2014). Watanabe, Bansal and Hutter, PED-ANOVA, IJCAI (2023). Kursa and
        Rudnicki, Feature Selection with the Boruta Package, J. Stat. Softw. 36 (2010), on
        shuffled copies.
    """
    rng = np.random.default_rng(seed)
    always = {name: c for name, c in columns.items() if None not in c.values}
    draws = [_with_shadows(columns, rng) for _ in range(shuffles)]
    found = {}
    for evaluator, names in (("fanova", always), ("ped_anova", columns)):
        scored = [_scores(evaluator, draw, ranks, names, seed + k) for k, draw in enumerate(draws)]
        found[evaluator] = {
            name: Importance(
                score=float(np.mean([one[name] for one in scored])),
                typical=float(np.mean([one[_SHADOW + name] for one in scored])),
                most=max(one[_SHADOW + name] for one in scored),
            )
            for name in names
        }
    return found


def _with_shadows(columns: Mapping[str, Column], rng: np.random.Generator) -> dict[str, Column]:
    shadows = {
        _SHADOW + name: Column(
            values=[c.values[k] for k in rng.permutation(len(c.values))], options=c.options
        )
        for name, c in columns.items()
    }
    return {**columns, **shadows}


def _scores(
    evaluator: str,
    columns: Mapping[str, Column],
    ranks: Sequence[float],
    names: Mapping[str, Column],
    seed: int,
) -> dict[str, float]:
    import optuna

    asked = [*names, *(_SHADOW + name for name in names)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = _study({name: c for name, c in columns.items() if name in asked}, ranks)
        if evaluator == "fanova":
            forest = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=seed)
            return forest.evaluate(study, asked)
        # Its authors want five trials above the quantile.
        quantile = min(0.5, max(0.1, 5 / len(ranks)))
        ped = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
        return ped.evaluate(study, asked)


def _study(columns: Mapping[str, Column], ranks: Sequence[float]) -> optuna.Study:
    import optuna

    before = optuna.logging.get_verbosity()
    # It announces every study; the level is the user's again right after.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize")
    optuna.logging.set_verbosity(before)
    distributions = {name: _distribution(c) for name, c in columns.items()}
    trials = []
    for k, rank in enumerate(ranks):
        params = {name: c.values[k] for name, c in columns.items() if c.values[k] is not None}
        kinds = {name: distributions[name] for name in params}
        trials.append(optuna.trial.create_trial(params=params, distributions=kinds, value=rank))
    study.add_trials(trials)
    return study


def _distribution(column: Column) -> optuna.distributions.BaseDistribution:
    import optuna

    if column.options:
        return optuna.distributions.CategoricalDistribution(range(column.options))
    return optuna.distributions.FloatDistribution(0.0, 1.0)
