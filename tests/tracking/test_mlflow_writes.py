"""How often the MLflow tracker writes: SQLite counts its transactions in the head of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepspot.protocols import Plan
from sweepspot.tracking.mlflow import MlflowTracker
from sweepspot.trial import State, Trial, TrialResult

PLAN = Plan(sweep="digits", experiment="demo", tags={"sweepspot.sweep_id": "one"})
VERDICT = {
    "tags": {f"sweepspot.{name}": name for name in ("label", "reason", "engine")},
    "metrics": {f"diagnosis/{name}": 0.5 for name in ("excess", "bias", "variance")},
    "description": "**high_bias**: fits the training split less well",
}

pytestmark = pytest.mark.slow


def writes(path: Path) -> int:
    """Read the file change counter (SQLite file format, section 1.3.7)."""
    return int.from_bytes(path.read_bytes()[24:28], "big")


def tracker_at(path: Path) -> MlflowTracker:
    tracker = MlflowTracker(f"sqlite:///{path}")
    tracker.start(PLAN)
    return tracker


def test_a_verdict_is_few_transactions_and_the_same_one_none(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    tracker = tracker_at(path)
    trial = Trial(number=0, params={"units": 8}, seed=0, epochs=1)
    tracker.record(TrialResult(trial=trial, state=State.COMPLETE, J_cv=0.5), "#000")

    before = writes(path)
    tracker.annotate(0, **VERDICT)
    first = writes(path)
    tracker.annotate(0, **VERDICT)
    again = writes(path)
    tracker.annotate(0, **{**VERDICT, "tags": {"sweepspot.label": "good_fit"}})

    # One for all the metrics and one for all the tags, where one a value would be seven.
    assert 1 <= first - before <= 3
    assert again == first
    assert 1 <= writes(path) - again <= 2


def test_what_an_earlier_process_wrote_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    tracker = tracker_at(path)
    trial = Trial(number=0, params={"units": 8}, seed=0, epochs=1)
    result = TrialResult(trial=trial, state=State.COMPLETE, J_cv=0.5)
    tracker.record(result, "#000")
    tracker.annotate(0, **VERDICT)

    later = tracker_at(path)
    before = writes(path)
    later.record(result, "#000")
    later.annotate(0, **VERDICT)

    assert writes(path) == before
