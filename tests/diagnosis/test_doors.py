"""Means with standard errors, and tables, get the verdicts that losses get."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sweepspot.diagnosis import Evidence, Label, diagnose, diagnose_frame
from sweepspot.errors import SpecError

MEANS = {f"good{i}": (0.2 + i / 1000, 0.3 + i / 1000) for i in range(12)} | {
    "bias": (0.6, 0.7),
    "variance": (0.05, 0.7),
}


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = [
        {"sweep": sweep, "J_train": J_train, "J_cv": J_cv, "J_naive": 1.0}
        for sweep in ("one", "two")
        for J_train, J_cv in MEANS.values()
    ]
    return pd.DataFrame(rows).assign(J_train_se=0.01, J_cv_se=0.01)


def test_means_are_enough():
    runs = {
        name: Evidence(J_train=J_train, J_cv=J_cv, J_train_se=0.01, J_cv_se=0.01)
        for name, (J_train, J_cv) in MEANS.items()
    }

    verdicts = diagnose(runs, J_naive=1.0)

    assert verdicts["bias"].label is Label.HIGH_BIAS
    assert verdicts["variance"].label is Label.HIGH_VARIANCE
    assert verdicts["good0"].label is Label.GOOD_FIT


def test_a_frame_is_diagnosed_sweep_by_sweep(frame):
    mixed = frame.sample(frac=1, random_state=0)

    result = diagnose_frame(mixed)

    assert result.index.equals(mixed.index)
    assert (result.label[mixed.J_train == 0.6] == "high_bias").all()
    assert result.loc[mixed.J_train == 0.6, "excess"].between(0.5, 0.65).all()


def test_a_frame_may_hold_losses_curves_and_failures(planted):
    runs = planted(odd=(0.6, 0.7))
    frame = pd.DataFrame(
        {
            "sweep": "one",
            "train_losses": [e.train_losses for e in runs.values()] + [None],
            "cv_losses": [e.cv_losses for e in runs.values()] + [None],
            "epochs": [20.0] * len(runs) + [float("nan")],
            "state": ["complete"] * len(runs) + ["failed"],
        }
    )

    labels = diagnose_frame(frame, J_naive=1.0).label.tolist()

    assert labels[-2:] == ["high_bias", "not_assessed"]


@pytest.mark.parametrize("missing", [["J_cv_se"], ["J_train_se"], ["J_train_se", "J_cv_se"]])
def test_nothing_is_certain_without_standard_errors(frame, missing):
    result = diagnose_frame(frame.drop(columns=missing))

    # The three best have J_train .201 and J_cv .301, so z is .699; the run with bias .6 and .7.
    assert set(result.label) == {"inconclusive"}
    assert result.reason[0].startswith(f"no {' and '.join(missing)}: without a spread")
    assert result.excess[12] == pytest.approx(0.399 / 0.699)
    assert result.bias[12] == pytest.approx(0.399 / 0.699)
    assert result.difference[13] == pytest.approx((0.399 + 2 * 0.151) / 0.699)
    assert result.excess_low.isna().all()


def test_sweeps_with_and_without_standard_errors_can_share_a_frame(frame):
    frame.loc[frame.sweep == "two", "J_cv_se"] = np.nan

    labels = diagnose_frame(frame).label

    assert labels[12] == "high_bias"
    assert labels[12 + 14] == "inconclusive"


def test_runs_that_failed_are_not_assessed_without_standard_errors(frame):
    frame = frame.drop(columns=["J_train_se", "J_cv_se"]).assign(state="complete")
    frame.loc[0, "state"] = "failed"
    frame.loc[1, "J_cv"] = np.nan

    labels = diagnose_frame(frame).label

    assert labels.tolist() == ["not_assessed"] * 2 + ["inconclusive"] * 26


def test_shares_are_unknown_where_nothing_beats_the_naive_loss(frame):
    result = diagnose_frame(frame.drop(columns="J_cv_se").assign(J_naive=0.2))

    assert set(result.label) == {"inconclusive"}
    assert result.excess.isna().all()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"J_naive": float("inf")}, "J_naive: must be a finite number"),
        ({"sweep": None}, "every row needs its sweep, got 28 without"),
        ({"J_cv": "low"}, "J_cv must be numbers, got text"),
    ],
)
def test_unusable_columns_are_refused(frame, change, text):
    with pytest.raises(SpecError, match=text):
        diagnose_frame(frame.drop(columns=["J_train_se", "J_cv_se"]).assign(**change))


def test_a_frame_without_means_is_refused(frame):
    with pytest.raises(SpecError, match="got no J_cv; name the columns so"):
        diagnose_frame(frame.drop(columns="J_cv"))


def test_an_empty_frame_is_refused(frame):
    with pytest.raises(SpecError, match="at least one row"):
        diagnose_frame(frame.iloc[:0])


@pytest.mark.parametrize("values", [None, [1.0, 2.0]])
def test_a_sweep_has_one_naive_loss(frame, values):
    frame = frame.drop(columns="J_naive")
    if values:
        frame["J_naive"] = np.resize(values, len(frame))

    with pytest.raises(SpecError, match="sweep 'one': needs one J_naive"):
        diagnose_frame(frame)


def test_verdicts_are_plain_json(planted):
    diagnosis = diagnose(planted(odd=(0.6, 0.7)), J_naive=1.0, baselines={"target": 0.1})

    run = json.loads(json.dumps(diagnosis["odd"].to_json()))
    sweep = json.loads(json.dumps(diagnosis.sweep.to_json()))

    assert run["label"] == "high_bias"
    assert set(run["numbers"]["excess"]) == {"value", "low", "high"}
    assert sweep["labels"] == {"good_fit": 12, "high_bias": 1}
