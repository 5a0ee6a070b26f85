from dataclasses import replace
from pathlib import Path

import pytest
from tests.training.cases import make_data, make_trainer, train

from sweepspot.training.arrays import Arrays
from sweepspot.training.compiled import CompiledTrainer
from sweepspot.training.gradients import Gradients
from sweepspot.training.probe import Probed, Twin, check
from sweepspot.training.reading import start_of
from sweepspot.training.refusals import Untraceable
from sweepspot.training.trace import Trace
from sweepspot.trial import State, Trial

pytestmark = [pytest.mark.tf, pytest.mark.slow]

PARAMS = {
    "layers": 2,
    "units": 9,
    "dropout": 0.5,
    "l1": 0.001,
    "l2": 0.001,
    "optimizer": "sgd",
    "momentum": 0.9,
    "weight_decay": 0.001,
}


def make_pair(trainer: CompiledTrainer) -> tuple[Trace, Twin]:
    network = trainer._read(Trial(number=0, params=PARAMS, seed=1, epochs=1))
    twin = Twin(network.model, network.structure)
    arrays = Arrays.of(trainer.data)
    shared = {"structure": network.structure, "point": network.point, "arrays": arrays}
    trace = Trace(
        gradients=Gradients(model=network.model, **shared),
        optimizer=type(network.model.optimizer).from_config(network.model.optimizer.get_config()),
        **shared,
    )
    trace.start(start_of(network, goes_on=False))
    return trace, twin


def test_the_twin_has_other_numbers_and_widths(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    network = trainer._read(Trial(number=0, params=PARAMS, seed=1, epochs=1))

    twin = Twin(network.model, network.structure)

    assert twin.point.rates == (0.0, 0.0)
    assert set(twin.point.optimizer) == {"learning_rate", "momentum", "weight_decay"}
    for name, number in twin.point.optimizer.items():
        assert number != network.point.optimizer[name]
    assert twin.point.l1 != network.point.l1
    assert twin.point.l2 != network.point.l2
    assert twin.model.layers[1].units == 5


def test_a_trace_that_does_what_keras_does_passes(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    trace, twin = make_pair(trainer)

    check(trace, twin, trainer.data, 32)


@pytest.mark.parametrize("name", ["momentum", "weight_decay", "learning_rate"])
def test_a_number_of_the_optimizer_that_is_baked_in_is_found(name: str, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    trace, twin = make_pair(trainer)
    setattr(twin.model.optimizer, name, 0.3)

    with pytest.raises(Untraceable, match="differs from Keras by"):
        check(trace, twin, trainer.data, 32)


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_a_penalty_that_is_baked_in_is_found(name: str, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    trace, twin = make_pair(trainer)
    setattr(twin.model.trainable_variables[0].regularizer, name, 0.0)

    with pytest.raises(Untraceable, match="differs from Keras by"):
        check(trace, twin, trainer.data, 32)


def test_what_one_process_has_found_another_need_not_look_for(tmp_path: Path) -> None:
    here, there, alone = Probed(tmp_path / "probed"), Probed(tmp_path / "probed"), Probed()

    here.add("dense, adam")

    assert "dense, adam" in here
    assert "dense, adam" in there
    assert "dense, sgd" not in there
    assert "dense, adam" not in alone


def test_a_trace_that_another_process_has_probed_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        replace(make_trainer(make_data(), tmp_path), probed=Probed(tmp_path / "probed"))
        for _ in range(2)
    )
    train(first, PARAMS)
    monkeypatch.setattr(Twin, "train", None)

    result = train(second, PARAMS)

    assert (result.state, result.trainer) == (State.COMPLETE, "compiled")
