from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sweepspot.space import Choice, Float, Int, Space
from sweepspot.spec import Search
from sweepspot.trial import Curve, State, Trial, TrialResult

if TYPE_CHECKING:
    from sweepspot.engines.keras_tuner import KerasTunerEngine

pytestmark = pytest.mark.tf

SPACE = Space.of({"units": Int(1, 64, log=True), "rate": Float(0.0, 1.0)})
GRID = Space.of(
    {
        "kind": Choice("flat", "deep"),
        "rate": Float(0.0, 0.2, step=0.1),
        "depth": Int(1, 3, when={"kind": ("deep",)}),
        "wide": Choice(True, False, when={"depth": (2, 3)}),
    }
)


def _engine(sampler: str, space: Space = SPACE, **settings: Any) -> KerasTunerEngine:
    from sweepspot.engines.keras_tuner import KerasTunerEngine

    search = Search(engine="keras_tuner", sampler=sampler, **{"trials": 100, **settings})
    return KerasTunerEngine(search, space, epochs=9)


def _result(trial: Trial, *, epochs: int | None = None) -> TrialResult:
    """Lower for more units: the best of a log scale is its upper edge."""
    J_cv = 2.0 - trial.params["units"] / 64 + (trial.params["rate"] - 0.3) ** 2
    own = (epochs or trial.epochs) - trial.first_epoch
    curve = Curve(J_cv=(J_cv,) * own, J_train=(J_cv,) * own, first_epoch=trial.first_epoch)
    return TrialResult(trial=trial, state=State.COMPLETE, J_cv=J_cv, curve=curve)


def _drive(engine: KerasTunerEngine) -> list[TrialResult]:
    results = []
    while asked := engine.ask(1):
        results.append(_result(asked[0]))
        engine.tell(results[-1])
    return results


def _rounds(results: list[TrialResult]) -> Counter[tuple[int, int]]:
    return Counter((r.trial.first_epoch, r.trial.epochs) for r in results)


# Nine epochs and a factor of 3, by hand from Li et al. (2018) as Keras Tuner rounds it:
# brackets of 9, 5 and 3 points; the promotions of a round are a third of it, rounded up.
WHOLE_PASS = Counter({(0, 1): 9, (1, 3): 3, (3, 9): 1 + 2, (0, 3): 5, (0, 9): 3})


def test_hyperband_goes_through_its_brackets_and_stops() -> None:
    results = _drive(_engine("hyperband"))

    assert _rounds(results) == WHOLE_PASS


def test_hyperband_promotes_the_best_and_trains_it_on() -> None:
    results = _drive(_engine("hyperband"))

    promoted = [r for r in results if r.trial.continues]
    parents = {r.trial.continues[0]: r for r in promoted if r.trial.continues}
    assert all(results[n].trial.params == r.trial.params for n, r in parents.items())
    assert all(results[n].trial.epochs == r.trial.first_epoch for n, r in parents.items())
    best_first = sorted(results[:9], key=lambda r: r.J_cv or 0.0)
    assert {r.number for r in best_first[:3]} == {n for n in parents if n < 9}


def test_weights_are_kept_where_a_promotion_may_follow() -> None:
    results = _drive(_engine("hyperband"))

    assert all(r.trial.keeps_weights == (r.trial.epochs < 9) for r in results)


def test_a_promotion_counts_from_where_its_parent_really_stopped() -> None:
    engine = _engine("hyperband", seed=1)
    results = []
    while len(results) < 23 and (asked := engine.ask(1)):
        # Early stopping ends every trial of three epochs after two.
        results.append(_result(asked[0], epochs=2 if asked[0].epochs == 3 else None))
        engine.tell(results[-1])

    promoted = {r.trial.first_epoch for r in results if r.trial.continues and r.trial.epochs == 9}
    assert promoted == {2}


def test_hyperband_with_fewer_points_than_its_first_round_still_promotes() -> None:
    tiny = Space.of({"units": Int(1, 2), "rate": 0.3})

    assert _rounds(_drive(_engine("hyperband", tiny))) == WHOLE_PASS


def test_hyperband_waits_for_results_when_it_has_nothing_else_to_propose() -> None:
    engine = _engine("hyperband")
    first = engine.ask(100)

    assert len(first) == 9 + 5 + 3
    assert engine.ask(1) == []
    for trial in first:
        engine.tell(_result(trial))
    assert _rounds([*map(_result, first), *_drive(engine)]) == WHOLE_PASS


@pytest.mark.parametrize("k", range(0, 23, 3))
def test_hyperband_goes_on_after_an_interruption_in_any_round(k: int) -> None:
    whole = _drive(_engine("hyperband", start=({"units": 8},)))
    engine = _engine("hyperband", start=({"units": 8},))

    for result in whole[:k]:
        engine.replay(result.trial, result)
    engine.replay(whole[k].trial, None)
    engine.tell(whole[k])

    assert _drive(engine) == whole[k + 1 :]


def test_hyperband_whose_trials_fail_comes_to_an_end() -> None:
    engine = _engine("hyperband")
    count = 0
    while asked := engine.ask(1):
        count += 1
        engine.tell(TrialResult(trial=asked[0], state=State.FAILED))

    assert count == 9 + 5 + 3


@pytest.mark.slow
def test_the_gaussian_process_finds_the_edge_and_stays_inside() -> None:
    results = _drive(_engine("bayesian", trials=11))

    units = [r.trial.params["units"] for r in results]
    assert max(units) == 64
    assert units.count(64) > 2


@pytest.mark.slow
@pytest.mark.parametrize("k", [5, 8])
def test_the_gaussian_process_goes_on_after_an_interruption(k: int) -> None:
    search: dict[str, Any] = {"trials": 10, "start": ({"units": 3}, {"rate": 0.9})}
    whole = _drive(_engine("bayesian", **search))
    engine = _engine("bayesian", **search)

    for result in whole[:k]:
        engine.replay(result.trial, result)

    assert _drive(engine) == whole[k:]


@pytest.mark.slow
def test_the_gaussian_process_learns_from_start_points() -> None:
    with_start = _engine("bayesian", trials=8, start=({"units": 3, "rate": 0.9},))
    first = _drive(with_start)
    worse = _engine("bayesian", trials=8, start=({"units": 3, "rate": 0.9},))
    second = []
    while asked := worse.ask(1):
        result = _result(asked[0])
        if result.number == 0:
            result = replace(result, J_cv=-50.0)
        second.append(result)
        worse.tell(result)

    # Two dimensions: six random points, then the process speaks.
    assert [r.trial for r in second[:6]] == [r.trial for r in first[:6]]
    assert [r.trial for r in second[6:]] != [r.trial for r in first[6:]]


@pytest.mark.slow
def test_the_gaussian_process_can_be_asked_in_parallel() -> None:
    engine = _engine("bayesian", trials=10)
    for trial in engine.ask(6):
        engine.tell(_result(trial))

    trials = engine.ask(4)

    assert [trial.number for trial in trials] == [6, 7, 8, 9]


def test_a_grid_goes_in_the_order_of_keras_tuners_own() -> None:
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["flat", "deep"])
    hp.Float("rate", 0.0, 0.2, step=0.1)
    hp.Int("depth", 1, 3, parent_name="kind", parent_values=["deep"])
    with hp.conditional_scope("kind", ["deep"]), hp.conditional_scope("depth", [2, 3]):
        hp.Boolean("wide", default=True)
    oracle = keras_tuner.oracles.GridSearchOracle(objective="val_loss", hyperparameters=hp)
    oracle.verbose = 0
    oracle.save = oracle._save_trial = lambda *_: None
    theirs = []
    while (created := oracle.create_trial("one")).status == "RUNNING":
        theirs.append(dict(created.hyperparameters.values))
        oracle.update_trial(created.trial_id, {"val_loss": 1.0})
        created.status = "COMPLETED"
        oracle.end_trial(created)

    ours = [dict(trial.params) for trial in _engine("grid", GRID).ask(100)]

    assert len(ours) == GRID.size == 3 + 3 + 6 + 6
    assert ours == [pytest.approx(point) for point in theirs]


def test_no_file_is_written_and_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _engine("random")
    capfd.readouterr()
    monkeypatch.chdir(tmp_path)

    engine = _engine("random", trials=6)
    for trial in engine.ask(6):
        engine.tell(TrialResult(trial=trial, state=State.FAILED))

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
