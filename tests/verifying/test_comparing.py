"""Prescribed, opposite and as it was: what the intervals say, and that they cover."""

import numpy as np
import pytest

from sweepspot.advice_ledger import AdviceOutcome
from sweepspot.verifying.comparing import compare, paired_interval

RIGHT, WRONG, NO_DIFFERENCE = AdviceOutcome


@pytest.mark.parametrize(
    ("prescribed", "opposite", "outcome", "words"),
    [
        (0.5, 1.5, RIGHT, "lowered J_cv by 0."),
        (1.5, 0.5, WRONG, "the opposite step did better by"),
        (1.5, 2.5, WRONG, "raised J_cv by"),
        (1.0, 1.0, NO_DIFFERENCE, "is not shown to change J_cv"),
        (0.5, 0.5, NO_DIFFERENCE, "not shown to differ from the opposite"),
        (1.0, 2.0, NO_DIFFERENCE, "it did better than the opposite step by"),
    ],
)
def test_an_answer_needs_both_differences(planted_losses, prescribed, opposite, outcome, words):
    losses = {
        "as it was": planted_losses(1.0, seed=4),
        "prescribed": planted_losses(prescribed, seed=5),
        "opposite": planted_losses(opposite, seed=6),
    }

    found = compare(losses)

    assert found.outcome is outcome
    assert words in found.because


@pytest.mark.parametrize(("prescribed", "outcome"), [(0.5, RIGHT), (1.5, WRONG)])
def test_without_an_opposite_the_run_as_it_was_decides(planted_losses, prescribed, outcome):
    losses = {"as it was": planted_losses(1.0), "prescribed": planted_losses(prescribed, seed=1)}

    found = compare(losses)

    assert (found.outcome, found.margin, found.opposite_change) == (outcome, None, None)
    assert "there is no opposite step" in found.because


def test_a_case_worked_by_hand():
    # Means by seed 1 and 3, by example 1, 2 and 3: variances 2 over 2 seeds and 1 over 3 examples.
    differences = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])

    found = paired_interval(differences)

    variance = 2 / 2 + 1 / 3
    freedom = variance**2 / (1**2 / 1 + (1 / 3) ** 2 / 2)
    assert freedom == pytest.approx(1.684, abs=1e-3)
    assert found.value == 2.0
    # Between the 95 % points of Student's t with one degree of freedom, 6.31, and two, 2.92.
    reach = (found.high - found.value) / variance**0.5
    assert 2.92 < reach < 6.31
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_equal_differences_leave_no_doubt():
    found = paired_interval(np.full((5, 40), -0.25))

    assert (found.value, found.low, found.high) == (-0.25, -0.25, -0.25)


@pytest.mark.parametrize("by_seed", [0.0, 0.05, 0.3])
def test_the_interval_covers_the_truth(by_seed):
    rng = np.random.default_rng(0)
    trials, seeds, examples = 600, 5, 200

    covered = 0
    for _ in range(trials):
        differences = (
            rng.normal(scale=by_seed, size=(seeds, 1))
            + rng.exponential(0.5, size=(1, examples))
            - 0.5
            + rng.normal(scale=0.5, size=(seeds, examples))
        )
        interval = paired_interval(differences)
        covered += interval.low <= 0 <= interval.high

    # 90 % is meant; the standard error of 600 trials is 1.2 %.
    assert covered / trials > 0.86


def test_swapping_the_two_changes_the_sign_alone(planted_losses):
    a, b = planted_losses(1.0), planted_losses(0.8, seed=1)

    one, other = paired_interval(a - b), paired_interval(b - a)

    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
