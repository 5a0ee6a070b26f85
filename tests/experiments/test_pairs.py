"""Which two metrics are the train and the validation loss."""

from __future__ import annotations

import pytest

from sweepspot.errors import SpecError
from sweepspot.experiments.pairs import Pair, find_pair, metric_names, stated_pair
from sweepspot.experiments.records import LoggedRun


def run(*metrics: str, **tags: str) -> LoggedRun:
    return LoggedRun(
        id="1",
        name="a",
        status="FINISHED",
        metrics=dict.fromkeys(metrics, 0.5),
        tags={f"sweepspot.{name}": value for name, value in tags.items()},
    )


@pytest.mark.parametrize(
    ("metrics", "train", "cv"),
    [
        ("loss val_loss accuracy val_accuracy", "loss", "val_loss"),
        # MLflow's Keras callback logs each validation twice.
        ("loss val_loss validation_loss validation_accuracy", "loss", "val_loss"),
        ("train_loss val_loss", "train_loss", "val_loss"),
        ("train_loss train_loss_step train_loss_epoch val_loss", "train_loss_epoch", "val_loss"),
        ("train_loss_step train_loss_epoch val_loss_epoch val_loss", "train_loss_epoch", None),
        ("training_loss validation_loss", "training_loss", "validation_loss"),
        ("train/loss val/loss", "train/loss", "val/loss"),
        ("Train Loss Val Loss".replace(" L", "-L"), "Train-Loss", "Val-Loss"),
        # Of Transformers `train_loss` is the mean over the whole training.
        ("loss eval_loss train_loss train_runtime", "loss", "eval_loss"),
    ],
)
def test_pairs_of_the_usual_tools_are_found(metrics: str, train: str, cv: str | None) -> None:
    pair = find_pair(run(*metrics.split()), None)

    assert isinstance(pair, Pair)
    assert pair.train == train
    assert cv is None or pair.cv == cv
    assert not pair.clean


def test_trials_of_our_own_sweeps_have_clean_numbers() -> None:
    pair = find_pair(run("J_train", "J_cv", "loss", "val_loss", kind="trial"), None)

    assert pair == Pair(train="J_train", cv="J_cv", clean=True)


def test_our_names_in_a_run_of_others_are_not_taken_for_clean() -> None:
    assert isinstance(find_pair(run("J_train", "J_cv"), None), str)


@pytest.mark.parametrize("metrics", ["loss accuracy", "val_loss", "loss validation_loss", "auc"])
def test_without_a_pair_the_metrics_that_there_are_are_named(metrics: str) -> None:
    reason = find_pair(run(*metrics.split()), None)

    assert isinstance(reason, str)
    assert all(name in reason for name in metrics.split())


def test_a_run_without_metrics_is_said_to_have_none() -> None:
    assert str(find_pair(run(), None)).endswith("there is no metric")


@pytest.mark.parametrize(
    "metrics",
    [
        "loss val_loss train_loss valid_loss",
        "train/loss val/loss val_loss",
        "train_loss val_loss eval_loss",
    ],
)
def test_two_pairs_are_said_and_not_chosen_from(metrics: str) -> None:
    reason = find_pair(run(*metrics.split()), None)

    assert isinstance(reason, str)
    assert reason.startswith("more than one pair: (")
    assert "--train-metric" in reason


def test_the_stated_pair_is_the_only_one() -> None:
    stated = stated_pair("a", "b", [run("a", "b", "loss", "val_loss")])

    assert find_pair(run("a", "b", "loss", "val_loss"), stated) == Pair(train="a", cv="b")
    assert "no b; there is a, loss" in str(find_pair(run("a", "loss"), stated))
    assert stated_pair(None, None, []) is None


def test_a_stated_metric_that_no_run_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError) as caught:
        stated_pair("tain", "vall", [run("train", "val"), run("val")])

    assert caught.value.problems == (
        "--train-metric: must be a metric of the experiment, got 'tain'; there is val, train",
        "--cv-metric: must be a metric of the experiment, got 'vall'; there is val, train",
    )


@pytest.mark.parametrize(("train", "cv"), [("loss", None), (None, "val_loss")])
def test_half_a_pair_is_refused(train: str | None, cv: str | None) -> None:
    with pytest.raises(SpecError, match="got one of the two; name both"):
        stated_pair(train, cv, [run("loss", "val_loss")])


@pytest.mark.parametrize("name", ["accuracy", "val_acc", "Test/AUC", "f1_score", "r2"])
def test_a_metric_in_which_higher_is_better_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="must be a loss, where lower is better"):
        stated_pair("loss", name, [run("loss", name)])


def test_many_metrics_are_cut() -> None:
    names = [f"m{i:02d}" for i in range(40)]

    assert str(find_pair(run(*names), None)).endswith("m11 and 28 more")
    assert metric_names([run("b", "a"), run("b")]) == ["b", "a"]
