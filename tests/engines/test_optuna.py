from __future__ import annotations

import math

import optuna
import pytest

from sweepspot.engines.optuna import OptunaEngine
from sweepspot.engines.points import search_seed
from sweepspot.space import Float, Int, Space
from sweepspot.spec import Pruner, Search
from sweepspot.trial import Curve, State, Trial, TrialResult

SPACE = Space.of({"b": Float(0.0, 1.0), "a": Float(1e-3, 1.0, log=True), "c": Int(1, 9)})


def _engine(search: Search, space: Space = SPACE, study_name: str = "sweep") -> OptunaEngine:
    return OptunaEngine(search, space, epochs=27, study_name=study_name)


def _tell(engine: OptunaEngine, trial: Trial, J_cv: float) -> None:
    engine.tell(TrialResult(trial=trial, state=State.COMPLETE, J_cv=J_cv))


def _loss(b: float, a: float, c: int) -> float:
    return (b - 0.3) ** 2 + (math.log10(a) + 1) ** 2 + c / 100


def test_tpe_proposes_what_stock_tpe_with_the_same_seeds_proposes() -> None:
    engine = _engine(Search(sampler="tpe", trials=25, seed=7))
    study = optuna.create_study()
    stock = []
    for number in range(25):
        study.sampler = optuna.samplers.TPESampler(seed=search_seed(7, number))
        asked = study.ask()
        b = asked.suggest_float("b", 0.0, 1.0)
        a = asked.suggest_float("a", 1e-3, 1.0, log=True)
        c = asked.suggest_int("c", 1, 9)
        stock.append({"b": b, "a": a, "c": c})
        study.tell(asked, _loss(b, a, c))

    ours = []
    for _ in range(25):
        [trial] = engine.ask(1)
        ours.append(trial.params)
        _tell(engine, trial, _loss(**trial.params))

    assert ours == stock


def test_a_sobol_sequence_puts_one_point_in_each_slice() -> None:
    # 2**m points of a scrambled Sobol sequence fall one into each of 2**m equal slices of an axis.
    engine = _engine(Search(sampler="qmc", trials=16))

    trials = engine.ask(16)

    assert sorted(int(trial.params["b"] * 16) for trial in trials) == list(range(16))
    assert sorted(int((math.log10(t.params["a"]) / 3 + 1) * 16) for t in trials) == list(range(16))


def test_a_failed_trial_does_not_repeat_a_point_of_the_sequence() -> None:
    engine = _engine(Search(sampler="qmc", trials=8))
    points = []
    for _ in range(8):
        [trial] = engine.ask(1)
        points.append(trial.params["b"])
        engine.tell(TrialResult(trial=trial, state=State.FAILED))

    assert len(set(points)) == 8


def _prunings(pruner: Pruner, *, study_name: str = "sweep", trials: int = 30) -> list[int]:
    """Return after how many epochs each trial was pruned, 0 when it was not."""
    engine = _engine(Search(sampler="random", pruner=pruner, trials=trials), study_name=study_name)
    stopped = []
    for _ in range(trials):
        [trial] = engine.ask(1)
        J_cv = _loss(**trial.params)
        epoch = next((e for e in range(1, 28) if engine.report(trial.number, e, J_cv)), 0)
        stopped.append(epoch)
        state = State.PRUNED if epoch else State.COMPLETE
        engine.tell(TrialResult(trial=trial, state=state, J_cv=J_cv))
    return stopped


@pytest.mark.parametrize("pruner", ["median", "percentile", "successive_halving", "hyperband"])
def test_a_pruner_prunes_some_trials_and_not_others(pruner: Pruner) -> None:
    stopped = _prunings(pruner)

    assert 0 < sum(epoch > 0 for epoch in stopped) < len(stopped)


def test_without_a_pruner_no_trial_is_pruned() -> None:
    assert not any(_prunings("none"))


def test_halving_prunes_at_its_rungs() -> None:
    assert set(_prunings("successive_halving")) <= {0, 1, 4, 16}


def test_the_name_of_the_sweep_sets_the_brackets() -> None:
    assert _prunings("hyperband") == _prunings("hyperband")
    assert _prunings("hyperband") != _prunings("hyperband", study_name="other")


@pytest.mark.parametrize("pruner", ["none", "median", "successive_halving"])
def test_a_replayed_trial_in_flight_can_be_trained_from_its_first_epoch(pruner: Pruner) -> None:
    search = Search(sampler="random", pruner=pruner, trials=3)
    [first, second] = _engine(search).ask(2)
    engine = _engine(search)
    curve = Curve(J_cv=(0.5, 0.4), J_train=(0.5, 0.4))
    engine.replay(first, TrialResult(trial=first, state=State.COMPLETE, J_cv=0.4, curve=curve))

    engine.replay(second, None)
    answers = [engine.report(second.number, epoch, 0.1) for epoch in (1, 2)]
    _tell(engine, second, 0.1)

    assert answers == [False, False]
    assert [trial.number for trial in engine.ask(5)] == [2]


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()

    engine = _engine(Search(sampler="tpe", pruner="median", trials=12))
    for trial in engine.ask(12):
        engine.report(trial.number, 1, math.nan)
        engine.tell(TrialResult(trial=trial, state=State.COMPLETE, J_cv=math.nan))

    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before
