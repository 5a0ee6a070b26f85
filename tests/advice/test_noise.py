from dataclasses import replace

import numpy as np
import pytest
from planting import result

from sweepspot.advice.noise import pooled_deviation, seed_noise
from sweepspot.diagnosis import Status
from sweepspot.trial import State


def repeated(sd, *, seed=0, points=3, repeats=5):
    rng = np.random.default_rng(seed)
    return {
        (n, k): result(n, {}, 1.0 + n + sd * float(rng.standard_normal()), repeat=k)
        for n in range(points)
        for k in range(1, repeats + 1)
    }


def test_the_deviation_is_pooled_around_each_points_own_mean(planted):
    facts = replace(planted(lambda u: u["units"]), repeats=repeated(0.01))

    found = seed_noise(facts)

    # Twelve degrees of freedom: a standard error of 1 / sqrt(24), a fifth, of the deviation.
    assert found.numbers["sd"] == pytest.approx(0.01, rel=0.6)
    assert found.numbers["degrees"] == 12
    assert found.numbers["sd_low"] < found.numbers["sd"] < found.numbers["sd_high"]


@pytest.mark.parametrize(("sd", "status"), [(0.5, Status.PRESENT), (1e-6, Status.ABSENT)])
def test_noise_is_present_when_it_covers_the_best_few(planted, sd, status):
    facts = replace(planted(lambda u: u["units"]), repeats=repeated(sd))

    assert seed_noise(facts).status is status


def test_repeats_that_failed_or_stand_alone_say_nothing(planted):
    repeats = {key: r for key, r in repeated(0.01, points=2).items() if key[1] == 1}
    repeats[0, 2] = replace(repeats[0, 1], state=State.FAILED)
    repeats[0, 3] = replace(repeats[0, 1], J_cv=float("nan"))

    found = seed_noise(replace(planted(lambda u: u["units"]), repeats=repeats))

    assert (found.status, found.because) == (
        Status.UNKNOWN,
        "no point was trained on two fresh seeds",
    )


def test_without_trials_to_compare_the_noise_is_still_told(planted):
    facts = replace(planted(lambda u: 1.0, n=1), repeats=repeated(0.01))

    found = seed_noise(facts)

    assert found.status is Status.UNKNOWN
    assert found.numbers["degrees"] == 12


def test_the_interval_covers_as_often_as_it_says():
    # Of 2,000 intervals at 90 % the share that covers has a standard error of .7 points.
    rng = np.random.default_rng(3)
    draws = rng.standard_normal((2000, 3, 5))

    covered = [
        one[0].low <= 1.0 <= one[0].high
        for groups in draws.tolist()
        if (one := pooled_deviation(groups)) is not None
    ]

    assert np.mean(covered) == pytest.approx(0.9, abs=0.025)
