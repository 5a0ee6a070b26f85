from dataclasses import replace

import pytest
from planting import diagnosed, result

from sweepspot.advice.limits import too_few_epochs, whole_sweep_biased, whole_sweep_varied
from sweepspot.diagnosis import (
    BaselineVerdict,
    Finding,
    Interval,
    Label,
    Status,
    SweepVerdict,
    Verdict,
)

PRESENT, ABSENT, UNKNOWN = Status.PRESENT, Status.ABSENT, Status.UNKNOWN


def flat(u):
    return 1.0


def beside(label, *, reached=ABSENT):
    some = Interval(value=0.1, low=0.05, high=0.15)
    target = BaselineVerdict(
        name="target",
        measure="J",
        label=label,
        reached=reached,
        avoidable_bias=some,
        excess_variance=some,
        gap=some,
    )
    return SweepVerdict(label=label, reason="", baseline="target", baselines={"target": target})


@pytest.mark.parametrize(
    ("label", "biased", "varied"),
    [
        (Label.HIGH_BIAS, PRESENT, ABSENT),
        (Label.HIGH_VARIANCE, ABSENT, PRESENT),
        (Label.HIGH_BIAS_HIGH_VARIANCE, PRESENT, PRESENT),
        (Label.GOOD_FIT, UNKNOWN, UNKNOWN),
    ],
)
def test_a_stated_baseline_decides(planted, label, biased, varied):
    facts = planted(flat, n=3, diagnosis=diagnosed(sweep=beside(label)))

    assert (whole_sweep_biased(facts).status, whole_sweep_varied(facts).status) == (biased, varied)
    assert whole_sweep_biased(facts).name == (
        "whole sweep biased" if biased is not UNKNOWN else "most trials biased"
    )


def test_a_baseline_that_is_reached_leaves_nothing_to_open(planted):
    labels = dict.fromkeys(range(30), Label.HIGH_BIAS)
    sweep = beside(Label.GOOD_FIT, reached=PRESENT)
    facts = planted(flat, n=3, diagnosis=diagnosed(labels, sweep))

    found = whole_sweep_biased(facts)

    assert (found.status, found.because) == (ABSENT, "the best trial reaches target")


@pytest.mark.parametrize(
    ("n_bias", "n_variance", "biased", "varied"),
    [
        (12, 1, PRESENT, ABSENT),
        (1, 12, ABSENT, PRESENT),
        # 8 of 13 or more come about by a fair coin in 29 % of cases.
        (8, 5, ABSENT, ABSENT),
        (9, 0, UNKNOWN, UNKNOWN),
    ],
)
def test_without_a_baseline_the_labels_decide(planted, n_bias, n_variance, biased, varied):
    named = [Label.HIGH_BIAS] * n_bias + [Label.HIGH_VARIANCE] * n_variance
    facts = planted(flat, n=3, diagnosis=diagnosed(dict(enumerate(named))))

    assert (whole_sweep_biased(facts).status, whole_sweep_varied(facts).status) == (biased, varied)


def test_what_labels_alone_decide_is_said_of_most_trials(planted):
    facts = planted(flat, n=3, diagnosis=diagnosed(dict.fromkeys(range(12), Label.HIGH_BIAS)))

    assert whole_sweep_biased(facts).name == "most trials biased"
    assert whole_sweep_varied(facts).name == "most trials varied"


def test_without_signal_neither_is_known(planted):
    no_signal = Finding(code="D101", name="no signal", status=PRESENT, because="")
    sweep = replace(beside(Label.HIGH_BIAS), findings=(no_signal,))
    facts = planted(flat, n=3, diagnosis=diagnosed(sweep=sweep))

    assert whole_sweep_biased(facts).status is UNKNOWN


def test_best_trials_cut_off_at_their_last_epoch_want_more(planted):
    facts = planted(lambda u: u["units"])
    results = {n: replace(r, best_epoch=10) for n, r in facts.results.items()}

    found = too_few_epochs(replace(facts, results=results))

    assert found.status is PRESENT
    assert found.because == "5 of the best 5 still improved when 10 epochs ended"
    assert too_few_epochs(facts).status is ABSENT


def test_best_trials_that_still_improve_want_more(planted):
    facts = planted(lambda u: u["units"])
    improving = Finding(code="D002", name="under-trained", status=PRESENT, because="")
    base = diagnosed(dict.fromkeys(facts.results, Label.UNDER_TRAINED))
    verdicts = {
        name: Verdict(label=v.label, reason="", findings=(improving,))
        for name, v in base.verdicts.items()
    }

    found = too_few_epochs(replace(facts, diagnosis=replace(base, verdicts=verdicts)))

    assert found.status is PRESENT


def test_trials_that_stopped_early_had_epochs_enough(planted):
    facts = planted(lambda u: u["units"])
    results = {
        n: replace(
            result(n, r.trial.params, r.J_cv, best_epoch=5, epochs=5),
            trial=replace(r.trial, epochs=10),
        )
        for n, r in facts.results.items()
    }

    assert too_few_epochs(replace(facts, results=results)).status is ABSENT


def test_four_trials_leave_it_unknown(planted):
    assert too_few_epochs(planted(flat, n=4)).status is UNKNOWN
