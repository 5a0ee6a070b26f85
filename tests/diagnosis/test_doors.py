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


def test_a_frame_without_standard_errors_is_refused(frame):
    with pytest.raises(SpecError, match="got no J_cv_se; without standard errors"):
        diagnose_frame(frame.drop(columns="J_cv_se"))


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
