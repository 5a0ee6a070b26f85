from dataclasses import replace

import pytest
from planting import SPACE, diagnosed

from sweepspot.advice.failures import failing_region, failures
from sweepspot.diagnosis import Finding, Label, Status, Verdict
from sweepspot.trial import State


def good(u):
    return 0.5 + 0.1 * abs(u["units"] - 0.5)


def test_a_rate_above_which_trials_diverge_is_found_with_its_counts(planted):
    space = {**SPACE, "layers": {"int": [2, 2]}}
    facts = planted(good, n=60, space=space, fails=lambda u: u["learning_rate"] > 0.7)

    found = failing_region(facts)

    assert (found.status, found.dimension, found.side) == (
        Status.PRESENT,
        "learning_rate",
        "high",
    )
    # 0.7 of three decades up from 1e-4 is 0.0126; sixty trials leave gaps of a twentieth decade.
    assert found.value == pytest.approx(0.0126, rel=0.35)
    assert found.numbers["failed"] == found.numbers["trials"]
    assert found.numbers["failed_elsewhere"] == 0
    assert "trials with learning_rate above" in found.because


def test_a_region_keeps_every_good_trial_and_no_failed_one(planted):
    facts = planted(good, n=60, fails=lambda u: u["learning_rate"] > 0.7)

    found = failing_region(facts)

    rates = {n: r.trial.params["learning_rate"] for n, r in facts.results.items()}
    assert all((rates[n] <= found.value) == (r.J_cv is not None) for n, r in facts.results.items())


@pytest.mark.parametrize(
    ("space", "value"),
    [
        ({"units": {"int": [1, 10]}}, 4),
        ({"dropout": {"float": [0.0, 0.8], "step": 0.2}}, 0.4),
    ],
)
def test_a_low_side_ends_at_a_value_that_there_is(planted, space, value):
    # Of ten numbers the centers of 1, 2 and 3 lie below .3, and so do 0 and .2 of the five steps.
    (name,) = space
    facts = planted(lambda u: 1.0, n=60, space=space, fails=lambda u: u[name] < 0.3)

    found = failing_region(facts)

    assert (found.status, found.side, found.value) == (Status.PRESENT, "low", value)


def test_an_option_can_be_the_region(planted):
    space = {"units": {"int": [16, 256]}, "optimizer": {"choice": ["adam", "sgd", "rmsprop"]}}
    facts = planted(good, n=60, space=space, fails=lambda u: u["optimizer"] == 1)

    found = failing_region(facts)

    assert (found.status, found.dimension, found.side, found.value) == (
        Status.PRESENT,
        "optimizer",
        None,
        "sgd",
    )
    assert "with optimizer sgd failed" in found.because


def test_failures_anywhere_have_no_region(planted):
    facts = planted(good, n=60)
    results = {
        n: replace(r, state=State.FAILED, J_cv=None) if n % 7 == 3 else r
        for n, r in facts.results.items()
    }

    found = failing_region(replace(facts, results=results))

    assert found.status is Status.ABSENT
    assert "in no part of the space more than elsewhere" in found.because


def test_a_region_of_the_best_is_never_named(planted):
    # The best lie where most fail, at the very top.
    facts = planted(
        lambda u: 1 - u["learning_rate"],
        n=80,
        fails=lambda u: 0.6 < u["learning_rate"] < 0.95,
    )

    found = failing_region(facts)

    assert found.status is Status.ABSENT or found.side is None


def test_no_failure_no_region(planted):
    facts = planted(good)

    assert failing_region(facts).status is Status.ABSENT
    assert failures(facts).status is Status.ABSENT


def test_all_failed_is_present_and_its_region_unknown(planted):
    facts = planted(good, fails=lambda u: True)

    share = failures(facts)

    assert share.status is Status.PRESENT
    assert share.because == "40 of 40 trials failed or diverged, 40 of them: diverged"
    assert failing_region(facts).status is Status.UNKNOWN


def test_pruned_trials_did_not_fail(planted):
    facts = planted(good, n=4)
    pruned = {n: replace(r, state=State.PRUNED) for n, r in facts.results.items()}

    found = failures(replace(facts, results=pruned))

    assert found.status is Status.UNKNOWN


def test_a_trial_that_blew_up_to_its_end_failed(planted):
    facts = planted(good, n=10)
    blown = Finding(code="D001", name="not valid", status=Status.PRESENT, because="it diverged")
    verdict = Verdict(label=Label.NOT_ASSESSED, reason="", findings=(blown,))
    diagnosis = replace(diagnosed(), verdicts={"#003": verdict})

    facts = replace(facts, diagnosis=diagnosis)

    assert [r.number for r in facts.broken] == [3]
    # Failed without a reason in words.
    assert failures(facts).because == "1 of 10 trials failed or diverged"
