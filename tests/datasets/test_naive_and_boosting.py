import math

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from sweepspot.data import Split, Task, TrainingData
from sweepspot.datasets import baselines
from sweepspot.datasets.baselines import algorithm, naive


def training(task, train_y, cv_y, *, n_outputs=1, scale=1.0, X=None):
    splits = [
        Split(X=np.zeros((len(y), 2), np.float32) if X is None else X[: len(y)], y=y)
        for y in (train_y, cv_y)
    ]
    return TrainingData(
        train=splits[0],
        cv=splits[1],
        task=task,
        n_outputs=n_outputs,
        error_scale=scale,
        kept_train=np.array([0, 2]),
        kept_cv=np.array([1]),
    )


def test_the_mean_is_the_best_constant_for_numbers():
    y = np.array([-1, -1, 1, 1], np.float32)
    data = training(Task.REGRESSION, y, np.array([0, 3], np.float32), scale=10.0)

    found = naive(data)

    # The training mean is 0: squared errors 1 there, and 0 and 9 on cv; errors in target units.
    assert (found.J_train, found.J_cv) == (1.0, 4.5)
    assert (found.error_train, found.error_cv) == (10.0, 15.0)
    assert found.train_losses.tolist() == [1, 1]
    assert found.cv_losses.tolist() == [9]
    assert found.cv_errors.tolist() == [30]
    assert found.train_losses.dtype == np.float32


def test_frequencies_are_the_best_constant_for_classes():
    data = training(
        Task.MULTICLASS, np.array([0, 0, 1, 2], np.int32), np.array([0, 1], np.int32), n_outputs=3
    )

    found = naive(data)

    entropy = 0.5 * math.log(2) + 0.5 * math.log(4)
    assert found.J_train == pytest.approx(entropy)
    assert found.J_cv == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert (found.error_train, found.error_cv) == (0.5, 0.5)


def test_frequencies_are_the_best_constant_for_two_classes():
    data = training(Task.BINARY, np.array([0, 0, 0, 1], np.float32), np.array([1, 0], np.float32))

    found = naive(data)

    assert found.J_train == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert found.J_cv == pytest.approx(-0.5 * math.log(0.25) - 0.5 * math.log(0.75))
    assert found.error_train == 0.25


def test_labels_are_averaged():
    y = np.array([[0, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    data = training(Task.MULTILABEL, y, y[:2], n_outputs=2)

    found = naive(data)

    entropies = math.log(2), -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert found.J_train == pytest.approx(sum(entropies) / 2)
    # The second label is 0 in both cv rows; a frequency of one half says 0, and misses one row.
    assert found.error_cv == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("task", "n_outputs"),
    [
        (Task.REGRESSION, 1),
        (Task.NONNEGATIVE, 1),
        (Task.BINARY, 1),
        pytest.param(Task.MULTICLASS, 3, marks=pytest.mark.slow),
        pytest.param(Task.MULTILABEL, 3, marks=pytest.mark.slow),
    ],
)
def test_boosting_beats_the_constant_where_there_is_something_to_learn(task, n_outputs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)).astype(np.float32)
    y = {
        Task.REGRESSION: X[:, 0],
        Task.NONNEGATIVE: np.exp(X[:, 0]),
        Task.BINARY: (X[:, 0] > 0).astype(np.float32),
        Task.MULTICLASS: X.argmax(axis=1).astype(np.int32),
        Task.MULTILABEL: (X > 0).astype(np.float32),
    }[task]
    data = training(task, y, y[:150], n_outputs=n_outputs, X=X)

    found = algorithm(data, "hist_gradient_boosting", 0)

    assert found.J_train < 0.3 * naive(data).J_train
    assert found.error_cv < 0.5 * naive(data).error_cv
    assert np.isfinite(found.cv_losses).all()


def test_boosting_is_the_same_for_the_same_seed():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2, 2)).astype(np.float32)
    data = training(Task.REGRESSION, X[:, 0, 0], X[:50, 0, 0], X=X)

    first, again = (algorithm(data, "hist_gradient_boosting", 5) for _ in range(2))

    assert first.J_cv == again.J_cv


def openmp_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "openmp"}


class Recording(HistGradientBoostingRegressor):
    """Remembers how many threads OpenMP may use while it is fitted."""

    seen: set[int]

    def fit(self, X, y):
        type(self).seen = openmp_threads()
        return super().fit(X, y)


@pytest.mark.parametrize(("large", "expected"), [(10_000_000, {1}), (400, {2})])
def test_threads_are_for_large_data_and_leave_one_core(monkeypatch, large, expected):
    X = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    data = training(Task.REGRESSION, X[:, 0], X[:50, 0], X=X)
    monkeypatch.setattr(baselines, "LARGE", large)
    monkeypatch.setattr(baselines, "HistGradientBoostingRegressor", Recording)

    with threadpool_limits(3, user_api="openmp"):
        algorithm(data, "hist_gradient_boosting", 0)
        after = openmp_threads()

    assert expected == Recording.seen
    assert after == {3}


def test_boosting_with_one_thread_or_two_is_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    y = X @ rng.normal(size=4).astype(np.float32)
    data = training(Task.REGRESSION, y, y[:50], X=X)

    one = algorithm(data, "hist_gradient_boosting", 0)
    monkeypatch.setattr(baselines, "LARGE", 1)
    with threadpool_limits(3, user_api="openmp"):
        two = algorithm(data, "hist_gradient_boosting", 0)

    assert one.J_train == two.J_train
    assert one.J_cv == two.J_cv
    assert one.cv_losses.tolist() == two.cv_losses.tolist()


def test_a_label_that_is_never_set_costs_next_to_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype(np.float32)
    y = np.column_stack([X[:, 0] > 0, np.zeros(60)]).astype(np.float32)
    data = training(Task.MULTILABEL, y, y[:20], n_outputs=2, X=X)

    found = algorithm(data, "hist_gradient_boosting", 0)

    assert np.isfinite(found.J_cv)
