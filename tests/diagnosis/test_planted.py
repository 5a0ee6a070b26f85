"""Runs whose cause is known get it, and nothing is said where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sweepspot.diagnosis import Baseline, Criteria, Evidence, Label, Status, diagnose


def finding(verdict, code):
    return next(f for f in verdict.findings if f.code == code)


@pytest.mark.parametrize(
    ("J_train", "J_cv", "label"),
    [
        (0.6, 0.7, Label.HIGH_BIAS),
        (0.05, 0.7, Label.HIGH_VARIANCE),
        (0.2, 0.7, Label.HIGH_VARIANCE),
        (0.4, 0.7, Label.HIGH_BIAS_HIGH_VARIANCE),
        (0.35, 0.75, Label.HIGH_BIAS_HIGH_VARIANCE),
        (0.2, 0.3, Label.GOOD_FIT),
    ],
)
def test_a_planted_cause_is_found(planted, J_train, J_cv, label):
    runs = planted(odd=(J_train, J_cv))

    verdict = diagnose(runs, J_naive=1.0)["odd"]

    assert verdict.label is label
    assert len(verdict.reason) <= 200


def test_numbers_are_the_shares_of_z(planted):
    verdicts = diagnose(planted(odd=(0.55, 0.65)), J_naive=1.0)

    numbers = verdicts["odd"].numbers

    # z = 1 - .3, excess = .35 / .7, bias = .35 / .7; losses jitter by 10 %, their means by .5 %.
    assert numbers["excess"].value == pytest.approx(0.5, abs=0.02)
    assert numbers["bias"].value == pytest.approx(0.5, abs=0.02)
    assert numbers["variance"].value == pytest.approx(0.0, abs=0.02)
    assert numbers["excess"].low < numbers["excess"].value < numbers["excess"].high


def test_a_gap_is_open_where_the_frontier_interpolates(planted):
    runs = planted(train=0.01, cv=0.3, odd=(0.0101, 0.6), wild=(0.001, 0.9))

    verdicts = diagnose(runs, J_naive=1.0)

    assert verdicts["odd"].label is Label.INCONCLUSIVE
    assert "interpolate" in verdicts["odd"].reason
    assert verdicts["wild"].label is Label.HIGH_VARIANCE


def test_a_close_fit_is_no_cause_where_a_good_run_fits_as_closely(planted):
    alone = planted(train=0.03, cv=0.3, odd=(0.002, 0.45))
    beside = alone | {"close": planted(close=(0.002, 0.305))["close"]}

    # The frontier's J_train is within .1 of z; the excess of the odd run is .15 of .7.
    assert diagnose(alone, J_naive=1.0)["odd"].label is Label.HIGH_VARIANCE
    assert diagnose(beside, J_naive=1.0)["close"].label is Label.GOOD_FIT
    assert diagnose(beside, J_naive=1.0)["odd"].label is Label.INCONCLUSIVE


def test_the_best_of_a_small_sweep_is_not_good(planted):
    verdicts = diagnose(planted(good=5), J_naive=1.0)

    assert {v.label for v in verdicts.values()} == {Label.INCONCLUSIVE}
    assert "only 5 converged runs" in verdicts["good0"].reason


def test_equal_configurations_are_rarely_called_worse():
    # 90 % intervals miss on one side 5 % of the time; cross-fitting keeps it below that.
    rng = np.random.default_rng(0)
    wrong = total = 0
    for _ in range(20):
        hard = rng.exponential(size=100)
        runs = {
            str(i): Evidence(
                train_losses=0.2 * rng.exponential(size=200),
                cv_losses=0.3 * hard * rng.uniform(0.3, 1.7, size=100),
            )
            for i in range(20)
        }
        labels = [v.label for v in diagnose(runs, J_naive=1.0).values()]
        wrong += labels.count(Label.HIGH_VARIANCE)
        total += len(labels)

    assert wrong / total < 0.05


def test_label_noise_is_a_matter_of_the_target(planted):
    # A fifth of the labels are wrong: no run can get below .5, and the target does not know it.
    verdicts = diagnose(planted(train=0.5, cv=0.55), J_naive=1.0, baselines={"target": 0.1})

    assert verdicts["good0"].label is Label.GOOD_FIT
    assert verdicts["good0"].baselines["target"].label is Label.HIGH_BIAS
    assert verdicts.sweep.label is Label.HIGH_BIAS
    assert "target" in verdicts.sweep.reason


def test_too_few_epochs_is_under_trained(planted):
    runs = planted(odd=(0.6, 0.7))
    curve = np.linspace(1.4, 0.7, 20)
    runs["odd"] = replace(runs["odd"], cv_curve=curve, train_curve=curve - 0.1)

    verdict = diagnose(runs, J_naive=1.0)["odd"]

    assert verdict.label is Label.UNDER_TRAINED
    assert "last 25%" in verdict.reason
    assert verdict.next_steps[0].text == "three times the epochs"


@pytest.mark.parametrize("curve", [[0.7] * 20, [0.9, 0.8], [1.0] * 19 + [float("nan")]])
def test_a_flat_short_or_broken_curve_blocks_no_label(planted, curve):
    runs = planted(odd=(0.6, 0.7))
    runs["odd"] = replace(runs["odd"], cv_curve=curve)

    assert diagnose(runs, J_naive=1.0)["odd"].label is Label.HIGH_BIAS


def test_a_leak_shows_in_the_health_of_run_and_sweep(planted):
    verdicts = diagnose(planted(train=0.5, cv=0.2), J_naive=1.0)

    assert finding(verdicts["good0"], "D007").status is Status.PRESENT
    assert finding(verdicts.sweep, "D103").status is Status.PRESENT


def test_a_learning_rate_that_diverges_is_not_assessed(planted):
    runs = planted(odd=(3.0, 3.0))
    runs["odd"] = replace(runs["odd"], train_curve=[1.1, 2.0, 3.0], params={"learning_rate": 1.0})
    runs["nan"] = Evidence(state="diverged", reason="loss is NaN", params={"lr": 1.0})

    verdicts = diagnose(runs, J_naive=1.0)

    for name in ("odd", "nan"):
        assert verdicts[name].label is Label.NOT_ASSESSED
        assert verdicts[name].next_steps[0].proposed == pytest.approx(0.1)
    assert "diverged" in verdicts["odd"].reason
    assert verdicts["nan"].reason == "it diverged: loss is NaN"


@pytest.mark.parametrize(
    ("curve", "status"),
    [
        ([1.2, 0.8, 0.6], Status.ABSENT),
        ([0.5, 1.2, 0.6], Status.PRESENT),
        ([0.5, float("nan")], Status.PRESENT),
        ([0.5], Status.UNKNOWN),
    ],
)
def test_unstable_training_is_seen(planted, curve, status):
    runs = planted(odd=(0.6, 0.7))
    runs["odd"] = replace(runs["odd"], train_curve=curve)

    assert finding(diagnose(runs, J_naive=1.0)["odd"], "D009").status is status


def test_error_can_tell_another_story(planted):
    rng = np.random.default_rng(1)
    wrong = {"train_errors": rng.random(400) < 0.05, "cv_errors": rng.random(300) < 0.1}
    plain = {"train_errors": np.zeros(400), "cv_errors": np.zeros(300)}
    runs = {
        name: replace(evidence, **(wrong if name == "both" else plain))
        for name, evidence in planted(odd=(0.05, 0.7), both=(0.05, 0.7)).items()
    }

    verdicts = diagnose(
        runs,
        J_naive=1.0,
        baselines={"target": Baseline(J_train=0.0, J_cv=0.02, measure="error")},
    )

    assert finding(verdicts["odd"], "D006").status is Status.PRESENT
    assert finding(verdicts["good0"], "D006").status is Status.ABSENT
    assert finding(verdicts["both"], "D006").status is not Status.PRESENT
    assert verdicts["both"].baselines["target"].reached is Status.ABSENT
    assert finding(verdicts["both"], "D005").because.startswith("it is")


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_what_an_error_is_worth_is_relative_to_a_constant(planted, scale):
    rng = np.random.default_rng(2)
    hard = rng.exponential(size=(2, 400))
    runs = {
        name: replace(
            evidence,
            train_errors=scale * (0.3 if name == "odd" else 0.1) * hard[0],
            cv_errors=scale * (0.3 if name == "odd" else 0.1) * hard[1][:300],
        )
        for name, evidence in planted(odd=(0.55, 0.65)).items()
    }

    known = diagnose(runs, J_naive=1.0, error_naive=0.8 * scale)["odd"]
    unknown = diagnose(runs, J_naive=1.0)["odd"]

    # .2 of the .7 between the frontier and a constant, whatever a unit of error is.
    excess = finding(known, "D006").numbers["error_excess"]
    assert excess.value == pytest.approx(0.2 / 0.7, abs=0.04)
    assert finding(known, "D006").because == "high_bias in J and in error"
    assert (finding(unknown, "D006").status is Status.UNKNOWN) == (scale > 1)


def test_error_says_nothing_where_a_constant_is_as_good(planted):
    runs = {
        name: replace(evidence, error_train=0.1, error_cv=0.2)
        for name, evidence in planted(odd=(0.6, 0.7)).items()
    }

    verdict = diagnose(runs, J_naive=1.0, error_naive=0.2)["odd"]

    assert finding(verdict, "D006").because == "in error the frontier is no better than a constant"


def test_shares_of_wrong_answers_are_enough(planted):
    runs = {
        name: replace(evidence, error_train=0.0, error_cv=0.02)
        for name, evidence in planted(odd=(0.05, 0.7)).items()
    }

    verdicts = diagnose(runs, J_naive=1.0)

    assert finding(verdicts["odd"], "D006").status is Status.PRESENT
    assert finding(verdicts["odd"], "D006").because.endswith("good_fit in error")


def test_convergence_is_unknown_without_signal(planted):
    runs = planted()
    runs["good0"] = replace(runs["good0"], cv_curve=[0.5] * 20)

    verdict = diagnose(runs, J_naive=0.1)["good0"]

    assert finding(verdict, "D002").status is Status.UNKNOWN


def test_thresholds_can_be_moved(planted):
    runs = planted(odd=(0.25, 0.36))

    strict = diagnose(runs, J_naive=1.0)["odd"]
    lenient = diagnose(runs, J_naive=1.0, criteria=Criteria(excess=0.3, good=0.3))["odd"]

    assert strict.label is Label.HIGH_BIAS
    assert lenient.label is Label.GOOD_FIT
