"""From points to evidence: which value counts, and what the curves are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sweepspot.experiments.curves import history_of
from sweepspot.experiments.pairs import Pair
from sweepspot.experiments.records import Curve, LoggedPoint, LoggedRun

PAIR = Pair(train="loss", cv="val_loss")


def points(values: Sequence[float], steps: Sequence[int] | None = None, start: int = 0) -> Curve:
    steps = range(len(values)) if steps is None else steps
    return tuple(
        LoggedPoint(step=step, timestamp_ms=start + 10 * k, value=value)
        for k, (step, value) in enumerate(zip(steps, values, strict=True))
    )


def run(loss: float, val_loss: float, status: str = "FINISHED", **more: float) -> LoggedRun:
    metrics = {"loss": loss, "val_loss": val_loss, **more}
    return LoggedRun(id="1", name="a", status=status, metrics=metrics)


def test_the_latest_values_count_and_curves_are_in_order() -> None:
    train = points([0.1, 0.3, 0.2], steps=[2, 0, 1])

    history = history_of(run(0.1, 0.4), PAIR, train, points([0.6, 0.5, 0.4]))

    assert (history.J_train, history.J_cv) == (0.1, 0.4)
    assert history.train_curve == (0.3, 0.2, 0.1)
    assert history.cv_curve == (0.6, 0.5, 0.4)
    assert not history.clean


def test_values_without_steps_are_in_the_order_of_their_time() -> None:
    cv = points([0.6, 0.5, 0.4], steps=[0, 0, 0])

    assert history_of(run(0.1, 0.4), PAIR, points([0.1]), cv).cv_curve == (0.6, 0.5, 0.4)


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "KILLED", "SCHEDULED"])
def test_a_run_that_has_not_finished_is_not_assessed(status: str) -> None:
    history = history_of(run(0.1, 0.4, status), PAIR, (), ())

    assert history.obstacle == f"its state is {status}, not FINISHED"


def test_a_run_without_a_pair_carries_the_reason() -> None:
    assert history_of(run(0.1, 0.4), "no pair", (), ()).obstacle == "no pair"


def test_restored_weights_count_and_are_no_epoch_of_the_curve() -> None:
    # As MLflow's TensorFlow autologging writes it: the best epoch again, after the last.
    best = run(0.3, 0.4, stopped_epoch=2.0, restored_epoch=1.0)

    history = history_of(best, PAIR, points([0.5, 0.3, 0.2, 0.3]), points([0.6, 0.4, 0.5, 0.4]))

    assert (history.J_train, history.J_cv) == (0.3, 0.4)
    assert history.cv_curve == (0.6, 0.4, 0.5)


def test_a_train_loss_of_single_batches_is_averaged_since_the_last_validation() -> None:
    train = points([1.0, 0.8, 0.6, 0.4, 0.9, 0.1], steps=[1, 2, 3, 4, 5, 6])
    cv = points([0.7, 0.5, 0.4], steps=[2, 4, 6])

    history = history_of(run(0.1, 0.4), PAIR, train, cv)

    assert history.train_curve == pytest.approx((0.9, 0.5, 0.5))
    assert history.J_train == pytest.approx(0.5)


def test_batches_without_steps_are_averaged_by_their_time() -> None:
    train = points([1.0, 0.8, 0.6, 0.4], steps=[0, 0, 0, 0])
    cv = points([0.7, 0.5], steps=[0, 0], start=15)

    history = history_of(run(0.4, 0.5), PAIR, train, cv)

    assert history.train_curve == pytest.approx((0.9, 0.5))


def test_a_validation_without_a_batch_before_it_has_the_mean_of_the_one_before() -> None:
    train = points([1.0, 0.8, 0.6, 0.4, 0.2], steps=[1, 2, 3, 4, 9])
    cv = points([0.7, 0.6, 0.5], steps=[4, 6, 9])

    assert history_of(run(0.2, 0.5), PAIR, train, cv).train_curve == pytest.approx((0.7, 0.7, 0.2))


def test_only_the_latest_values_are_enough() -> None:
    history = history_of(run(0.1, 0.4), PAIR, (), ())

    assert (history.J_train, history.J_cv, history.cv_curve) == (0.1, 0.4, ())
