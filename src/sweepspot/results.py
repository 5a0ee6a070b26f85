"""What came of a sweep: its table, its verdicts and its champion, for people and for automation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sweepspot.advice import Limit, Optimism
from sweepspot.advice_ledger import Answer, tally
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
        answers: Whether prescribed steps were right, over all sweeps of the project.
        verified: The answers about trials of this sweep, by number.
        findings: What limits the sweep: its space, its epochs, its failures, its noise.
        optimism: By how much the best trial flatters itself, None where that is not known.
        advice: The command that proposes the next sweep, empty when there is no file.
    """

    name: str
    frame: pd.DataFrame
    diagnosis: Diagnosis
    outcome: Outcome
    report: Path
    target: str | None = None
    unsent: int = 0
    trouble: str = ""
    answers: tuple[Answer, ...] = ()
    verified: Mapping[int, Answer] = field(default_factory=dict)
    findings: tuple[Limit, ...] = ()
    optimism: Optimism | None = None
    advice: str = ""

    @property
    def champion(self) -> Champion | None:
        """The one selected, or None; `outcome.status` says whether it is the registered one."""
        return self.outcome.champion

    @property
    def champion_lines(self) -> tuple[str, ...]:
        """The champion for people, a line a fact."""
        champion, outcome = self.champion, self.outcome
        lines = [f"champion  {outcome.because}"]
        if champion is not None:
            refit = " before the refit" if champion.refit == "all" else ""
            lines.append(
                f"scores    J_cv {champion.J_cv:.4f}, error {champion.error_cv:.4g}{refit}; "
                f"on the test split J {champion.J_test:.4f}, error {champion.error_test:.4g}"
            )
        if outcome.gates:
            lines.append(f"gates     {'; '.join(str(gate) for gate in outcome.gates)}")
        if champion is not None and champion.test_openings > 1:
            lines.append(
                f"warning   this test split was opened {champion.test_openings} times by now, "
                "so its score flatters a little more each time"
            )
        if outcome.warning:
            lines.append(f"warning   {outcome.warning}")
        return (*lines, f"model     {self.model}") if self.model else tuple(lines)

    @property
    def model(self) -> str:
        """Where the model to use is: a URI for `mlflow.pyfunc.load_model`, or a folder.

        Where another model stays the registered champion, that one; this sweep's own is in
        `champion.folder`. Empty when there is no champion.
        """
        if self.champion is None:
            return ""
        if self.outcome.status in ("promoted", "kept"):
            return f"models:/{self.target}@champion"
        return self.champion.folder

    @property
    def limit_lines(self) -> tuple[str, ...]:
        """What flatters and what limits the sweep, for people, a line a fact."""
        lines = [f"optimism  {self.optimism}"] if self.optimism else []
        # That a dimension matters is worth knowing, and limits nothing.
        limits = [
            f"{limit.title} ({limit.code})" for limit in self.findings if limit.code != "D207"
        ]
        if limits:
            go_on = f"; {self.advice} proposes the next sweep" if self.advice else ""
            lines.append(f"limits    {'; '.join(limits)}{go_on}")
        return tuple(lines)

    @property
    def advice_lines(self) -> tuple[str, ...]:
        """How often the advice was right, for people; nothing where none was verified."""
        return (f"so far    {tally(self.answers)}, in this project",) if self.answers else ()

    def to_json(self) -> dict[str, Any]:
        """Return what automation reads, as JSON values."""
        return {**self.to_record(), "unsent": self.unsent}

    def to_record(self) -> dict[str, Any]:
        """Return what `outcome.json` holds: `unsent` is not known yet when it is written."""
        return {
            "sweep": self.name,
            "trials": len(self.frame),
            "states": self.frame["state"].value_counts().to_dict() if len(self.frame) else {},
            "verdict": self.diagnosis.sweep.to_json(),
            **self.outcome.to_json(),
            "model": self.model or None,
            "optimism": self.optimism.to_json() if self.optimism else None,
            "findings": [limit.to_json() for limit in self.findings],
            "advice": tally(self.answers).to_json(),
            "report": str(self.report),
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
