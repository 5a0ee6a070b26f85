"""The sweep's own verdict: the best run beside what was stated."""

from __future__ import annotations

import pytest

from sweepspot.diagnosis import Baseline, Evidence, Label, Status, diagnose


def finding(verdict, code):
    return next(f for f in verdict.findings if f.code == code)


@pytest.mark.parametrize(
    ("train", "cv", "label", "text"),
    [
        (0.25, 0.3, Label.HIGH_BIAS, "mostly avoidable bias"),
        (0.06, 0.3, Label.HIGH_VARIANCE, "mostly variance"),
        (0.175, 0.3, Label.HIGH_BIAS_HIGH_VARIANCE, "both bias and variance"),
        (0.03, 0.04, Label.GOOD_FIT, "reaches target"),
    ],
)
def test_what_stands_between_the_sweep_and_the_target(planted, train, cv, label, text):
    verdict = diagnose(planted(train=train, cv=cv), J_naive=1.0, baselines={"target": 0.05}).sweep

    assert verdict.label is label
    assert verdict.baseline == "target"
    assert text in verdict.reason
    assert bool(verdict.next_steps) == (label is not Label.GOOD_FIT)


def test_the_first_stated_baseline_decides(planted):
    baselines = {"algorithm": (0.2, 0.3), "target": 0.01}

    verdict = diagnose(planted(), J_naive=1.0, baselines=baselines).sweep

    assert verdict.baseline == "algorithm"
    assert list(verdict.baselines) == ["algorithm", "target", "naive"]
    assert verdict.label is Label.GOOD_FIT


def test_without_a_stated_baseline_nothing_decides(planted):
    verdict = diagnose(planted(), J_naive=1.0).sweep

    assert verdict.label is Label.INCONCLUSIVE
    assert "no baseline stated" in verdict.reason
    assert verdict.baselines["naive"].reached is Status.PRESENT


def test_a_baseline_above_naive_uses_the_frontier_as_unit(planted):
    verdicts = diagnose(
        planted(odd=(2.0, 2.1)),
        J_naive=1.0,
        baselines={"poor": 1.5, "own": Baseline(J_train=0.1, J_cv=0.1, unit=100.0)},
    )

    assert verdicts["odd"].baselines["poor"].label is Label.HIGH_BIAS
    assert verdicts["odd"].baselines["own"].label is Label.GOOD_FIT
    assert "above poor" in finding(verdicts["odd"], "D005").because
    assert finding(verdicts["odd"], "D008").status is Status.PRESENT


def test_a_run_that_reaches_every_baseline_says_so(planted):
    found = finding(diagnose(planted(), J_naive=1.0)["good0"], "D005")

    assert found.status is Status.ABSENT


def test_a_baseline_within_the_interval_is_open(planted):
    runs = diagnose(planted(), J_naive=1.0, baselines={"target": 0.3})

    assert finding(runs["good0"], "D005").status is Status.UNKNOWN
    assert "neither reaches nor clearly misses target: J_cv" in runs.sweep.reason


def test_no_signal_is_the_verdict_of_the_sweep(planted):
    verdict = diagnose(planted(cv=1.05), J_naive=1.0, baselines={"target": 0.1}).sweep

    assert verdict.label is Label.INCONCLUSIVE
    assert verdict.reason.startswith("no signal")
    assert finding(verdict, "D101").status is Status.PRESENT


def test_many_failures_are_mentioned(planted):
    failed = {f"bad{i}": Evidence(state="failed", reason="OOM") for i in range(5)}

    verdict = diagnose(planted() | failed, J_naive=1.0).sweep

    assert finding(verdict, "D102").status is Status.PRESENT
    assert "5 of 17 runs failed" in verdict.reason


def test_an_error_baseline_needs_errors(planted):
    stated = {"target": Baseline(J_train=0.0, J_cv=0.02, measure="error")}

    verdicts = diagnose(planted(), J_naive=1.0, baselines=stated)

    assert "target" not in verdicts.sweep.baselines
