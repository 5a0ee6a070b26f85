import weakref

import numpy as np
import pytest
from planting import result

from sweepspot.advice import optimism, sweep_optimism
from sweepspot.errors import SpecError
from sweepspot.trial import Losses

T, N, SD = 100, 400, 0.5


def expected_maximum(n, rng):
    """Return the mean of the greatest of n standard normals, to about 1 %."""
    return float(rng.standard_normal((5000, n)).max(axis=1).mean())


def test_equal_trials_flatter_by_the_expected_greatest_of_their_errors():
    rng = np.random.default_rng(0)
    truth = expected_maximum(T, rng) * SD / np.sqrt(N)

    found = [optimism(rng.normal(1, SD, (T, N)), seed=k).value for k in range(30)]

    # One estimate has a standard deviation of 20 % of the truth, the mean of 30 of 4 %.
    assert np.mean(found) == pytest.approx(truth, rel=0.12)


def test_a_clear_winner_does_not_flatter():
    rng = np.random.default_rng(1)
    losses = rng.normal(2, SD, (T, N))
    losses[7] -= 1.0

    found = optimism(losses)

    # The winner's mean has a standard error of SD / 20; its optimism is none of it.
    assert abs(found.value) < 0.2 * SD / np.sqrt(N)
    assert found.low < 0 < found.high


def test_the_interval_covers_what_the_winner_really_loses():
    rng = np.random.default_rng(2)
    covered = []
    for k in range(100):
        means = 1 + 0.01 * rng.standard_normal(T)
        hard = SD * rng.standard_normal(N)
        losses = means[:, None] + hard + 0.2 * rng.standard_normal((T, N))
        best = losses.mean(axis=1).argmin()
        found = optimism(losses, seed=k)
        covered.append(found.low <= means[best] - losses[best].mean() <= found.high)

    # Of 100 at 90 % the count has a standard deviation of 3.
    assert np.mean(covered) >= 0.8


@pytest.mark.parametrize(("n_rows", "sigma"), [(60, 1.0), (60, 1.5), (360, 1.5)])
def test_the_interval_covers_where_a_few_rows_are_bad(n_rows, sigma):
    rng = np.random.default_rng(7)
    covered = []
    for k in range(200):
        hard = np.sqrt(0.7) * rng.standard_normal(n_rows)
        normal = hard + np.sqrt(0.3) * rng.standard_normal((40, n_rows))
        means = np.exp(0.05 * rng.standard_normal(40))
        losses = means[:, None] * np.exp(sigma * normal - sigma**2 / 2)
        best = losses.mean(axis=1).argmin()
        found = optimism(losses, seed=k)
        covered.append(found.low <= means[best] - losses[best].mean() <= found.high)

    # Of 200 at 90 % the share has a standard deviation of 2 %.
    assert np.mean(covered) >= 0.86


def test_trials_in_several_blocks_are_one_sweep():
    losses = np.random.default_rng(6).normal(1, SD, (150, 100))

    found, reversed_ = optimism(losses), optimism(losses[::-1])

    # The product in float32 gives 7 digits.
    assert found.value == pytest.approx(reversed_.value, rel=1e-4)
    assert (found.low, found.high) == pytest.approx((reversed_.low, reversed_.high), rel=1e-4)


def test_losses_that_are_all_equal_flatter_by_nothing():
    found = optimism(np.ones((5, 30)))

    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_two_values_in_equal_shares_are_as_well_known_as_normal_ones():
    # Their kurtosis is 1, the least there is.
    losses = np.tile([0.0, 1.0], (3, 20))

    found = optimism(losses)

    assert found.low < found.value < found.high < 0.5


def losses_of(cv):
    none = np.ones(3, np.float32)
    return Losses(train=none, cv=cv, train_errors=none, cv_errors=none)


class Store:
    """Hands out losses as a journal does, and knows which were read and how many live."""

    def __init__(self, results):
        self.read, self.alive, self.most = [], 0, 0
        self.results = results

    def __call__(self, one):
        number = one.trial.number
        cv = one.J_cv + np.random.default_rng(number).normal(0, 0.1, 40).astype(np.float32)
        self.read.append(number)
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(cv, self._free)
        return losses_of(cv)

    def _free(self):
        self.alive -= 1


def test_of_many_trials_the_best_thousand_are_read_some_at_a_time():
    results = {k: result(k, {}, 1.0 + (k * 7 % 1500) / 1500) for k in range(1500)}
    store = Store(results)

    found = sweep_optimism(results, store)

    best = sorted(results, key=lambda k: results[k].J_cv)[:1000]
    assert sorted(store.read) == sorted(best)
    assert store.most < 200
    assert (found.n_trials, found.n_rows) == (1500, 40)


def test_a_sweep_of_one_trial_or_few_rows_has_no_optimism():
    results = {k: result(k, {}, 1.0) for k in range(3)}
    few = losses_of(np.ones(10, np.float32))

    assert sweep_optimism({0: results[0]}, Store(results)) is None
    assert sweep_optimism(results, lambda _: few) is None
    assert sweep_optimism(results, lambda _: None) is None
    assert sweep_optimism({}, Store(results)) is None


def test_a_trial_without_losses_is_not_counted():
    results = {k: result(k, {}, 1.0) for k in range(5)} | {5: result(5, {}, None)}
    store = Store(results)

    found = sweep_optimism(results, lambda r: None if r.trial.number == 2 else store(r))

    assert found.n_trials == 4


def test_a_constant_that_all_losses_share_changes_nothing():
    losses = np.random.default_rng(3).normal(1, SD, (70, 200))

    plain, shifted = optimism(losses), optimism(losses + 1e4)

    assert shifted.value == pytest.approx(plain.value, abs=1e-6)


def test_a_diverged_trial_is_never_the_best():
    losses = np.random.default_rng(4).normal(1, SD, (10, 200))
    with_diverged = np.vstack([losses, np.full(200, -np.inf), np.full(200, np.nan)])

    assert optimism(with_diverged) == optimism(losses)


@pytest.mark.parametrize(
    ("losses", "problem"),
    [
        (np.ones((3, 10)), "at least 20 rows"),
        (np.ones(30), "at least 20 rows"),
        (np.full((3, 30), np.nan), "a trial of finite losses"),
        (np.ones((0, 30)), "a trial of finite losses"),
    ],
)
def test_what_cannot_be_used_is_refused(losses, problem):
    with pytest.raises(SpecError, match=problem):
        optimism(losses)


@pytest.mark.slow
def test_a_thousand_trials_of_ten_thousand_rows_take_seconds():
    losses = np.random.default_rng(5).normal(1, SD, (1000, 10_000)).astype(np.float32)

    found = optimism(losses, draws=200)

    # The greatest of 1,000 normals is 3.24 standard errors up.
    assert found.value == pytest.approx(3.24 * SD / 100, rel=0.3)
