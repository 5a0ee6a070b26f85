from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweepspot.selection import Candidate, finalists, lower_median, select
from sweepspot.trial import State, Trial, TrialResult


def measured(number, losses, *, n_weights=100, **more):
    repeats = tuple(range(1, len(losses) + 1))
    return Candidate(
        **{"number": number, "n_weights": n_weights, "repeats": repeats, "cv_losses": losses} | more
    )


def candidate(number, J, *, n_weights=100, repeats=4, spread=0.0, noise=0.0, n_cv=200, seed=0):
    rng = np.random.default_rng([seed, number])
    base = np.random.default_rng(seed).exponential(size=n_cv)
    shifts = J + spread * rng.standard_normal((repeats, 1))
    losses = base / base.mean() * shifts + noise * rng.standard_normal((repeats, n_cv))
    return measured(number, losses, n_weights=n_weights)


def result(number, J_cv, *, state=State.COMPLETE, epochs=10, n_weights=5, **params):
    trial = Trial(number=number, params={"u": number, **params}, seed=0, epochs=epochs)
    return TrialResult(trial=trial, state=state, J_cv=J_cv, n_weights=n_weights)


def test_the_smaller_model_wins_within_one_standard_error():
    rows = np.ones((1, 50))
    best = measured(0, np.array([[0.08], [0.12]]) * rows, n_weights=1000)
    small = measured(1, np.array([[0.081], [0.121]]) * rows, n_weights=10)

    selection = select([best, small])

    assert selection.number == 1
    assert "fewest weights (10)" in selection.because


def test_a_clearly_worse_small_model_does_not_win():
    best = candidate(0, 0.1, n_weights=1000, spread=0.001)
    small = candidate(1, 0.5, n_weights=10, spread=0.001)

    selection = select([best, small])

    assert selection.number == 0
    assert [c.within for c in selection.contenders] == [True, False]


def test_lowest_mean_ignores_the_weights():
    best = candidate(0, 0.100, n_weights=1000, spread=0.02)
    small = candidate(1, 0.1001, n_weights=10, spread=0.0)

    chosen = min((best, small), key=lambda c: c.cv_losses.mean())

    assert select([best, small], rule="lowest_mean").number == chosen.number


def test_a_tie_goes_to_the_smaller_model():
    losses = np.ones((3, 50))
    large, small = measured(0, losses, n_weights=20), measured(1, losses, n_weights=10)

    assert select([large, small]).number == 1


def test_the_repeat_is_the_one_of_lower_median():
    losses = np.array([[0.4, 0.4], [0.1, 0.1], [0.3, 0.3], [0.2, 0.2]])

    selection = select([measured(0, losses)])

    assert selection.repeat == 4
    assert "one finalist" in selection.because


def test_a_repeat_keeps_its_number_where_an_earlier_one_diverged():
    without_the_second = measured(0, np.array([[0.4], [0.2], [0.3]]), repeats=(1, 3, 4))

    assert lower_median(without_the_second) == 4
    assert select([without_the_second]).repeat == 4


def test_with_one_repeat_the_rule_is_skipped():
    a, b = candidate(0, 0.1, repeats=1, n_weights=99), candidate(1, 0.11, repeats=1, n_weights=1)

    selection = select([a, b])

    assert selection.number == 0
    assert "one repeat" in selection.because


def test_the_standard_error_is_that_of_a_hand_worked_case():
    # Losses are constant over examples, so only the choice of repeats varies: the mean of two
    # draws from {0, 2} has variance 1/2, and the best finalist's none.
    best = measured(0, np.full((2, 10), 0.5), n_weights=2)
    other = measured(1, np.array([np.full(10, 0.0), np.full(10, 2.0)]), n_weights=1)

    contender = next(c for c in select([best, other]).contenders if c.number == 1)

    assert contender.difference == pytest.approx(0.5)
    # 1,000 draws give a standard error to 1/sqrt(2000) = 2.2 %; four of those.
    assert contender.standard_error == pytest.approx(0.5**0.5, rel=0.09)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)))
def test_select_ignores_order(order):
    candidates = [
        candidate(k, 0.1 + 0.002 * k, n_weights=100 - k, spread=0.01, noise=0.05) for k in range(4)
    ]

    assert select([candidates[k] for k in order]) == select(candidates)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 1.0), st.integers(0, 2))
def test_a_raised_loss_never_crowns(rise, loser):
    candidates = [candidate(k, 0.1 + 0.01 * k, n_weights=10 + k, spread=0.01) for k in range(3)]
    before = select(candidates).number
    raised = [
        replace(c, cv_losses=c.cv_losses + rise) if c.number == loser else c for c in candidates
    ]

    after = select(raised).number

    assert after != loser or before == loser


def test_finalists_are_complete_different_and_at_full_fidelity():
    results = [
        result(0, 0.5),
        result(1, 0.1, state=State.PRUNED),
        result(2, 0.2, epochs=3),
        result(3, 0.3),
        result(4, 0.3, u=3),
        result(5, None, state=State.FAILED),
    ]

    chosen = finalists({r.number: r for r in results}, count=3)

    assert [r.number for r in chosen] == [3, 0]
    assert finalists({}, count=3) == []


def test_a_selection_is_json():
    record = select([candidate(0, 0.1), candidate(1, 0.2)]).to_json()

    assert record["number"] == 0
    assert [c["number"] for c in record["contenders"]] == [0, 1]


def timed(number, J, latency_s, n_weights):
    rows = np.ones((1, 50))
    losses = np.array([[J - 0.02], [J + 0.02]]) * rows
    return measured(number, losses, n_weights=n_weights, latency_s=latency_s)


def test_where_times_are_known_the_faster_model_is_cheaper():
    slow, fast = timed(0, 0.1, 2e-3, n_weights=10), timed(1, 0.101, 1e-3, n_weights=1000)

    selection = select([slow, fast])

    assert selection.number == 1
    assert "answers fastest (1 ms for a row)" in selection.because


def test_times_within_a_tenth_are_equal():
    better, hardly_faster = timed(0, 0.1, 1.05e-3, 1000), timed(1, 0.101, 1e-3, 10)

    assert select([better, hardly_faster]).number == 0


def test_a_barred_finalist_gives_way_to_the_next_cheapest():
    small, middle = timed(0, 0.1, None, n_weights=1), timed(1, 0.1001, None, n_weights=2)
    large = timed(2, 0.1002, None, n_weights=3)

    selection = select([small, middle, large], barred=[0])

    assert selection.number == 1
    assert "passes the gates, which #000 does not" in selection.because
    assert [c.number for c in selection.contenders if c.barred] == [0]


def test_a_worse_finalist_wins_when_the_better_ones_are_barred():
    best, worse = candidate(0, 0.1, spread=0.001), candidate(1, 0.5, spread=0.001)

    assert select([best, worse], barred=[0]).number == 1


def test_when_all_are_barred_the_choice_is_as_without():
    candidates = [candidate(k, 0.1 + 0.1 * k) for k in range(2)]

    assert select(candidates, barred=[0, 1]).number == select(candidates).number


def test_the_lowest_mean_that_may_win_is_taken_whatever_its_weights():
    best, middle = timed(0, 0.1, None, n_weights=1), timed(1, 0.1001, None, n_weights=99)
    small = timed(2, 0.1002, None, n_weights=2)

    assert select([best, middle, small], rule="lowest_mean", barred=[0]).number == 1
