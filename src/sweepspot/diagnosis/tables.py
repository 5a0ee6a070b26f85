"""Tables: sweeps of other tools, a row a run, diagnosed from a pandas frame."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import Diagnosis
from sweepspot.errors import SpecError

__all__ = ["evidence_of", "naive_of", "verdict_columns"]

_MEANS = ("J_train", "J_cv", "J_train_se", "J_cv_se")
_LOSSES = ("train_losses", "cv_losses")
_OPTIONAL = (
    "train_curve",
    "cv_curve",
    "train_errors",
    "cv_errors",
    "state",
    "reason",
    "epochs",
    "full_fidelity",
)


def evidence_of(frame: pd.DataFrame) -> dict[str, Evidence]:
    """Return the evidence of each row, by its position in the frame.

    Raises:
        SpecError: The frame has neither losses nor means with standard errors.
    """
    columns = _LOSSES if set(_LOSSES) <= set(frame.columns) else _MEANS
    missing = [name for name in ("sweep", *columns) if name not in frame.columns]
    if missing:
        raise SpecError(
            f"frame: must have columns sweep and {', '.join(_MEANS)} (or {', '.join(_LOSSES)}), "
            f"got no {', '.join(missing)}; without standard errors no interval can be given"
        )
    names = [*columns, *(name for name in _OPTIONAL if name in frame.columns)]
    return {
        str(position): Evidence(**_present(row))
        for position, row in enumerate(frame[names].to_dict("records"))
    }


def _present(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return the cells that hold something: pandas writes a missing one as NaN."""
    found = {str(k): v for k, v in row.items() if not (isinstance(v, float) and math.isnan(v))}
    found = {name: value for name, value in found.items() if value is not None}
    if "epochs" in found:
        found["epochs"] = int(found["epochs"])
    return found


def naive_of(frame: pd.DataFrame, J_naive: float | None, sweep: Hashable) -> float:
    """Return J_naive of one sweep: as stated, or from its column.

    Raises:
        SpecError: Neither is there, or the rows of the sweep disagree.
    """
    if J_naive is not None:
        return J_naive
    stated = frame["J_naive"].dropna().unique().tolist() if "J_naive" in frame.columns else []
    if len(stated) != 1:
        raise SpecError(
            f"sweep {sweep!r}: needs one J_naive, got {len(stated)}; "
            "add a column J_naive, or pass J_naive="
        )
    return float(stated[0])


def verdict_columns(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Return one flat record for each run: label, reason, next step, numbers with bounds."""
    records = []
    for verdict in diagnosis.values():
        record: dict[str, Any] = {
            "label": str(verdict.label),
            "reason": verdict.reason,
            "next_step": verdict.next_steps[0].text if verdict.next_steps else "",
        }
        for name in ("excess", "bias", "variance", "difference"):
            number = verdict.numbers.get(name)
            record[name] = number.value if number else float("nan")
            record[f"{name}_low"] = number.low if number else float("nan")
            record[f"{name}_high"] = number.high if number else float("nan")
        records.append(record)
    return records
