"""Bad input is refused clearly or answered by `inconclusive`; never by a confident label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sweepspot.diagnosis import Baseline, Criteria, Evidence, Label, diagnose
from sweepspot.errors import SpecError

MEANS = {"J_train": 0.2, "J_cv": 0.3, "J_train_se": 0.01, "J_cv_se": 0.01}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"cv_losses": np.full(300, np.nan)}, "run 'odd': cv_losses must be finite"),
        ({"train_losses": np.full(400, np.inf)}, "run 'odd': train_losses must be finite"),
        ({"cv_losses": -np.ones(300)}, "must be at least 0, got -1"),
        ({"train_losses": -np.ones(400)}, "run 'odd': train_losses must be at least 0, got -1"),
        ({"train_losses": np.ones(399)}, r"same length in every run, got \[399, 400\]"),
        ({"cv_losses": np.ones(299)}, r"same length in every run, got \[299, 300\]"),
        ({"cv_losses": np.ones((300, 2))}, "must be a vector, got shape"),
        ({"cv_losses": ["a"]}, "must be numbers, got list"),
        ({"cv_losses": None}, "train_losses and cv_losses must come together"),
        ({"state": "done"}, "state must be one of complete, pruned, failed, diverged, got 'done'"),
        (MEANS, "give losses or means, got both"),
        ({"error_cv": 1.5}, "error_cv must be a share from 0 to 1, got 1.5"),
        ({"train_errors": np.ones(3), "cv_errors": np.ones(300)}, "as long as train_losses"),
    ],
)
def test_unusable_losses_are_refused(planted, change, text):
    runs = planted(odd=(0.6, 0.7))
    runs["odd"] = replace(runs["odd"], **change)

    with pytest.raises(SpecError, match=text):
        diagnose(runs, J_naive=1.0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"J_cv_se": None}, "means need all of .* got no J_cv_se"),
        ({"J_cv_se": -0.1}, "J_cv_se must be at least 0, got -0.1"),
        ({"J_cv": float("inf")}, "J_cv must be finite, got inf"),
    ],
)
def test_unusable_means_are_refused(change, text):
    with pytest.raises(SpecError, match=text):
        diagnose({"odd": Evidence(**(MEANS | change))}, J_naive=1.0)


def test_losses_and_means_are_not_mixed(planted):
    with pytest.raises(SpecError, match="all have losses or all have means"):
        diagnose(planted() | {"odd": Evidence(**MEANS)}, J_naive=1.0)


def test_all_problems_come_at_once(planted):
    runs = planted(odd=(0.6, 0.7))
    broken = np.full(300, np.inf)
    runs = {name: replace(evidence, cv_losses=broken) for name, evidence in runs.items()}

    with pytest.raises(SpecError) as refused:
        diagnose(runs, J_naive=1.0)

    assert len(refused.value.problems) == 13


@pytest.mark.parametrize("stated", [float("nan"), "low", (1.0, 2.0, 3.0), None])
def test_a_baseline_is_a_finite_number(planted, stated):
    with pytest.raises(SpecError, match=r"baselines\.target: must be a finite number"):
        diagnose(planted(), J_naive=1.0, baselines={"target": stated})


def test_the_naive_loss_is_a_finite_number(planted):
    with pytest.raises(SpecError, match="J_naive: must be a finite number"):
        diagnose(planted(), J_naive=float("nan"))


def test_the_naive_error_is_a_finite_number(planted):
    with pytest.raises(SpecError, match="error_naive: must be a finite number, got inf"):
        diagnose(planted(), J_naive=1.0, error_naive=float("inf"))


def test_thresholds_stay_in_range():
    with pytest.raises(SpecError) as refused:
        Criteria(excess=-1, draws=3, coverage=2.0, leak=0)

    assert len(refused.value.problems) == 4


def test_negative_losses_pass_where_the_loss_has_no_floor(planted):
    runs = {
        name: Evidence(
            train_losses=np.asarray(e.train_losses) - 5, cv_losses=np.asarray(e.cv_losses) - 5
        )
        for name, e in planted(odd=(0.6, 0.7)).items()
    }

    assert diagnose(runs, J_naive=-4.0, loss_floor=None)["odd"].label is Label.HIGH_BIAS


@pytest.mark.parametrize(
    ("asked", "J_naive", "text"),
    [
        ({"good": 0, "odd": (0.6, 0.7)}, 1.0, "1 comparable runs, 3 needed"),
        ({"good": 1, "odd": (0.6, 0.7)}, 1.0, "2 comparable runs, 3 needed"),
        ({"n_cv": 20, "odd": (0.6, 0.7)}, 1.0, "400 train and 20 cv rows, 50 of each"),
        ({"odd": (0.6, 0.7)}, 0.1, "no signal"),
        ({"odd": (0.6, 0.7)}, 0.301, "no signal"),
        ({"odd": (0.6, 0.7)}, 0.0, "no signal"),
        ({"odd": (0.6, 0.7)}, -1.0, "no signal"),
    ],
)
def test_too_little_to_go_on_is_inconclusive(planted, asked, J_naive, text):
    verdicts = diagnose(planted(**asked), J_naive=J_naive)

    assert {v.label for v in verdicts.values()} == {Label.INCONCLUSIVE}
    assert text in verdicts["odd"].reason


def test_few_train_rows_are_too_little_to_go_on(planted):
    runs = {
        name: replace(evidence, train_losses=np.asarray(evidence.train_losses)[:20])
        for name, evidence in planted(odd=(0.6, 0.7)).items()
    }

    verdicts = diagnose(runs, J_naive=1.0)

    assert {v.label for v in verdicts.values()} == {Label.INCONCLUSIVE}
    assert "20 train and 300 cv rows" in verdicts["odd"].reason


def test_a_curve_of_few_cv_rows_says_nothing(planted):
    runs = planted(n_cv=20, odd=(0.6, 0.7))
    runs["odd"] = replace(runs["odd"], cv_curve=np.linspace(1.4, 0.7, 20))

    verdict = diagnose(runs, J_naive=1.0)["odd"]

    assert verdict.label is Label.INCONCLUSIVE


@pytest.mark.parametrize("J_naive", [0.1, 0.3, 0.0, -1.0])
def test_means_without_signal_are_inconclusive(J_naive):
    runs = {
        str(i): Evidence(J_train=0.2, J_cv=J_cv, J_train_se=0.01, J_cv_se=0.01)
        for i, J_cv in enumerate([0.3] * 11 + [0.9])
    }

    verdicts = diagnose(runs, J_naive=J_naive)

    assert {v.label for v in verdicts.values()} == {Label.INCONCLUSIVE}
    assert "no signal" in verdicts["11"].reason


@pytest.mark.parametrize("kind", ["losses", "means"])
def test_equal_runs_are_inconclusive(planted, kind):
    one = planted()["good0"] if kind == "losses" else Evidence(**MEANS)

    verdicts = diagnose({str(i): one for i in range(12)}, J_naive=1.0)

    assert {v.label for v in verdicts.values()} == {Label.INCONCLUSIVE}
    assert "equal" in verdicts["0"].reason


def test_runs_without_losses_are_not_assessed():
    runs = {"a": Evidence(), "b": Evidence(state="failed", reason="out of memory")}

    verdicts = diagnose(runs, J_naive=1.0, baselines={"target": Baseline(J_train=0.1, J_cv=0.1)})

    assert {v.label for v in verdicts.values()} == {Label.NOT_ASSESSED}
    assert verdicts["b"].reason == "it failed: out of memory"
    assert verdicts.sweep.label is Label.NOT_ASSESSED
    assert verdicts.frontier is None


def test_no_runs_is_an_empty_diagnosis():
    diagnosis = diagnose({}, J_naive=1.0)

    assert len(diagnosis) == 0
    assert diagnosis.sweep.label is Label.NOT_ASSESSED
