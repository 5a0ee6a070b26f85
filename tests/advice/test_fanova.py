import numpy as np
import optuna
import pytest

from sweepspot.advice.fanova import main_effects

TREES = 8


def by_optuna(dimensions, values, seed):
    """Return the importances by Optuna, in the order of the dimensions."""
    kinds = {
        f"{k:02d}": optuna.distributions.CategoricalDistribution(range(d.shape[1]))
        if d.shape[1] > 1
        else optuna.distributions.FloatDistribution(0.0, 1.0)
        for k, d in enumerate(dimensions)
    }
    study = optuna.create_study()
    for row, value in enumerate(values):
        params = {
            name: int(d[row].argmax()) if d.shape[1] > 1 else float(d[row, 0])
            for (name, d) in zip(kinds, dimensions, strict=True)
        }
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=kinds, value=float(value))
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=seed)
    found = evaluator.evaluate(study, list(kinds))
    return [found[name] for name in kinds]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_shares_are_those_of_optuna(seed):
    rng = np.random.default_rng(seed)
    n = 30 + 20 * seed
    option = rng.integers(0, 3, n)
    two = rng.integers(0, 2, n)
    few_values = rng.integers(1, 4, n)[:, None] / 3 - 1 / 6
    dimensions = [rng.random((n, 1)), np.eye(3)[option], few_values, np.eye(2)[two]]
    values = (dimensions[0][:, 0] - 0.4) ** 2 + 0.1 * option * few_values[:, 0]

    shares = main_effects(dimensions, values, trees=TREES, seed=seed)

    # Both add some hundred products of float64, so they may differ by some hundred roundings.
    np.testing.assert_allclose(shares, by_optuna(dimensions, values, seed), rtol=1e-10, atol=1e-14)


def test_what_decides_everything_has_the_whole_share():
    rng = np.random.default_rng(0)
    decides, other = rng.random((40, 1)), rng.random((40, 1))

    shares = main_effects([other, decides], np.sign(decides[:, 0] - 0.5), trees=TREES, seed=0)

    # Every tree is one split of this dimension; its share is 1 but for rounding.
    assert shares.tolist() == pytest.approx([0.0, 1.0], abs=1e-12)
    assert shares[0] == 0.0


def test_two_equal_additive_effects_share_the_variance():
    grid = (np.arange(32) + 0.5) / 32
    a, b = (one.reshape(-1, 1) for one in np.meshgrid(grid, grid))
    values = (a > 0.5).astype(float) + (b > 0.5)

    shares = main_effects([a, b], values[:, 0], trees=TREES, seed=0)

    # Each half has variance 1/4 of a total of 1/2; a tree splits at 0.5 to half a step of the
    # grid, 1/64, which moves a share by as much.
    assert shares.tolist() == pytest.approx([0.5, 0.5], abs=2 / 64)


def test_where_nothing_is_to_be_explained_no_dimension_has_a_share():
    rng = np.random.default_rng(0)

    shares = main_effects([rng.random((30, 1))] * 2, np.ones(30), trees=TREES, seed=0)

    assert shares.tolist() == [0.0, 0.0]
