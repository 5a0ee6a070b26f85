"""Keras Tuner behind the engine seam: an oracle without files, driven trial by trial."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import keras_tuner
from keras_tuner.engine.hyperparameters import Choice as KtChoice
from keras_tuner.engine.hyperparameters import Float as KtFloat
from keras_tuner.engine.hyperparameters import Int as KtInt
from keras_tuner.src.engine.conditions import Parent

from sweepspot.engines.points import (
    Point,
    check_grid,
    grid_without,
    point,
    search_seed,
    start_points,
)
from sweepspot.space import Dimension, Float, Int, Params, Space, Value
from sweepspot.spec import Search
from sweepspot.trial import State, Trial, TrialResult, trial_seed

__all__ = ["KerasTunerEngine"]

OBJECTIVE = "J_cv"


class KerasTunerEngine:
    """Proposes points with a Keras Tuner oracle; it never prunes.

    Args:
        search: Oracle, seed, start points and the number of trials.
        space: What is searched.
        epochs: Epochs at full fidelity; Hyperband also proposes fewer, and promotes.

    Raises:
        SpecError: The space has no grid, or a start point is not in it.
    """

    def __init__(self, search: Search, space: Space, *, epochs: int) -> None:
        self._search = search
        self._space = space
        self._epochs = epochs
        self._start = start_points(search, space)[: search.trials]
        self._grid = _grid(space, self._start) if search.sampler == "grid" else None
        self._oracle = _oracle(search, space, epochs)
        self._asked = 0
        self._running: dict[int, Any] = {}
        self._completed_epochs: dict[int, int] = {}

    def ask(self, n: int) -> list[Trial]:
        """Propose at most `n` points; fewer while the oracle waits, and when it has stopped."""
        trials: list[Trial] = []
        while len(trials) < n and self._asked < self._search.trials:
            trial = self._ask_one()
            if trial is None:
                break
            trials.append(trial)
        return trials

    def report(self, number: int, epoch: int, J_cv: float) -> bool:
        """Return False: an oracle hears of results alone."""
        return False

    def tell(self, result: TrialResult) -> None:
        """Hear how a trial ended; one without a finite J_cv counts as failed."""
        created = self._running.pop(result.number)
        self._completed_epochs[result.number] = result.epochs or result.trial.epochs
        # The Gaussian process reads an infinite score as 0, which may well be the best.
        usable = result.J_cv is not None and math.isfinite(result.J_cv)
        if usable and result.state is not State.FAILED:
            self._oracle.update_trial(created.trial_id, {OBJECTIVE: result.J_cv})
            created.status = "COMPLETED"
        else:
            created.status = "INVALID"
        self._oracle.end_trial(created)

    def replay(self, trial: Trial, result: TrialResult | None) -> None:
        """Relive one trial: its point is set, its bracket entered, its result told."""
        if self._grid is not None and trial.number >= len(self._start):
            next(self._grid)
        created = self._dictate(trial)
        if self._search.sampler == "hyperband" and trial.number >= len(self._start):
            _enter_bracket(self._oracle, trial, created.trial_id)
        if result is not None:
            self.tell(result)

    def _ask_one(self) -> Trial | None:
        number = self._asked
        if number < len(self._start):
            given: Point | None = self._start[number]
        elif self._grid is not None:
            given = next(self._grid, None)
        else:
            return self._propose(number)
        if given is None:
            return None
        trial = self._trial(number, given, self._epochs)
        self._dictate(trial)
        return trial

    def _dictate(self, trial: Trial) -> Any:
        """Create a trial along the oracle's own path, but with a given point."""
        values = _encoded(self._space, trial.params)
        self._oracle.populate_space = lambda _: {"status": "RUNNING", "values": values}
        try:
            created = self._oracle.create_trial(str(trial.number))
        finally:
            del self._oracle.populate_space
        self._running[trial.number] = created
        self._asked = trial.number + 1
        return created

    def _propose(self, number: int) -> Trial | None:
        _reseed(self._oracle, search_seed(self._search.seed, number))
        with _expected_warnings():
            created = self._oracle.create_trial(str(number))
        if created.status != "RUNNING":
            return None
        values = created.hyperparameters.values
        params = point(self._space, _decoded(self._space, values))
        # A whole number on a log scale may come as high + 1, a real may be off by one rounding; the
        # oracle must remember what is trained, or a replay would differ.
        values.update(_encoded(self._space, params))
        self._running[number] = created
        self._asked = number + 1
        return self._trial(
            number,
            params,
            values.get("tuner/epochs", self._epochs),
            continues=self._parent(values),
        )

    def _parent(self, values: Mapping[str, Any]) -> tuple[int, int] | None:
        if "tuner/trial_id" not in values:
            return None
        number = int(values["tuner/trial_id"])
        # Early stopping may have ended it before the epoch that the oracle counts from.
        return number, min(values["tuner/initial_epoch"], self._completed_epochs[number])

    def _trial(
        self, number: int, params: Params, epochs: int, continues: tuple[int, int] | None = None
    ) -> Trial:
        return Trial(
            number=number,
            params=params,
            seed=trial_seed(self._search.seed, number),
            epochs=epochs,
            continues=continues,
            keeps_weights=epochs < self._epochs,
        )


def _grid(space: Space, start: list[Point]) -> Iterator[Point]:
    check_grid(space)
    return grid_without(space, start)


def _oracle(search: Search, space: Space, epochs: int) -> Any:
    settings: dict[str, Any] = {
        "objective": keras_tuner.Objective(OBJECTIVE, "min"),
        "hyperparameters": _hyperparameters(space),
        # 0 would mean random, and scikit-learn takes 32 bits.
        "seed": 1 + search.seed % 2**31,
        # The driver has a rule of its own for failures.
        "max_consecutive_failed_trials": search.trials + 1,
    }
    match search.sampler:
        case "bayesian":
            oracle = keras_tuner.oracles.BayesianOptimizationOracle(max_trials=None, **settings)
        case "hyperband":
            oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, **settings)
            # In a space smaller than its first round it would wait for ever for an untried point,
            # and promote nothing.
            oracle._duplicate = lambda values: False
        case _:
            oracle = keras_tuner.oracles.RandomSearchOracle(max_trials=None, **settings)
    oracle.verbose = 0
    # The journal is the memory: no file for each trial.
    oracle.save = _nothing
    oracle._save_trial = _nothing
    return oracle


def _nothing(*_: Any) -> None:
    return None


def _reseed(oracle: Any, seed: int) -> None:
    oracle._seed_state = seed
    if isinstance(oracle, keras_tuner.oracles.BayesianOptimizationOracle):
        oracle._random_state.seed(seed)


def _enter_bracket(oracle: Any, trial: Trial, trial_id: str) -> None:
    if trial.continues is None:
        # Only the newest bracket still draws points, and its first epochs are its alone.
        while oracle._current_bracket > 0 and (
            oracle._get_epochs(oracle._current_bracket, 0) < trial.epochs
        ):
            oracle._increment_bracket_num()
            oracle._start_new_bracket()
        oracle._brackets[-1]["rounds"][0].append({"past_id": None, "id": trial_id})
        return
    parent = oracle.start_order[trial.continues[0]]
    for bracket in oracle._brackets:
        for earlier, later in pairwise(bracket["rounds"]):
            if any(entry["id"] == parent for entry in earlier):
                later.append({"past_id": parent, "id": trial_id})
                return


def _hyperparameters(space: Space) -> Any:
    declared = keras_tuner.HyperParameters()
    for name, dimension in space.dimensions.items():
        conditions = _conditions(space, dimension)
        if conditions is not None:
            # Not `conditional_scope`: it cannot nest two parents that do not hang on each other.
            declared.merge([_hyperparameter(name, dimension, conditions)])
    return declared


def _conditions(space: Space, dimension: Dimension) -> list[Any] | None:
    """Translate `when`; None when no point can meet it."""
    conditions: list[Any] = []
    for parent, allowed in (dimension.when or {}).items():
        if parent in space.fixed:
            if space.fixed[parent] not in allowed:
                return None
            continue
        other = space.dimensions[parent]
        possible = other.values if other.values is not None else allowed
        met = [_encode(other, value) for value in possible if value in allowed]
        if not met:
            return None
        conditions.append(Parent(parent, met))
    return conditions


def _hyperparameter(name: str, dimension: Dimension, conditions: list[Any]) -> Any:
    match dimension:
        case Int(low=low, high=high, log=True) if low < high:
            return KtInt(name, low, high, sampling="log", conditions=conditions)
        case Int(low=low, high=high, step=step) if low < high:
            return KtInt(name, low, high, step=step, conditions=conditions)
        case Float(low=low, high=high, log=log, values=None):
            sampling = "log" if log else "linear"
            return KtFloat(name, low, high, sampling=sampling, conditions=conditions)
    return KtChoice(name, list(range(len(dimension.values or ()))), conditions=conditions)


def _by_index(dimension: Dimension) -> bool:
    """Whether the oracle hears positions: it knows no mixed types, and its steps are inexact."""
    ranged = isinstance(dimension, Int) and dimension.low < dimension.high
    return dimension.values is not None and not ranged


def _encode(dimension: Dimension, value: Value) -> Value:
    return (dimension.values or ()).index(value) if _by_index(dimension) else value


def _encoded(space: Space, params: Params) -> dict[str, Value]:
    return {
        name: _encode(space.dimensions[name], value)
        for name, value in space.searched(params).items()
    }


def _decoded(space: Space, values: Mapping[str, Any]) -> dict[str, Value]:
    decoded: dict[str, Value] = {}
    for name, dimension in space.dimensions.items():
        if name in values:
            value = values[name]
            decoded[name] = (dimension.values or ())[value] if _by_index(dimension) else value
    return decoded


@contextmanager
def _expected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # The Gaussian process says each time that its length scale met a bound.
        warnings.filterwarnings("ignore", module=r"sklearn\.gaussian_process")
        yield
