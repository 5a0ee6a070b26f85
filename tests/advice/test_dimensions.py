from dataclasses import replace

import pytest

from sweepspot.advice.dimensions import dimensions_that_mattered
from sweepspot.diagnosis import Status


def found(facts):
    return {(f.code, f.dimension): f for f in dimensions_that_mattered(facts)}


def steep(u):
    return (u["learning_rate"] - 0.4) ** 2


def test_the_dimension_that_matters_is_found_by_both(planted):
    answers = found(planted(steep, n=60))

    finding = answers["D207", "learning_rate"]
    assert finding.status is Status.PRESENT
    assert finding.numbers["fanova"] > finding.numbers["fanova_greatest_copy"]
    assert finding.numbers["ped_anova"] > finding.numbers["ped_anova_greatest_copy"]


def test_one_that_matters_to_neither_could_be_fixed_at_the_best(planted):
    # By chance alone the one or the other may stand out; seed 3 is one of those without.
    facts = planted(steep, n=60, seed=3)

    fixable = [f for (code, _), f in found(facts).items() if code == "D208"]

    best = min(facts.results.values(), key=lambda r: r.J_cv)
    assert fixable
    assert {f.dimension for f in fixable} <= {"units", "dropout"}
    assert all(f.value == best.trial.params[f.dimension] for f in fixable)


def test_options_and_conditions_are_understood(planted):
    space = {
        "optimizer": {"choice": ["adam", "sgd"]},
        "momentum": {"float": [0.0, 0.9], "when": {"optimizer": ["sgd"]}},
        "units": {"int": [16, 256], "log": True},
    }
    answers = found(planted(lambda u: u["optimizer"] + 0.1 * u["units"], n=60, space=space))

    assert answers["D207", "optimizer"].status is Status.PRESENT
    assert answers["D207", "momentum"].status is Status.UNKNOWN
    assert "under a condition" in answers["D207", "momentum"].because


def test_a_parent_that_does_not_matter_is_left_as_it_is(planted):
    space = {
        "optimizer": {"choice": ["adam", "sgd"]},
        "momentum": {"float": [0.0, 0.9], "when": {"optimizer": ["sgd"]}},
        "units": {"int": [16, 256], "log": True},
    }
    fixable = [
        one["D208", "optimizer"]
        for seed in range(4)
        if ("D208", "optimizer")
        in (one := found(planted(lambda u: u["units"], n=40, space=space, seed=seed)))
    ]

    assert fixable
    assert {f.status for f in fixable} == {Status.ABSENT}


def test_few_trials_leave_it_unknown(planted):
    answers = found(planted(steep, n=19))

    assert {f.status for f in answers.values()} == {Status.UNKNOWN}
    assert "19 comparable trials, 20 needed" in answers["D207", "units"].because


def test_one_dimension_has_nothing_to_be_compared_with(planted):
    space = {"learning_rate": {"float": [1e-4, 1e-1], "log": True}, "units": {"int": [8, 8]}}
    answers = found(planted(steep, n=40, space=space))

    assert list(answers) == [("D207", "learning_rate")]
    assert answers["D207", "learning_rate"].status is Status.UNKNOWN


@pytest.mark.slow
def test_the_same_trials_give_the_same_answers(planted):
    facts = planted(steep, n=250)

    assert found(facts) == found(facts)


def test_trials_that_are_all_alike_leave_it_unknown(planted):
    facts = planted(steep, n=30)
    flat = {n: replace(r, J_cv=1.0) for n, r in facts.results.items()}

    answers = found(replace(facts, results=flat))

    assert {f.status for f in answers.values()} == {Status.UNKNOWN}
    assert "same J_cv" in answers["D207", "units"].because


def test_where_nothing_is_searched_nothing_is_said(planted):
    assert found(planted(lambda u: 1.0, n=40, space={"units": {"int": [8, 8]}})) == {}
