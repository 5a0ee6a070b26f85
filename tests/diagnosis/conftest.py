"""Planted sweeps: per-example losses whose bias and variance are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sweepspot.diagnosis import Evidence

N_TRAIN, N_CV = 400, 300
J_NAIVE = 1.0

Planted = Callable[..., dict[str, Evidence]]


def losses(rng: np.random.Generator, n: int, mean: float) -> np.ndarray:
    """Return `n` losses of exactly this mean, hard and easy examples among them."""
    drawn = rng.exponential(size=n)
    return drawn * (mean / drawn.mean())


@pytest.fixture
def planted() -> Planted:
    """Return a maker of sweeps: twelve runs near J_train .2, J_cv .3, and the runs asked for."""

    def make(
        *, good: int = 12, n_cv: int = N_CV, train: float = 0.2, cv: float = 0.3, **asked: tuple
    ) -> dict[str, Evidence]:
        rng = np.random.default_rng(7)
        hard_train, hard_cv = losses(rng, N_TRAIN, 1.0), losses(rng, n_cv, 1.0)
        means = {f"good{i}": (train, cv) for i in range(good)} | asked
        return {
            name: Evidence(
                train_losses=J_train * hard_train * _jitter(rng, N_TRAIN),
                cv_losses=J_cv * hard_cv * _jitter(rng, n_cv),
            )
            for name, (J_train, J_cv) in means.items()
        }

    return make


def _jitter(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(0.9, 1.1, size=n)
