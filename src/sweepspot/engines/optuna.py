"""Optuna behind the engine seam: an in-memory study, driven by ask and tell."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from sweepspot.engines.points import (
    Point,
    check_grid,
    grid_without,
    point,
    search_seed,
    start_points,
)
from sweepspot.space import Choice, Dimension, Float, Space, Value
from sweepspot.spec import Pruner, Search
from sweepspot.trial import State, Trial, TrialResult, trial_seed

__all__ = ["OptunaEngine"]

# Optuna has no default; its own example keeps the best quarter.
KEPT_PERCENTILE = 25.0


class OptunaEngine:
    """Proposes points with an Optuna sampler, and prunes with an Optuna pruner.

    Args:
        search: Sampler, pruner, seed, start points and the number of trials.
        space: What is searched.
        epochs: Epochs of every trial.
        study_name: Hyperband assigns brackets by it.

    Raises:
        SpecError: The space has no grid, or a start point is not in it.
    """

    def __init__(self, search: Search, space: Space, *, epochs: int, study_name: str) -> None:
        self._search = search
        self._space = space
        self._epochs = epochs
        # Samplers read the epochs of pruned trials alone.
        self._prunes = search.pruner != "none"
        self._distributions = {k: _distribution(d) for k, d in space.dimensions.items()}
        self._set_points = start_points(search, space)[: search.trials]
        self._samples = search.sampler != "grid"
        if not self._samples:
            self._set_points += _shuffled_grid(search, space, self._set_points)
        self._qmc = self._qmc_sampler() if search.sampler == "qmc" else None
        self._study = _quiet_study(study_name, _pruner(search.pruner, epochs))
        self._asked = 0
        self._running: dict[int, optuna.Trial] = {}

    def ask(self, n: int) -> list[Trial]:
        """Propose at most `n` points; fewer at the end of the trials or of the grid."""
        last = self._search.trials if self._samples else len(self._set_points)
        return [self._ask_one() for _ in range(min(n, last - self._asked))]

    def report(self, number: int, epoch: int, J_cv: float) -> bool:
        """Hear one epoch's J_cv and ask the pruner."""
        if not self._prunes:
            return False
        trial = self._running[number]
        with _expected_warnings():
            trial.report(J_cv, step=epoch)
            return trial.should_prune()

    def tell(self, result: TrialResult) -> None:
        """Hear how a trial ended; one without a comparable J_cv counts as failed."""
        trial = self._running.pop(result.number)
        if result.state is State.PRUNED:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif result.state is State.FAILED or result.J_cv is None or math.isnan(result.J_cv):
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, result.J_cv)

    def replay(self, trial: Trial, result: TrialResult | None) -> None:
        """Relive one trial: its point is set, its curve reported, its result told."""
        if self._qmc is not None and trial.number >= len(self._set_points):
            self._qmc.skip(self._study)
        self._create(_Recorded(trial.params))
        if result is None:
            return
        if self._prunes:
            for epoch, J_cv in zip(result.curve.steps, result.curve.J_cv, strict=True):
                self._relive_epoch(trial.number, epoch, J_cv)
        self.tell(result)

    def _relive_epoch(self, number: int, epoch: int, J_cv: float) -> None:
        # Only halving leaves rungs behind when it is asked; the other pruners compute their answer
        # anew, from every trial, which makes a long replay quadratic for nothing.
        if self._search.pruner in ("successive_halving", "hyperband"):
            self.report(number, epoch, J_cv)
        else:
            self._running[number].report(J_cv, step=epoch)

    def _ask_one(self) -> Trial:
        number = self._asked
        suggested = self._create(self._sampler(number))
        return Trial(
            number=number,
            params=point(self._space, suggested),
            seed=trial_seed(self._search.seed, number),
            epochs=self._epochs,
        )

    def _create(self, sampler: BaseSampler) -> dict[str, Value]:
        self._study.sampler = sampler
        trial = self._study.ask()
        suggested: dict[str, Value] = {}
        for name, distribution in self._distributions.items():
            if self._space.is_active(name, suggested):
                suggested[name] = _suggest(trial, name, distribution)
        self._running[trial.number] = trial
        self._asked = trial.number + 1
        return suggested

    def _sampler(self, number: int) -> BaseSampler:
        if number < len(self._set_points):
            return _Recorded(self._set_points[number])
        if self._qmc is not None:
            return self._qmc
        seed = search_seed(self._search.seed, number)
        if self._search.sampler == "random":
            return RandomSampler(seed=seed)
        always = {
            k: d
            for k, d in sorted(self._distributions.items())
            if k not in self._space.conditional and not d.single()
        }
        return _Tpe(always, seed)

    def _qmc_sampler(self) -> _Qmc:
        searched = {k: d for k, d in sorted(self._distributions.items()) if not d.single()}
        return _Qmc(searched, search_seed(self._search.seed, 0))


class _Recorded(BaseSampler):
    """Returns the values of a given point."""

    def __init__(self, params: Mapping[str, Value]) -> None:
        self._params = params

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._params[param_name]


class _Tpe(TPESampler):
    """TPE that is told which dimensions always exist, instead of reading every trial for it."""

    def __init__(self, always: dict[str, BaseDistribution], seed: int) -> None:
        super().__init__(seed=seed)
        self._always = always

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._always


class _Qmc(QMCSampler):
    """A scrambled Sobol sequence over all dimensions, those under a condition included.

    Optuna's own takes the space from the first trial that did not fail, so all until then are drawn
    at random, and a dimension that did not exist there is drawn at random for ever.
    """

    def __init__(self, searched: dict[str, BaseDistribution], seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            super().__init__(scramble=True, seed=seed)
        self._searched = searched

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._searched

    def skip(self, study: optuna.Study) -> None:
        """Pass over one point of the sequence."""
        # The study counts the points; drawing one to throw it away would build the sequence again.
        if self._searched:
            self._find_sample_id(study, self._searched)


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.options)
    if not isinstance(dimension, Float):
        high = dimension.low + (dimension.high - dimension.low) // dimension.step * dimension.step
        return IntDistribution(dimension.low, high, log=dimension.log, step=dimension.step)
    if dimension.step is None:
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    with warnings.catch_warnings():
        # A step that does not end on the upper edge is allowed here, as it is in Optuna.
        warnings.filterwarnings("ignore", message="The distribution is specified by")
        return FloatDistribution(dimension.low, dimension.high, step=dimension.step)


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Value:
    match distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_float(name, low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_int(name, low, high, log=log, step=step)
    choices = cast(CategoricalDistribution, distribution).choices
    # Optuna also takes None for an option; a Choice does not.
    return cast(Value, trial.suggest_categorical(name, choices))


def _pruner(name: Pruner, epochs: int) -> BasePruner:
    match name:
        case "none":
            return NopPruner()
        case "median":
            return MedianPruner()
        case "percentile":
            return PercentilePruner(KEPT_PERCENTILE)
        case "successive_halving":
            # "auto" takes it from the first trial that completes, which replay may reorder.
            return SuccessiveHalvingPruner(min_resource=1)
        case "hyperband":
            return HyperbandPruner(min_resource=1, max_resource=epochs)


def _shuffled_grid(search: Search, space: Space, start: list[Point]) -> list[Point]:
    size = check_grid(space)
    rng = np.random.default_rng(search_seed(search.seed, 0))
    left = list(grid_without(space, start))
    wanted = min(len(left), search.trials - len(start), size)
    return [left[k] for k in rng.permutation(len(left))[:wanted]]


def _quiet_study(name: str, pruner: BasePruner) -> optuna.Study:
    before = optuna.logging.get_verbosity()
    # It announces every study; the level is the user's again right after.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(study_name=name, direction="minimize", pruner=pruner)
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def _expected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # A trial that diverged at once: numpy under the median and percentile pruners.
        warnings.filterwarnings("ignore", message="All-NaN", category=RuntimeWarning)
        # A trial trained again after its worker died: Optuna keeps the first value.
        warnings.filterwarnings("ignore", message="The reported value is ignored")
        yield
