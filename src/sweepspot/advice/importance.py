"""Importances of dimensions by fANOVA and PED-ANOVA, beside copies that cannot matter."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sweepspot.advice.fanova import Floats, main_effects

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

    Positions, not values, are looked at: of raw values, nine tenths of a logarithmic range are its
    last decade. Ranks of J, not J: one diverged trial would decide. fANOVA leaves dimensions under
    a condition out. Both read a model of the trials that happen to exist, so a sampler that left
    part of the space leaves it unknown.

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
    copies = [_shuffled(columns, rng) for _ in range(shuffles)]
    always = [name for name, column in columns.items() if None not in column.values]
    forests = [_fanova(columns, copy, always, ranks, seed + k) for k, copy in enumerate(copies)]
    own, chance = _ped_anova(columns, copies, ranks)
    return {
        "fanova": {
            name: _importance([f[name] for f in forests], [f[_SHADOW + name] for f in forests])
            for name in always
        },
        "ped_anova": {
            name: _importance([own[name]], [one[name] for one in chance]) for name in columns
        },
    }


def _importance(own: Sequence[float], chance: Sequence[float]) -> Importance:
    return Importance(score=float(np.mean(own)), typical=float(np.mean(chance)), most=max(chance))


def _shuffled(columns: Mapping[str, Column], rng: np.random.Generator) -> dict[str, Column]:
    return {
        name: Column(
            values=[c.values[k] for k in rng.permutation(len(c.values))], options=c.options
        )
        for name, c in columns.items()
    }


def _fanova(
    columns: Mapping[str, Column],
    copy: Mapping[str, Column],
    names: Sequence[str],
    ranks: Sequence[float],
    seed: int,
) -> dict[str, float]:
    """Return the share of some dimensions and, under names of their own, of their copies."""
    both = {name: columns[name] for name in names} | {_SHADOW + name: copy[name] for name in names}
    if not both:
        return {}
    # The order of its columns decides what a forest of a seed is.
    order = sorted(both)
    encoded = [_encoded(both[name]) for name in order]
    shares = main_effects(encoded, np.asarray(ranks, np.float64), trees=TREES, seed=seed)
    return dict(zip(order, shares.tolist(), strict=True))


def _encoded(column: Column) -> Floats:
    """Return a dimension as columns, `(trials, 1)` or `(trials, options)`."""
    places = np.array(column.values, np.float64)[:, None]
    return (places == np.arange(column.options)).astype(np.float64) if column.options else places


def _ped_anova(
    columns: Mapping[str, Column], copies: Sequence[Mapping[str, Column]], ranks: Sequence[float]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return the importance of each dimension, and of each of its copies.

    It looks at one dimension at a time, so all copies can be in one study.
    """
    import optuna

    groups = {"": columns, **{f"{_SHADOW}{k}.": copy for k, copy in enumerate(copies)}}
    study = _study(
        {prefix + name: c for prefix, g in groups.items() for name, c in g.items()}, ranks
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Its authors want five trials above the quantile.
        quantile = min(0.5, max(0.1, 5 / len(ranks)))
        ped = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
        scores = ped.evaluate(study)
    own, *chance = ({name: scores[prefix + name] for name in columns} for prefix in groups)
    return own, chance


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
