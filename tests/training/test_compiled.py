from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests.training.cases import make_data, make_trainer, reference, train

from sweepspot.data import Task
from sweepspot.networks import ACTIVATIONS, OPTIMIZERS
from sweepspot.training.compiled import CompiledTrainer, batch_order
from sweepspot.training.evaluate import Evaluator
from sweepspot.training.weights import load_best
from sweepspot.trial import State, Trial

pytestmark = [pytest.mark.tf, pytest.mark.slow]

# float32 carries 6e-8 a rounding; 15 steps of a few hundred additions stay far below 1e-5.
CLOSE = 1e-5
# Batch normalization divides by a standard deviation, which magnifies what was rounded.
CLOSE_NORMED = 1e-4

SMALL = {"layers": 2, "units": 9, "learning_rate": 0.01}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_trains_as_keras_does_with_every_optimizer(optimizer: str, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    params = {**SMALL, "optimizer": optimizer, "momentum": 0.8, "weight_decay": 0.01, "l2": 0.003}

    result = train(trainer, params)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, params), rtol=CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_trains_as_keras_does_with_every_activation(activation: str, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    params = {**SMALL, "activation": activation, "l1": 0.001}

    result = train(trainer, params)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, params), rtol=CLOSE)


@pytest.mark.parametrize("task", list(Task))
def test_it_trains_as_keras_does_for_every_task(task: Task, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(task), tmp_path)

    result = train(trainer, SMALL)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, SMALL), rtol=CLOSE)


@pytest.mark.parametrize("batch_size", [1, 50, 64, 1000])
def test_every_batch_is_trained_on_the_partial_last_one_too(
    batch_size: int, tmp_path: Path
) -> None:
    trainer = make_trainer(make_data(), tmp_path, batch_size=batch_size)

    result = train(trainer, SMALL)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, SMALL), rtol=CLOSE)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_batch_normalization_trains_as_in_keras(optimizer: str, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    params = {**SMALL, "batch_norm": True, "optimizer": optimizer, "activation": "softplus"}

    result = train(trainer, params)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, params), rtol=CLOSE_NORMED)


def test_one_trace_serves_other_numbers(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    numbers = {"optimizer": "rmsprop", "momentum": 0.5, "weight_decay": 0.1, "l1": 0.1, "l2": 0.1}
    train(trainer, {**SMALL, **numbers, "dropout": 0.5})
    other = {
        **SMALL,
        "learning_rate": 0.003,
        "optimizer": "rmsprop",
        "momentum": 0.9,
        "weight_decay": 0.003,
        "l1": 0.0001,
        "l2": 0.002,
    }
    train(trainer, {**other, "l1": 0.3, "learning_rate": 0.1})
    traces = len(trainer.traces)

    result = train(trainer, other)

    assert len(trainer.traces) == traces
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, other), rtol=CLOSE)


def test_optimizers_in_turn_share_the_graph_of_the_gradient(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    fixed = {**SMALL, "dropout": 0.4, "l2": 0.01}
    points = [
        {**fixed, "optimizer": "adam"},
        {**fixed, "optimizer": "sgd", "units": 11},
        {**fixed, "optimizer": "rmsprop", "units": 23},
    ]
    alone = [train(make_trainer(make_data(), tmp_path), params) for params in points]
    for params in points:
        train(trainer, params)

    again = [train(trainer, params) for params in points]

    assert len(trainer.traces) == 3
    assert len({id(trace.gradients) for trace in trainer.traces.values()}) == 1
    assert [result.curve for result in again] == [result.curve for result in alone]


def test_one_trace_serves_other_batch_sizes(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    train(trainer, {**SMALL, "batch_size": 16})
    other = {**SMALL, "batch_size": 37}

    result = train(trainer, other)

    assert len(trainer.traces) == 1
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, other), rtol=CLOSE)


@pytest.mark.parametrize("normed", [False, True])
def test_one_trace_serves_other_widths(normed: bool, tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    fixed = {**SMALL, "batch_norm": normed, "activation": "sigmoid", "optimizer": "adagrad"}
    train(trainer, {**fixed, "units": 32, "l2": 0.1})
    other = {**fixed, "units_1": 5, "units_2": 17, "l2": 0.002}

    result = train(trainer, other)

    assert len(trainer.traces) == 1
    close = CLOSE_NORMED if normed else CLOSE
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, other), rtol=close)
    assert result.n_weights == 6 * 5 + 5 + 5 * 17 + 17 + 17 * 4 + 4 + 2 * (5 + 17) * normed


def test_a_convolutional_network_trains_as_in_keras(tmp_path: Path) -> None:
    whole = make_data(features=64)
    images = replace(
        whole,
        train=replace(whole.train, X=whole.train.X.reshape(-1, 8, 8)),
        cv=replace(whole.cv, X=whole.cv.X.reshape(-1, 8, 8)),
    )
    trainer = make_trainer(images, tmp_path, family="cnn")
    params = {"filters": 4, "units": 8, "l2": 0.001}

    result = train(trainer, params)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, params), rtol=CLOSE)


def test_a_trial_does_not_depend_on_the_trials_before_it(tmp_path: Path) -> None:
    params = {**SMALL, "dropout": 0.3, "batch_norm": True}
    fresh = train(make_trainer(make_data(), tmp_path), params)
    trainer = make_trainer(make_data(), tmp_path)
    train(trainer, {**params, "dropout": 0.6, "learning_rate": 0.1})

    again = train(trainer, params)

    assert again.curve == fresh.curve
    assert again.J_train == fresh.J_train


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_diverged_trial_fails_and_leaves_the_next_untouched(
    optimizer: str, tmp_path: Path
) -> None:
    params = {**SMALL, "optimizer": optimizer, "dropout": 0.2, "batch_norm": True, "l2": 0.01}
    params |= {} if optimizer == "adam" else {"momentum": 0.9}
    last = Trial(number=5, params=params, seed=7, epochs=3, keeps_weights=True)

    def go_on(number: int, epoch: int, J_cv: float) -> bool:
        return False

    (fresh,) = make_trainer(make_data(Task.REGRESSION), tmp_path / "a").train([last], go_on)
    trainer = make_trainer(make_data(Task.REGRESSION), tmp_path / "b")

    diverged = train(trainer, {**params, "learning_rate": 1e30})
    (next_one,) = trainer.train([last], go_on)

    assert diverged.state is State.FAILED
    assert "diverged in epoch 1" in str(diverged.reason)
    assert len(trainer.traces) == 1
    assert next_one.curve == fresh.curve
    np.testing.assert_array_equal(next_one.losses.train, fresh.losses.train)
    # The file holds the best weights, the last ones, and the state of the optimizer.
    assert next_one.weights == fresh.weights


def test_it_stops_early_and_keeps_the_best_weights(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(rows=40), tmp_path, patience=2)
    params = {**SMALL, "units": 64, "learning_rate": 0.1}

    result = train(trainer, params, epochs=60)

    J_cv = result.curve.J_cv
    assert len(J_cv) < 60
    assert result.best_epoch == len(J_cv) - 2 == int(np.argmin(J_cv)) + 1
    assert result.J_cv == pytest.approx(min(J_cv), rel=1e-6)


def test_it_prunes_where_it_is_told(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    trial = Trial(number=3, params=SMALL, seed=7, epochs=9)
    heard: list[tuple[int, int]] = []

    def report(number: int, epoch: int, J_cv: float) -> bool:
        heard.append((number, epoch))
        return epoch == 2

    (result,) = trainer.train([trial], report)

    assert heard == [(3, 1), (3, 2)]
    assert result.state is State.PRUNED
    assert result.epochs == 2
    assert result.J_cv is not None


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, "momentum"])
def test_a_promoted_trial_goes_on_where_its_parent_stopped(optimizer: str, tmp_path: Path) -> None:
    params = {**SMALL, "optimizer": optimizer, "batch_norm": True}
    if optimizer == "momentum":
        params = {**params, "optimizer": "sgd", "momentum": 0.9}
    whole = train(make_trainer(make_data(), tmp_path), params, epochs=4)
    parent = Trial(number=1, params=params, seed=7, epochs=2, keeps_weights=True)
    child = Trial(number=2, params=params, seed=7, epochs=4, continues=(1, 2))

    def go_on(number: int, epoch: int, J_cv: float) -> bool:
        return False

    list(make_trainer(make_data(), tmp_path).train([parent], go_on))
    (result,) = make_trainer(make_data(), tmp_path).train([child], go_on)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, whole.curve.J_cv[2:], rtol=1e-6)


def test_a_promoted_trial_without_its_parents_weights_is_trained_from_the_start(
    tmp_path: Path,
) -> None:
    child = Trial(number=2, params=SMALL, seed=7, epochs=4, continues=(1, 2))
    whole = train(make_trainer(make_data(), tmp_path), SMALL, epochs=4)

    (result,) = make_trainer(make_data(), tmp_path).train([child], lambda *epoch: False)

    assert (result.state, result.trial, result.epochs) == (State.COMPLETE, child, 4)
    assert result.trainer_reason.endswith("; the weights of #001 are gone: from the start")
    np.testing.assert_allclose(result.curve.J_cv, whole.curve.J_cv, rtol=1e-6)


def test_the_weights_of_a_champion_are_those_that_were_measured(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path)
    params = {**SMALL, "learning_rate": 0.3, "batch_norm": True}
    trial = Trial(number=4, params=params, seed=7, epochs=6, keeps_weights=True)
    train(trainer, {**params, "units": 23})

    (result,) = trainer.train([trial], lambda number, epoch, J_cv: False)

    model = trainer.build(params)
    load_best(tmp_path / "00004.npz", model)
    assert len(trainer.traces) == 1
    assert result.weights is not None
    assert Evaluator.of(model, trainer.data).J_cv() == pytest.approx(result.J_cv, rel=1e-6)


def test_an_error_in_build_is_a_failed_trial(tmp_path: Path) -> None:
    trainer = make_trainer(make_data(), tmp_path, family="cnn")

    result = train(trainer, {})

    assert result.state is State.FAILED
    assert "needs images" in str(result.reason)


def test_a_layer_of_the_users_own_is_trained_plainly(tmp_path: Path) -> None:
    class Doubled(keras.layers.Layer):
        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            return 2 * inputs

    def build(params: object) -> keras.Model:
        model = keras.Sequential([Doubled(name="doubled"), keras.layers.Dense(4)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    whole = make_trainer(make_data(), tmp_path)
    trainer = CompiledTrainer(
        data=whole.data, build=build, settings=whole.settings, weights=tmp_path
    )

    result = train(trainer, {})

    assert result.state is State.COMPLETE
    assert result.trainer == "plain"
    assert "layer doubled (Doubled) is not one of Keras" in result.trainer_reason


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.01, clipnorm=0.1),
        lambda: keras.optimizers.Adam(0.01, global_clipnorm=0.1),
        lambda: keras.optimizers.Lamb(0.01),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, clipvalue=0.05),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 12)),
    ],
    ids=["clipnorm", "global_clipnorm", "lamb", "nesterov", "schedule"],
)
def test_optimizers_of_the_users_own_choice_train_as_in_keras(optimizer, tmp_path: Path) -> None:
    def build(params: object) -> keras.Model:
        model = keras.Sequential(
            [
                keras.layers.Dense(9, "relu", kernel_regularizer="l2"),
                keras.layers.Dense(4, kernel_constraint=keras.constraints.MaxNorm(1.5)),
            ]
        )
        model.compile(optimizer(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    whole = make_trainer(make_data(), tmp_path)
    trainer = CompiledTrainer(
        data=whole.data, build=build, settings=whole.settings, weights=tmp_path
    )

    result = train(trainer, {})

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, {}), rtol=CLOSE)


def test_an_epoch_has_an_order_of_its_own_that_the_seed_repeats() -> None:
    first, second = batch_order(1, 0, 100), batch_order(1, 1, 100)

    assert sorted(first) == list(range(100))
    assert (first != second).any()
    assert (first == batch_order(1, 0, 100)).all()
