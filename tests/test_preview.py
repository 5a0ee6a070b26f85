"""What a sweep is going to do, said before it does it."""

import numpy as np
import pytest

from sweepspot.datasets import load_dataset
from sweepspot.networks import n_weights
from sweepspot.preview import preview, run_name, shape_of
from sweepspot.report.curves import PICTURES
from sweepspot.spec import Data
from sweepspot.sweepfile import parse_spec

KEYS = {"name": "s", "data": {"source": "rows.npz"}, "space": {"units": {"int": [4, 32]}}}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.savez(folder / "rows.npz", X=rng.normal(size=(60, 3)), y=np.arange(60) % 4)
    return load_dataset(Data(source="rows.npz"), task=None, folder=folder)


def facts(dataset, **keys):
    return preview(parse_spec({**KEYS, **keys}), dataset).facts


def test_the_data_are_counted(dataset):
    found = facts(dataset)

    assert found["data"] == "rows.npz: 60 rows (36 train, 12 cv, 12 test), inputs 3"
    assert found["task"] == "multiclass, 4 classes"


def test_sizes_are_those_of_the_corners(dataset):
    space = {"layers": {"int": [0, 3]}, "units": {"choice": [8, 32, 16]}, "dropout": 0.1}

    found = facts(dataset, space=space)

    most = n_weights("mlp", {"layers": 3, "units": 32}, (3,), 4)
    # Without a hidden layer: 3 inputs to 4 outputs.
    assert found["model"] == f"mlp, 16 to {most:,} weights"


def test_a_users_network_has_no_known_size(dataset):
    assert facts(dataset, model="my.models:build")["model"] == "my.models:build"


@pytest.mark.parametrize(
    ("space", "text"),
    [
        ({"units": 8}, "units = 8"),
        ({"layers": {"int": [1, 3]}}, "layers [1, 3] (3 points)"),
        (
            {"l2": {"float": [1e-6, 1e-2], "log": True}, "optimizer": {"choice": ["adam", "sgd"]}},
            "l2 [1e-06, 0.01] log, optimizer adam | sgd",
        ),
    ],
)
def test_the_space_is_written_as_people_read_it(dataset, space, text):
    assert facts(dataset, space=space)["space"] == text


def test_a_users_network_may_have_nothing_to_search(dataset):
    assert facts(dataset, model="my.models:build", space={})["space"] == "nothing to search"


def test_the_search_says_what_is_out_of_the_ordinary(dataset):
    found = facts(
        dataset,
        search={"trials": 9, "pruner": "median", "start": [{"units": 4}], "timeout": "1m"},
    )

    assert found["search"] == (
        "9 trials, optuna tpe, median pruner, 1 given point first, no new trial after 60 s, seed 0"
    )


def test_given_points_are_ordinary_trials_of_keras_tuner(dataset):
    found = facts(dataset, search={"engine": "keras_tuner", "start": [{"units": 4}]})

    assert "1 given point first (as ordinary trials)" in found["search"]


def test_baselines_and_selection_are_stated(dataset):
    found = facts(
        dataset,
        baseline={"target_error": 0.02, "target_J": 0.5, "algorithm": "hist_gradient_boosting"},
        select={"finalists": 2, "repeats": 4},
        train={"early_stopping": None},
    )

    assert found["baselines"] == (
        "naive, frontier, target error 0.02, target J 0.5, hist_gradient_boosting"
    )
    assert found["selection"] == (
        "2 finalists x 4 fresh seeds, one_standard_error, not registered (8 trainings more)"
    )
    assert found["training"] == "30 epochs, batch 32; trainer: auto"


@pytest.mark.parametrize(
    ("trials", "finalists", "repeats"),
    [(6, 3, 2), (9, 3, 3), (15, 3, 5), (200, 3, 5), (2, 3, 2), (6, 1, 5), (6, 2, 3)],
)
def test_a_small_sweep_has_few_fresh_seeds(dataset, trials, finalists, repeats):
    found = facts(dataset, search={"trials": trials}, select={"finalists": finalists})

    assert found["selection"].startswith(f"{finalists} finalists x {repeats} fresh seeds")
    assert f"({finalists * repeats} trainings more)" in found["selection"]


def test_fresh_seeds_that_are_stated_are_trained(dataset):
    found = facts(dataset, search={"trials": 3}, select={"repeats": 1})

    assert found["selection"].startswith("3 finalists x 1 fresh seeds")


@pytest.mark.parametrize(("trials", "pictures"), [(5, 5), (PICTURES, 60), (1000, PICTURES)])
def test_a_large_sweep_has_fewer_pictures_than_trials(dataset, trials, pictures):
    found = facts(dataset, search={"trials": trials})

    assert found["tracking"].startswith(
        f"1 parent run, {trials} child runs with curves and verdicts, up to {pictures} with a "
    )


def test_notes_are_those_of_the_data(dataset):
    assert preview(parse_spec(KEYS), dataset).notes == dataset.notes


@pytest.mark.parametrize(
    ("model", "params", "name"),
    [
        ("mlp", {}, "#007 mlp 2x64"),
        ("cnn", {"blocks": 3}, "#007 cnn 3x16"),
        ("linear", {"learning_rate": 0.01}, "#007 linear lr 1e-2"),
        ("my.models:build", {"learning_rate": 0.000316}, "#007 build lr 3.2e-4"),
        ("mlp", {"learning_rate": 0}, "#007 mlp 2x64 lr 0"),
        # 0.00999 rounds up to a mantissa of ten.
        ("linear", {"learning_rate": 0.00999}, "#007 linear lr 1e-2"),
    ],
)
def test_a_run_is_named_by_its_shape(model, params, name):
    assert run_name(7, params, model) == name
    assert shape_of(params, model) in name
