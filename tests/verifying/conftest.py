"""What the tests of verifications share: a trial as it ended, and losses with a planted mean."""

import numpy as np
import pytest

from sweepspot.trial import State, Trial, TrialResult


@pytest.fixture
def ended():
    """Return a maker of results."""

    def make(number=0, *, params=None, state=State.COMPLETE, J_cv=0.5, epochs=30, **fields):
        trial = Trial(number=number, params=params or {"units": 8}, seed=number, epochs=epochs)
        return TrialResult(trial=trial, state=state, J_cv=J_cv, **fields)

    return make


@pytest.fixture
def planted_losses():
    """Return a maker of `(seeds, examples)` losses of a mean, on examples of shared difficulty."""

    def make(mean, *, seeds=5, examples=200, noise=0.02, seed=0):
        hard = np.random.default_rng(0).exponential(size=examples)
        rng = np.random.default_rng([seed, round(1000 * mean)])
        spread = 1 + noise * rng.normal(size=(seeds, 1)) + noise * rng.normal(size=(1, examples))
        return mean * hard * spread

    return make
