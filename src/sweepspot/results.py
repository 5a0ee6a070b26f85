"""What came of a sweep: its table, its verdicts and its champion, for people and for automation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sweepspot.crowning import Champion, Outcome
from sweepspot.diagnosis import Diagnosis
from sweepspot.trial import TrialResult, run_id

__all__ = ["SweepResult", "as_frame"]

MEASURES = ("J_train", "J_cv", "gap", "error_train", "error_cv")
"""Columns that are numbers even where no trial was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        name: Of the sweep.
        frame: A row a trial: number, state, label, J_train, J_cv, gap, errors, size, times, reason,
            and a column `params.<name>` for each hyperparameter.
        diagnosis: The verdict of each trial, by `#007`, and of the sweep.
        outcome: The champion or none, and why.
        report: The report, one self-contained HTML page.
        target: The name in the registry that the champion is meant for, None for none.
        unsent: Calls that the tracking store has not taken yet; the next run sends them.
        trouble: What the store last refused or failed to answer, one line.
    """

    name: str
    frame: pd.DataFrame
    diagnosis: Diagnosis
    outcome: Outcome
    report: Path
    target: str | None = None
    unsent: int = 0
    trouble: str = ""

    @property
    def champion(self) -> Champion | None:
        """The one selected, or None."""
        return self.outcome.champion

    @property
    def champion_lines(self) -> tuple[str, ...]:
        """The champion for people, a line a fact."""
        champion = self.champion
        if champion is None:
            return (f"champion  none: {self.outcome.because}",)
        lines = [
            f"champion  {self.outcome.because}",
            f"scores    J_cv {champion.J_cv:.4f}, error {champion.error_cv:.4g}; "
            f"on the test split J {champion.J_test:.4f}, error {champion.error_test:.4g}",
        ]
        if champion.test_openings > 1:
            lines.append(
                f"warning   this test split was opened {champion.test_openings} times by now, "
                "so its score flatters a little more each time"
            )
        if self.outcome.warning:
            lines.append(f"warning   {self.outcome.warning}")
        where = f"models:/{self.target}@champion" if champion.registered else champion.folder
        return (*lines, f"model     {where}")

    def to_json(self) -> dict[str, Any]:
        """Return what automation reads, as JSON values."""
        return {
            "sweep": self.name,
            "trials": len(self.frame),
            "states": self.frame["state"].value_counts().to_dict() if len(self.frame) else {},
            "verdict": self.diagnosis.sweep.to_json(),
            "champion": self.champion.to_json() if self.champion else None,
            "because": self.outcome.because,
            "report": str(self.report),
            "unsent": self.unsent,
        }


def as_frame(results: Mapping[int, TrialResult], diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the table of a sweep, a row a trial, in the order of their numbers."""
    rows = []
    for number, result in sorted(results.items()):
        verdict = diagnosis[run_id(number)]
        gap = None
        if result.J_cv is not None and result.J_train is not None:
            gap = result.J_cv - result.J_train
        rows.append(
            {
                "number": number,
                "state": result.state.value,
                "label": str(verdict.label),
                "J_train": result.J_train,
                "J_cv": result.J_cv,
                "gap": gap,
                "error_train": result.error_train,
                "error_cv": result.error_cv,
                "n_weights": result.n_weights,
                "epochs": result.epochs,
                "elapsed_s": result.elapsed_s,
                "trainer": result.trainer,
                "reason": verdict.reason,
                **{f"params.{name}": value for name, value in result.trial.params.items()},
            }
        )
    # Where no trial was measured the columns would hold objects.
    return pd.DataFrame(rows).astype(dict.fromkeys(MEASURES, float) if rows else {})
