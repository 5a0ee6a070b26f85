"""What MLflow's own autologging of Keras writes is read and labelled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sweepspot.experiments import ExperimentStore, assess_experiment
from sweepspot.experiments.curves import history_of
from sweepspot.experiments.pairs import Pair, find_pair

pytestmark = [
    pytest.mark.tf,
    pytest.mark.slow,
    # Autologging loads much that warns of itself.
    pytest.mark.filterwarnings("ignore"),
]

PAIR = Pair(train="loss", cv="val_loss")


@pytest.fixture
def fluent(uri: str) -> Iterator[str]:
    """Autologging only knows MLflow's ambient store and experiment."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("autologged")
    yield uri
    mlflow.autolog(disable=True, silent=True)
    mlflow.keras.autolog(disable=True, silent=True)
    mlflow.tensorflow.autolog(disable=True, silent=True)
    # Not to what it was: a default that is set by hand is one for every later store, too.
    mlflow.set_tracking_uri(None)


def fit(units: int, *, l2: float = 0.0, epochs: int = 12, callbacks: tuple = (), lr: float = 0.01):
    """Train a small network to tell a disc from what is around it, as a notebook would."""
    import keras

    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)).astype("float32")
    y = ((X**2).sum(axis=1) > 1.4).astype("float32")
    keras.utils.set_random_seed(units)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(units, "relu", kernel_regularizer=keras.regularizers.L2(l2)),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(lr), "binary_crossentropy", metrics=["accuracy"])
    return model.fit(
        X[:300],
        y[:300],
        validation_data=(X[300:], y[300:]),
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
    )


@pytest.mark.parametrize("flavour", ["keras", "tensorflow"])
def test_autologged_runs_are_one_group_with_the_history_that_keras_saw(
    fluent: str, flavour: str
) -> None:
    import mlflow

    getattr(mlflow, flavour).autolog(log_models=False, silent=True)
    seen = [fit(units).history for units in (2, 8, 32)]

    store = ExperimentStore(fluent)
    [group] = assess_experiment(store, "autologged").groups

    assert group.pair == PAIR
    assert group.by.startswith("data eval ")
    found = {round(row.J_cv or 0, 6): row for row in group.runs}
    assert set(found) == {round(history["val_loss"][-1], 6) for history in seen}
    for history in seen:
        row = found[round(history["val_loss"][-1], 6)]
        curves = store.curves([(row.run.id, "loss"), (row.run.id, "val_loss")])
        read = history_of(row.run, PAIR, *curves.values())
        assert read.train_curve == pytest.approx(history["loss"])
        assert read.cv_curve == pytest.approx(history["val_loss"])


def test_a_network_that_cannot_fit_is_found_among_those_that_can(fluent: str) -> None:
    import mlflow

    mlflow.keras.autolog(log_models=False, silent=True)
    for units in (24, 32, 48):
        fit(units, epochs=40, lr=0.03)
    fit(1, epochs=40, lr=0.03)

    [group] = assess_experiment(ExperimentStore(fluent), "autologged", J_naive=0.693).groups

    worst = group.runs[-1]
    assert str(worst.verdict.label) == "high_bias"
    assert {str(row.verdict.label) for row in group.runs[:3]} <= {"inconclusive", "good_fit"}


def test_the_restored_epoch_counts_where_autologging_says_it(fluent: str) -> None:
    import keras
    import mlflow

    mlflow.tensorflow.autolog(log_models=False, silent=True)
    stopper = keras.callbacks.EarlyStopping(
        patience=2, restore_best_weights=True, min_delta=10.0, start_from_epoch=1
    )
    history = fit(8, callbacks=(stopper,)).history

    store = ExperimentStore(fluent)
    [run] = store.runs("autologged")
    curves = store.curves([(run.id, "loss"), (run.id, "val_loss")])
    read = history_of(run, PAIR, *curves.values())

    assert find_pair(run, None) == PAIR
    restored = int(run.metrics["restored_epoch"])
    assert restored < len(history["val_loss"]) - 1
    assert read.J_cv == pytest.approx(history["val_loss"][restored])
    assert read.cv_curve == pytest.approx(history["val_loss"])
