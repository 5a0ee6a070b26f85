import numpy as np
import pytest

from sweepspot.advice import optimism
from sweepspot.errors import SpecError

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
