"""Pruned and low-fidelity runs are compared with the frontier at the same epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sweepspot.diagnosis import Evidence, Label, Status, diagnose

EPOCHS = np.arange(1, 21)


def curved(evidence, J_train, J_cv):
    """Return the evidence with curves that come down from J_naive to its own level."""
    decay = np.exp(-EPOCHS / 2)
    return replace(
        evidence,
        train_curve=J_train + (1 - J_train) * decay,
        cv_curve=J_cv + (1 - J_cv) * decay,
    )


@pytest.fixture
def runs(planted):
    return {name: curved(evidence, 0.2, 0.3) for name, evidence in planted().items()}


@pytest.mark.parametrize(
    ("J_train", "J_cv", "label"),
    [
        (0.75, 0.8, Label.HIGH_BIAS),
        (0.2, 0.85, Label.HIGH_VARIANCE),
    ],
)
def test_a_pruned_run_is_judged_at_its_epoch(runs, J_train, J_cv, label):
    runs["pruned"] = Evidence(
        state="pruned", epochs=6, train_curve=[J_train] * 6, cv_curve=[J_cv] * 6
    )

    verdict = diagnose(runs, J_naive=1.0)["pruned"]

    assert verdict.label is label
    assert verdict.epoch == 6
    assert "at epoch 6" in verdict.reason


def test_a_low_fidelity_run_keeps_its_numbers(planted, runs):
    low = replace(planted(odd=(0.6, 0.9))["odd"], full_fidelity=False)
    runs["low"] = replace(low, train_curve=[0.75] * 6, cv_curve=[0.8] * 6)

    verdict = diagnose(runs, J_naive=1.0)["low"]

    assert verdict.epoch == 6
    assert verdict.numbers["J_cv"].value == pytest.approx(0.9, rel=0.02)
    assert "low" not in diagnose(runs, J_naive=1.0).frontier.weights


def test_it_is_not_assessed_where_too_few_frontier_curves_reach(runs):
    short = {name: replace(e, cv_curve=e.cv_curve[:4]) for name, e in runs.items()}
    short["pruned"] = Evidence(state="pruned", train_curve=[0.7] * 6, cv_curve=[0.8] * 6)

    verdict = diagnose(short, J_naive=1.0)["pruned"]

    assert verdict.label is Label.NOT_ASSESSED
    assert "0 of 3 frontier curves reach epoch 6" in verdict.reason


@pytest.mark.parametrize("curve", [None, [0.7, float("nan")]])
def test_it_is_not_assessed_without_a_value_there(runs, curve):
    runs["pruned"] = Evidence(state="pruned", epochs=2, train_curve=[0.7] * 2, cv_curve=curve)

    assert diagnose(runs, J_naive=1.0)["pruned"].label is Label.NOT_ASSESSED


def test_it_is_inconclusive_before_there_is_signal(runs):
    late = {name: replace(e, cv_curve=[1.0] * 20) for name, e in runs.items()}
    late["pruned"] = Evidence(state="pruned", train_curve=[0.9] * 2, cv_curve=[1.0] * 2)

    verdict = diagnose(late, J_naive=1.0)["pruned"]

    assert verdict.label is Label.INCONCLUSIVE
    assert "no signal yet at epoch 2" in verdict.reason


def test_it_is_not_assessed_in_a_sweep_without_a_frontier(planted):
    runs = planted(good=1)
    runs["pruned"] = Evidence(state="pruned", train_curve=[0.9] * 2, cv_curve=[1.0] * 2)

    assert diagnose(runs, J_naive=1.0)["pruned"].label is Label.NOT_ASSESSED


def test_a_sweep_of_pruned_runs_alone_is_not_assessed():
    runs = {str(i): Evidence(state="pruned", cv_curve=[1.0] * 2) for i in range(3)}

    verdicts = diagnose(runs, J_naive=1.0)

    assert {v.label for v in verdicts.values()} == {Label.NOT_ASSESSED}


def test_nobody_asks_whether_it_has_converged(runs):
    curve = np.linspace(0.9, 0.5, 10)
    runs["pruned"] = Evidence(state="pruned", train_curve=curve, cv_curve=curve)

    verdict = diagnose(runs, J_naive=1.0)["pruned"]

    assert next(f for f in verdict.findings if f.code == "D002").status is Status.UNKNOWN
