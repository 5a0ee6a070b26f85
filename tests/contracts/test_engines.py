"""The contract of every engine: one suite over each (engine, sampler, pruner), and no training.

The objective is closed: a quadratic of the point, approached as 1 / epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import cycle, islice, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweepspot.engines import make_engine
from sweepspot.errors import SpecError
from sweepspot.protocols import Engine
from sweepspot.space import Choice, Dimension, Float, Int, Params, Space, Value
from sweepspot.spec import SAMPLERS, Search
from sweepspot.trial import Curve, State, Trial, TrialResult, trial_seed

EPOCHS = 9
TRIALS = 14

PRUNERS = ("none", "median", "percentile", "successive_halving", "hyperband")
OPTUNA = [
    pytest.param(("optuna", sampler, pruner), id=f"optuna-{sampler}-{pruner}")
    for sampler, pruner in product(SAMPLERS["optuna"], PRUNERS)
]
KERAS_TUNER = [
    pytest.param(
        ("keras_tuner", sampler, "none"), id=f"keras_tuner-{sampler}", marks=pytest.mark.tf
    )
    for sampler in SAMPLERS["keras_tuner"]
]

REAL = Space.of(
    {
        "layers": Int(1, 3),
        "units": Int(16, 256, log=True),
        "heads": Int(1, 10, step=4),
        "learning_rate": Float(1e-4, 1e-1, log=True),
        "dropout": Float(0.0, 0.5, step=0.1),
        "optimizer": Choice("adam", "rmsprop", "sgd"),
        "batch_norm": Choice(True, False),
        "width": Choice(1, 1.5, 2),
        "units_2": Int(16, 64, when={"layers": (2, 3)}),
        "rate_2": Float(0.0, 0.5, when={"units_2": tuple(range(16, 41)), "batch_norm": (True,)}),
        "momentum": Float(
            0.5, 0.9, when={"optimizer": ("sgd", "rmsprop"), "activation": ("relu",)}
        ),
        "never": Float(0.0, 1.0, when={"activation": ("tanh",)}),
        "impossible": Int(1, 2, when={"layers": (9,)}),
        "single": Float(0.25, 0.25),
        "activation": "relu",
    }
)
FINITE = Space.of(
    {
        "layers": Int(1, 3),
        "units": Int(16, 64, step=16, log=False),
        "dropout": Float(0.0, 0.2, step=0.1),
        "optimizer": Choice("adam", "sgd"),
        "units_2": Int(1, 2, when={"layers": (3,)}),
        "activation": "relu",
    }
)

Outcome = Callable[[Trial], State]


@dataclass(frozen=True, kw_only=True)
class Setting:
    engine: str
    sampler: str
    pruner: str
    seed: int = 0
    trials: int = TRIALS
    start: tuple[dict[str, Value], ...] = ()
    own_space: Space | None = field(default=None, repr=False)

    @property
    def space(self) -> Space:
        return self.own_space or (FINITE if self.sampler == "grid" else REAL)

    def build(self) -> Engine:
        search = Search.model_validate(
            {
                "engine": self.engine,
                "sampler": self.sampler,
                "pruner": self.pruner,
                "seed": self.seed,
                "trials": self.trials,
                "start": self.start,
            }
        )
        return make_engine(search, self.space, epochs=EPOCHS, study_name="sweep")


@pytest.fixture(params=[*OPTUNA, *KERAS_TUNER])
def setting(request: pytest.FixtureRequest) -> Setting:
    engine, sampler, pruner = request.param
    return Setting(engine=engine, sampler=sampler, pruner=pruner)


def _complete(trial: Trial) -> State:
    return State.COMPLETE


def _badness(params: Params) -> float:
    return sum(
        (float(value) - 0.3) ** 2 if isinstance(value, float) else len(str(value)) / 10
        for value in params.values()
    )


def _curve(trial: Trial, epochs: int) -> Curve:
    values = tuple(_badness(trial.params) + 1 / e for e in range(trial.first_epoch + 1, epochs + 1))
    return Curve(J_train=values, J_cv=values, first_epoch=trial.first_epoch)


def _train(engine: Engine, trial: Trial, outcome: Outcome = _complete) -> TrialResult:
    for epoch, J_cv in zip(*_steps(trial), strict=True):
        if engine.report(trial.number, epoch, J_cv):
            curve = _curve(trial, epoch)
            return TrialResult(
                trial=trial, state=State.PRUNED, reason="pruned", J_cv=J_cv, curve=curve
            )
    curve = _curve(trial, trial.epochs)
    if outcome(trial) is State.FAILED:
        return TrialResult(trial=trial, state=State.FAILED, reason="out of memory", curve=curve)
    return TrialResult(trial=trial, state=outcome(trial), J_cv=curve.J_cv[-1], curve=curve)


def _steps(trial: Trial) -> tuple[range, tuple[float, ...]]:
    curve = _curve(trial, trial.epochs)
    return curve.steps, curve.J_cv


def _drive(engine: Engine, outcome: Outcome = _complete, most: int = 1000) -> list[TrialResult]:
    results: list[TrialResult] = []
    while len(results) < most and (asked := engine.ask(1)):
        results.append(_train(engine, asked[0], outcome))
        engine.tell(results[-1])
    return results


def _trials(results: Iterable[TrialResult]) -> list[Trial]:
    return [result.trial for result in results]


def _key(params: Params) -> tuple[tuple[str, Value], ...]:
    return tuple(params.items())


def test_a_point_is_whole_plain_and_in_its_space(setting: Setting) -> None:
    trials = _trials(_drive(setting.build()))

    for trial in trials:
        assert setting.space.problems(trial.params) == []
        assert {type(value) for value in trial.params.values()} <= {bool, int, float, str}
        assert list(trial.params) == [
            *setting.space.fixed,
            *(name for name in setting.space.dimensions if name in trial.params),
        ]


def test_a_trial_carries_its_number_seed_and_fidelity(setting: Setting) -> None:
    trials = _trials(_drive(setting.build()))

    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert [trial.seed for trial in trials] == [trial_seed(0, n) for n in range(TRIALS)]
    if setting.sampler != "hyperband":
        assert {(t.epochs, t.continues, t.keeps_weights) for t in trials} == {(EPOCHS, None, False)}


def test_the_same_seed_gives_the_same_trials(setting: Setting) -> None:
    first = _drive(setting.build())
    second = _drive(setting.build())

    assert second == first


def test_another_seed_gives_other_trials(setting: Setting) -> None:
    if (setting.engine, setting.sampler) == ("keras_tuner", "grid"):
        pytest.skip("goes through the grid in the order of the file")
    first = _drive(setting.build())
    second = _drive(replace(setting, seed=1).build())

    assert [t.params for t in _trials(second)] != [t.params for t in _trials(first)]


def test_failed_and_pruned_trials_do_not_end_a_sweep(setting: Setting) -> None:
    def outcome(trial: Trial) -> State:
        if trial.number < 4:
            return State.FAILED
        return (State.COMPLETE, State.PRUNED, State.FAILED)[trial.number % 3]

    results = _drive(setting.build(), outcome)

    assert len(results) == TRIALS


def test_a_result_without_a_number_does_not_end_a_sweep(setting: Setting) -> None:
    engine = setting.build()
    for J_cv in islice(cycle((math.nan, math.inf, None)), TRIALS):
        [trial] = engine.ask(1)
        engine.report(trial.number, 1, math.nan)
        engine.tell(TrialResult(trial=trial, state=State.COMPLETE, J_cv=J_cv))

    assert engine.ask(1) == []


def test_diverged_epochs_are_heard_without_complaint(setting: Setting) -> None:
    engine = setting.build()
    _drive(engine, most=8)
    [trial] = engine.ask(1)

    answers = [engine.report(trial.number, epoch, math.nan) for epoch in (1, 2, 3, 3)]

    assert set(answers) <= {True, False}


@pytest.mark.parametrize("in_flight", [False, True], ids=["between", "in flight"])
def test_an_interrupted_sweep_equals_an_uninterrupted_one(
    setting: Setting, in_flight: bool
) -> None:
    setting = replace(setting, start=({"layers": 2},), trials=TRIALS + 4)

    def outcome(trial: Trial) -> State:
        return State.FAILED if trial.number % 5 == 3 else State.COMPLETE

    whole = _drive(setting.build(), outcome)
    for k in (0, 7, 12, 16):
        engine = setting.build()
        for result in whole[:k]:
            engine.replay(result.trial, result)
        rest: list[TrialResult] = []
        if in_flight:
            engine.replay(whole[k].trial, None)
            rest.append(_train(engine, whole[k].trial, outcome))
            engine.tell(rest[-1])
        rest += _drive(engine, outcome, most=3)

        assert rest == whole[k : k + len(rest)]
        assert len(rest) >= min(3, len(whole) - k)


def test_numbers_have_no_gap_when_asked_in_parallel(setting: Setting) -> None:
    engine = setting.build()
    seen: list[int] = []
    flying: list[Trial] = []
    while asked := engine.ask(4 - len(flying)):
        flying += asked
        seen += [trial.number for trial in asked]
        # The one asked last ends first.
        engine.tell(_train(engine, flying.pop()))
    for trial in flying:
        engine.tell(_train(engine, trial))

    assert seen == list(range(len(seen)))
    assert len(seen) <= TRIALS
    assert setting.sampler == "hyperband" or len(seen) == TRIALS


def test_a_parallel_sweep_can_be_replayed_with_trials_in_flight(setting: Setting) -> None:
    engine = setting.build()
    told: dict[int, TrialResult] = {}
    flying = engine.ask(4)
    asked = list(flying)
    while len(told) < 6:
        result = _train(engine, flying.pop())
        engine.tell(result)
        told[result.number] = result
        more = engine.ask(1)
        flying += more
        asked += more

    again = setting.build()
    for trial in asked:
        again.replay(trial, told.get(trial.number))
    for trial in flying:
        again.tell(_train(again, trial))
    rest = _drive(again)

    numbers = [trial.number for trial in asked] + [result.number for result in rest]
    assert numbers == list(range(len(numbers)))
    if setting.sampler == "grid":
        points = [t.params for t in asked] + [t.params for t in _trials(rest)]
        assert len({_key(p) for p in points}) == len(points)


def test_it_never_proposes_more_than_the_trials_asked_for(setting: Setting) -> None:
    engine = setting.build()

    first = engine.ask(TRIALS + 5)
    for trial in first:
        engine.tell(_train(engine, trial))
    rest = _drive(engine)

    assert len(first) + len(rest) == TRIALS
    assert engine.ask(1) == []
    assert engine.ask(0) == []


def test_start_points_come_first_and_are_completed(setting: Setting) -> None:
    start = (
        {"layers": 3, "optimizer": "sgd", "units_2": 2 if setting.sampler == "grid" else 17},
        {"dropout": 0.1},
    )

    trials = _trials(_drive(replace(setting, start=start).build()))

    assert len(trials) == TRIALS
    for trial, given_values in zip(trials, start, strict=False):
        assert given_values.items() <= trial.params.items()
        assert setting.space.problems(trial.params) == []
        assert (trial.epochs, trial.continues) == (EPOCHS, None)


def _engines(sampler: str) -> list[object]:
    return [
        Setting(engine="optuna", sampler=sampler, pruner="none"),
        pytest.param(
            Setting(engine="keras_tuner", sampler=sampler, pruner="none"), marks=pytest.mark.tf
        ),
    ]


GRIDS = pytest.mark.parametrize("setting", _engines("grid"), ids=["optuna", "keras_tuner"])
RANDOMS = pytest.mark.parametrize("setting", _engines("random"), ids=["optuna", "keras_tuner"])


@GRIDS
@pytest.mark.parametrize("start", [(), ({"layers": 3},), ({"layers": 1}, {"units": 32})])
def test_a_grid_visits_each_point_once_and_stops(
    setting: Setting, start: tuple[dict[str, Value], ...]
) -> None:
    engine = replace(setting, trials=1000, start=start).build()

    results = _drive(engine, lambda t: State.FAILED if t.number % 4 == 0 else State.COMPLETE)

    visited = [_key(trial.params) for trial in _trials(results)]
    assert sorted(visited) == sorted(_key(point) for point in FINITE.grid())
    assert engine.ask(3) == []


@GRIDS
def test_a_grid_asked_all_at_once_visits_each_point_once(setting: Setting) -> None:
    trials = replace(setting, trials=1000).build().ask(1000)

    assert len({_key(trial.params) for trial in trials}) == len(trials) == FINITE.size


@GRIDS
def test_a_grid_over_a_range_of_reals_is_refused(setting: Setting) -> None:
    endless = replace(setting, own_space=Space.of({"a": Int(1, 2), "b": Float(0.0, 1.0)}))

    with pytest.raises(SpecError, match=r"space.b: grid needs a step, got a range of reals"):
        endless.build()


@GRIDS
@pytest.mark.parametrize("conditional", [False, True])
def test_a_grid_too_large_to_list_is_refused(setting: Setting, conditional: bool) -> None:
    entries: dict[str, Dimension] = {"a": Int(1, 2000), "b": Int(1, 2000)}
    if conditional:
        entries["c"] = Int(1, 2, when={"a": (1,)})

    with pytest.raises(SpecError, match=r"search.sampler: a grid may have 1,000,000 points"):
        replace(setting, own_space=Space.of(entries)).build()


@RANDOMS
def test_start_points_beyond_the_trials_are_left_out(setting: Setting) -> None:
    start = ({"layers": 1}, {"layers": 2}, {"layers": 3})

    trials = _trials(_drive(replace(setting, start=start, trials=2).build()))

    assert [trial.params["layers"] for trial in trials] == [1, 2]


@RANDOMS
def test_a_child_given_without_its_parent_gets_a_parent_that_allows_it(setting: Setting) -> None:
    start = ({"units_2": 20},) * 8

    engine = replace(setting, start=start).build()

    assert all("units_2" in trial.params for trial in engine.ask(8))


@RANDOMS
@pytest.mark.parametrize(
    ("start", "problem"),
    [
        ({"layers": 9}, r"search.start\[1\].layers: must be in \[1, 3\], got 9"),
        ({"layer": 1}, r"search.start\[1\].layer: not in the space; remove it"),
        ({"layers": 1, "units_2": 2}, r"search.start\[1\].units_2: does not exist"),
        ({"activation": "tanh"}, r"search.start\[1\].activation: fixed at 'relu'"),
    ],
)
def test_a_start_point_outside_the_space_is_refused(
    setting: Setting, start: dict[str, Value], problem: str
) -> None:
    impossible = replace(setting, start=({"layers": 1}, start))

    with pytest.raises(SpecError, match=problem):
        impossible.build()


@RANDOMS
def test_a_space_with_nothing_to_search_gives_trials(setting: Setting) -> None:
    fixed = replace(setting, own_space=Space.of({"layers": 2, "single": Int(3, 3)}))

    trials = _trials(_drive(fixed.build()))

    assert {_key(trial.params) for trial in trials} == {(("layers", 2), ("single", 3))}


_EDGE = st.integers(-1000, 1000)


@st.composite
def _dimensions(draw: st.DrawFn) -> Dimension:
    low = draw(_EDGE)
    width = draw(st.integers(0, 1000))
    match draw(st.sampled_from(["int", "stepped", "log int", "float", "log float", "choice"])):
        case "int":
            return Int(low, low + width, step=draw(st.integers(1, 7)))
        case "stepped":
            return Float(low / 10, (low + width) / 10, step=draw(st.sampled_from([0.1, 0.3, 7.0])))
        case "log int":
            return Int(abs(low) + 1, abs(low) + 1 + width, log=True)
        case "float":
            return Float(low / 7, (low + width) / 7)
        case "log float":
            return Float((abs(low) + 1) / 7, (abs(low) + 1 + width) / 7, log=True)
    return Choice(*draw(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)))


@pytest.mark.parametrize(
    ("engine", "sampler"),
    [
        ("optuna", "tpe"),
        ("optuna", "random"),
        ("optuna", "qmc"),
        pytest.param("keras_tuner", "random", marks=pytest.mark.tf),
        pytest.param("keras_tuner", "hyperband", marks=pytest.mark.tf),
    ],
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dimensions=st.lists(_dimensions(), min_size=1, max_size=4), seed=st.integers(0, 2**40))
def test_points_stay_in_any_space(
    engine: str, sampler: str, dimensions: list[Dimension], seed: int
) -> None:
    space = Space.of({f"d{k}": dimension for k, dimension in enumerate(dimensions)})
    setting = Setting(
        engine=engine, sampler=sampler, pruner="none", own_space=space, seed=seed, trials=14
    )

    trials = _trials(_drive(setting.build()))

    assert trials
    assert [problem for trial in trials for problem in space.problems(trial.params)] == []
