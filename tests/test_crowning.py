"""Gates and the comparison with the reigning champion, on losses whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweepspot.crowning.bootstrap import MOST_GROUPS, bounds
from sweepspot.crowning.gates import Baselines, gates_of
from sweepspot.crowning.rivalry import DRAWS, decided, rival
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import Losses

N_CV = 400


def spec_of(**parts):
    return parse_spec(
        {
            "name": "made",
            "data": {"source": "sklearn:iris"},
            "space": {"units": {"int": [4, 32]}},
            **parts,
        }
    )


def losses_of(J, error=0.1, seed=0):
    rng = np.random.default_rng(seed)
    cv = rng.exponential(J, N_CV).astype(np.float32)
    errors = (np.arange(N_CV) < round(error * N_CV)).astype(np.float32)
    return Losses(train=cv, cv=cv, train_errors=errors, cv_errors=errors)


def asked(spec, losses, naive=1.0, algorithm=None):
    rows = np.full(N_CV, naive)
    competing = None
    if algorithm is not None:
        competing = SimpleNamespace(name="rival", cv_losses=lambda: np.full(N_CV, algorithm))
    found = gates_of(spec, losses, Baselines(naive=rows, algorithm=competing))
    return {gate.name: (gate.reached, gate.stops) for gate in found}


def test_a_model_that_beats_naive_passes():
    assert asked(spec_of(), losses_of(0.2)) == {"naive": ("yes", False)}


@pytest.mark.parametrize(("J", "reached"), [(1.0, "unclear"), (2.0, "no")])
def test_naive_must_be_shown_to_be_beaten(J, reached):
    assert asked(spec_of(), losses_of(J, seed=4))["naive"] == (reached, True)


def test_a_target_stops_only_what_is_shown_to_miss_it():
    spec = spec_of(baseline={"target_error": 0.05})

    # Of 400 rows, the 90 % interval of an error of .05 is about +-.018.
    assert asked(spec, losses_of(0.2, error=0.15))["target_error"] == ("no", True)
    assert asked(spec, losses_of(0.2, error=0.055))["target_error"] == ("unclear", False)
    assert asked(spec, losses_of(0.2, error=0.01))["target_error"] == ("yes", False)


def test_a_target_of_no_error_is_reached_by_no_error():
    spec = spec_of(baseline={"target_error": 0.0})

    assert asked(spec, losses_of(0.2, error=0.0))["target_error"] == ("yes", False)


def test_a_gate_that_is_not_asked_for_stops_nothing():
    spec = spec_of(baseline={"target_J": 0.01}, select={"gates": []})

    assert asked(spec, losses_of(0.2))["target_J"] == ("no", False)


def test_the_algorithm_stops_only_when_it_is_a_gate():
    competing = {"algorithm": "hist_gradient_boosting"}
    told = spec_of(baseline=competing)
    stopping = spec_of(baseline=competing, select={"gates": ["algorithm"]})

    assert asked(told, losses_of(0.2), algorithm=0.01)["rival"] == ("no", False)
    assert asked(stopping, losses_of(0.2), algorithm=0.01)["rival"] == ("no", True)
    assert asked(stopping, losses_of(0.2), algorithm=0.5)["rival"] == ("yes", False)


def compared(challenger, champion, **changed):
    settings = {
        "reigning": "made/1",
        "openings": 1,
        "margin": 0.0,
        "cheaper": None,
        "same_test": True,
        "seed": 0,
    }
    return rival(np.asarray(challenger), np.asarray(champion), **{**settings, **changed})


def test_bounds_are_those_of_the_normal_distribution():
    differences = np.random.default_rng(1).normal(size=900)
    differences -= differences.mean()

    low, high = bounds(differences, 0.95, seed=0, draws=DRAWS)

    # 10,000 draws give the 95 % quantile of a normal to 2.1 % of its standard deviation.
    expected = stats.norm.ppf(0.95) * differences.std() / 30
    assert high == pytest.approx(expected, rel=0.06)
    assert low == pytest.approx(-expected, rel=0.06)


def test_many_rows_are_drawn_in_groups_to_the_same_bounds():
    differences = np.random.default_rng(2).normal(size=25 * MOST_GROUPS + 7)

    low, high = bounds(differences, 0.95, seed=0, draws=DRAWS)

    error = differences.std() / np.sqrt(len(differences))
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.95) * error, rel=0.08)
    # At most 2,000 rows of 50,007 are left out, which moves the mean by far less than its error.
    assert (high + low) / 2 == pytest.approx(differences.mean(), abs=0.3 * error)


def test_a_better_challenger_is_promoted_and_a_worse_one_is_not():
    rows = np.random.default_rng(3).exponential(size=300)

    assert compared(0.8 * rows, rows).promotes
    assert not compared(1.2 * rows, rows).promotes
    assert not compared(rows, rows).promotes


def test_equal_models_change_places_as_rarely_as_stated():
    promoted = 0
    for k in range(60):
        rng = np.random.default_rng(k)
        hard = rng.exponential(size=200)
        noise = rng.normal(scale=0.2, size=(2, 200))
        promoted += compared(hard + noise[0], hard + noise[1], seed=k).promotes

    # 5 % of 60 is 3 with a standard deviation of 1.7; four of those.
    assert promoted <= 10


def test_each_opening_asks_for_more():
    rng = np.random.default_rng(5)
    rows = rng.exponential(size=300)
    better = rows - 0.02 + rng.normal(scale=0.15, size=300)

    first, tenth = compared(better, rows), compared(better, rows, openings=10)

    assert (first.confidence, tenth.confidence) == (0.95, 0.995)
    assert first.low > tenth.low
    assert first.high < tenth.high


def test_a_margin_lets_a_smaller_model_in_and_no_other():
    rng = np.random.default_rng(6)
    rows = rng.exponential(size=2000)
    as_good = rows + rng.normal(scale=0.01, size=2000)

    assert compared(as_good, rows, margin=0.02, cheaper=True).promotes
    assert not compared(as_good, rows, margin=0.02, cheaper=False).promotes
    assert not compared(as_good, rows, margin=0.02, cheaper=None).promotes
    assert not compared(as_good + 0.05, rows, margin=0.02, cheaper=True).promotes


def test_a_margin_that_is_allowed_later_decides_by_the_same_bounds():
    rng = np.random.default_rng(8)
    rows = rng.exponential(size=2000)
    kept = compared(rows + rng.normal(scale=0.01, size=2000), rows, cheaper=True)

    assert not kept.promotes
    assert decided(kept, margin=0.02).promotes
    assert decided(decided(kept, margin=0.02), margin=0.0) == kept


@settings(max_examples=20)
@given(st.floats(0.0, 2.0), st.integers(1, 30))
def test_a_raised_loss_never_promotes(rise, openings):
    rng = np.random.default_rng(7)
    rows = rng.exponential(size=100)
    challenger = rows - 0.05 + rng.normal(scale=0.1, size=100)

    before = compared(challenger, rows, openings=openings)
    after = compared(challenger + rise, rows, openings=openings)

    assert before.promotes or not after.promotes
