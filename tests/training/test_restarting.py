from dataclasses import replace
from pathlib import Path

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.training.cases import make_data, make_trainer, train

from sweepspot.families import Outline, Tell
from sweepspot.families.mlp import outline
from sweepspot.networks import OPTIMIZERS
from sweepspot.space import Params
from sweepspot.training.compiled import CompiledTrainer
from sweepspot.training.reading import start_of
from sweepspot.training.restarting import restart, same
from sweepspot.training.seeds import start_afresh
from sweepspot.training.structure import read_point
from sweepspot.trial import State, Trial

pytestmark = [pytest.mark.tf, pytest.mark.slow]

zero_or = lambda low, high: st.one_of(st.just(0.0), st.floats(low, high))  # noqa: E731
POINTS = st.fixed_dictionaries(
    {
        "layers": st.integers(0, 3),
        "units": st.integers(1, 40),
        "units_2": st.integers(1, 40),
        "activation": st.sampled_from(["relu", "tanh", "selu"]),
        "optimizer": st.sampled_from(OPTIMIZERS),
        "learning_rate": st.floats(1e-5, 1.0),
        "dropout": zero_or(0.01, 0.9),
        "batch_norm": st.booleans(),
        "l1": zero_or(1e-6, 0.1),
        "l2": zero_or(1e-6, 0.1),
        "momentum": zero_or(0.1, 0.99),
        "weight_decay": zero_or(1e-6, 0.1),
    }
)


def told(params: Params) -> Outline:
    found = outline(params)
    assert found is not None
    return found


def with_outlines(folder: Path, tell: Tell = outline) -> CompiledTrainer:
    return replace(make_trainer(make_data(), folder), outline=tell)


@given(params=POINTS, template=POINTS, seed=st.integers(0, 2**31 - 1))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_network_that_is_not_built_starts_as_if_it_were(
    params: Params, template: Params, seed: int, tmp_path: Path
) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    start_afresh(seed)
    built = trainer._read(Trial(number=0, params=params, seed=seed, epochs=1))
    # A point of the same key, with numbers and widths of its own.
    kept = {name: params[name] for name in ("layers", "activation", "optimizer", "batch_norm")}
    numbers = ("dropout", "l1", "l2", "momentum", "weight_decay")
    moved = {name: params[name] and (template[name] or params[name]) for name in numbers}
    other = trainer.build({**template, **kept, **moved})

    start_afresh(seed)
    start = restart(other, told(params), built.batch_size)

    assert same(start, start_of(built, goes_on=False))


@given(first=POINTS, second=POINTS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_points_of_one_key_share_a_trace(first: Params, second: Params, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    fixed = ("layers", "activation", "optimizer", "batch_norm")
    second = {**second, **{name: first[name] for name in fixed}}

    keys = {
        trainer._read(Trial(number=0, params=params, seed=1, epochs=1)).structure.key
        for params in (first, second)
    }

    if told(first).key == told(second).key:
        assert len(keys) == 1


def test_a_trial_is_the_same_whether_its_network_was_built_or_not(tmp_path: Path) -> None:
    fixed = {"layers": 2, "dropout": 0.3, "l2": 0.01, "batch_norm": True}
    first, second = {**fixed, "units": 8}, {**fixed, "units": 13, "learning_rate": 0.02}
    built: list[Params] = []
    trainer = with_outlines(tmp_path)

    def build(params: Params) -> keras.Model:
        built.append(params)
        return whole.build(params)

    whole = make_trainer(make_data(), tmp_path)
    trainer = replace(trainer, build=build)
    alone = train(whole, second)
    train(trainer, first)

    again = train(trainer, second)

    assert built == [first]
    assert again.curve == alone.curve
    assert (again.J_train, again.J_cv) == (alone.J_train, alone.J_cv)
    assert again.n_weights == alone.n_weights


def test_an_outline_that_is_wrong_is_not_believed(tmp_path: Path) -> None:
    def too_strong(params: Params) -> Outline:
        right = told(params)
        return replace(right, l2=2 * right.l2)

    params = {"layers": 1, "units": 8, "l2": 0.01}
    trainer = with_outlines(tmp_path, too_strong)
    expected = train(make_trainer(make_data(), tmp_path), params)
    train(trainer, params)

    result = train(trainer, params)

    assert list(trainer.outlined.values()) == [None]
    assert result.curve == expected.curve


def test_a_network_whose_weights_are_kept_is_built(tmp_path: Path) -> None:
    trainer = with_outlines(tmp_path)
    params = {"layers": 1, "units": 8}
    train(trainer, params)
    trial = Trial(number=1, params=params, seed=7, epochs=2, keeps_weights=True)

    (result,) = trainer.train([trial], lambda number, epoch, J_cv: False)

    assert result.weights is not None
    assert read_point(trainer.build(params)).optimizer
    assert (tmp_path / "00001.npz").exists()


def test_a_point_that_keras_refuses_is_built_and_refused(tmp_path: Path) -> None:
    trainer = with_outlines(tmp_path)
    train(trainer, {"layers": 1, "units": 8})

    result = train(trainer, {"layers": 1, "units": -3})

    assert result.state is State.FAILED
    assert str(result.reason).startswith("ValueError")
