import numpy as np
import pytest

from sweepspot.diagnosis.sampling import intervals


@pytest.mark.parametrize("n_draws", [1, 2, 3, 100, 101, 400])
@pytest.mark.parametrize("quantiles", [(0.025, 0.975), (0.05, 0.95), (0.25, 0.5), (0.0, 1.0)])
def test_the_ends_are_quantiles_to_the_last_bit(n_draws, quantiles):
    draws = np.random.default_rng(n_draws).normal(size=(7, n_draws))
    draws[1] = 0.1
    before = draws.copy()

    found = intervals(np.arange(7.0), draws, quantiles)

    low, high = np.quantile(draws, quantiles, axis=-1)
    assert [i.value for i in found] == list(range(7))
    assert [i.low for i in found] == low.tolist()
    assert [i.high for i in found] == high.tolist()
    assert np.array_equal(draws, before)


def test_a_draw_that_is_not_a_number_leaves_no_interval():
    draws = np.array([[1.0, np.nan, 2.0], [1.0, 3.0, 2.0]])

    bad, good = intervals(np.zeros(2), draws, (0.0, 1.0))

    assert np.isnan([bad.low, bad.high]).all()
    assert (good.low, good.high) == (1.0, 3.0)
