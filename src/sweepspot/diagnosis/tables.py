"""Tables: sweeps of other tools, a row a run, diagnosed from a pandas frame."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.records import Diagnosis, Label
from sweepspot.diagnosis.sampling import Floats
from sweepspot.errors import SpecError

__all__ = ["check_columns", "columns_without_spread", "evidence_of", "naive_of", "verdict_columns"]

_MEANS = ("J_train", "J_cv")
_ERRORS = ("J_train_se", "J_cv_se")
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
_SHARES = ("excess", "bias", "variance", "difference")


def check_columns(frame: pd.DataFrame) -> None:
    """Refuse a frame that has neither losses nor means, or does not say which runs are a sweep.

    Raises:
        SpecError: Naming the columns that are missing.
    """
    columns = _LOSSES if set(_LOSSES) <= set(frame.columns) else _MEANS
    missing = [name for name in ("sweep", *columns) if name not in frame.columns]
    if missing:
        raise SpecError(
            f"frame: must have columns sweep and {', '.join(_MEANS)} (or {', '.join(_LOSSES)}), "
            f"got no {', '.join(missing)}; name the columns so"
        )
    if frame["sweep"].isna().any():
        raise SpecError(
            f"frame: every row needs its sweep, got {int(frame['sweep'].isna().sum())} without; "
            "fill the column sweep"
        )
    words = [n for n in _MEANS if n in columns and not pd.api.types.is_numeric_dtype(frame[n])]
    if words:
        raise SpecError(f"frame: {', '.join(words)} must be numbers, got text; convert them")


def evidence_of(frame: pd.DataFrame) -> dict[Hashable, Evidence]:
    """Return the evidence of each row, by its label in the index."""
    names = [
        name
        for name in (*(_LOSSES if _has_losses(frame) else (*_MEANS, *_ERRORS)), *_OPTIONAL)
        if name in frame.columns
    ]
    records = frame[names].to_dict("records")
    return {
        label: Evidence(**_present(row)) for label, row in zip(frame.index, records, strict=True)
    }


def columns_without_spread(
    frame: pd.DataFrame, J_naive: float, criteria: Criteria
) -> list[dict[str, Any]] | None:
    """Return what can be said of the runs of one sweep that have means and no standard errors.

    Where they lie beside the mean of the best runs can be said; how certain that is cannot, so
    every label that would need it is `inconclusive`.

    Args:
        frame: The runs of one sweep.
        J_naive: J of the best constant predictor.
        criteria: For the number of runs in the frontier.

    Returns:
        A record for each row as of `verdict_columns`, without bounds; None where the sweep has
        losses, or standard errors for every mean.
    """
    if _has_losses(frame):
        return None
    means = frame[list(_MEANS)].to_numpy(np.float64)
    measured = np.isfinite(means).all(axis=1) & _ended_well(frame)
    missing = [
        name
        for name in _ERRORS
        if name not in frame.columns or frame[name].isna().to_numpy()[measured].any()
    ]
    if not missing or not measured.any():
        return None
    ranked = means[measured][np.lexsort(means[measured].T)]
    shares = _shares(means, ranked[: criteria.frontier].mean(axis=0), J_naive)
    because = f"no {' and '.join(missing)}: without a spread nothing here is certain"
    known = (Label.INCONCLUSIVE, because)
    unknown = (Label.NOT_ASSESSED, "it failed, or left no means on both splits")
    return [
        {"label": str(label), "reason": reason, "next_step": ""}
        | dict.fromkeys(_names_of_bounds(), math.nan)
        | dict(zip(_SHARES, row, strict=True))
        for (label, reason), row in zip(
            (known if one else unknown for one in measured), shares.tolist(), strict=True
        )
    ]


def _shares(means: Floats, best: Floats, J_naive: float) -> Floats:
    """Return excess, bias, variance and difference, `(runs, 4)`; NaN where z is not above 0."""
    z = J_naive - best[1]
    bias, excess = ((means - best) / (z if z > 0 else math.nan)).T
    return np.column_stack([excess, bias, excess - bias, excess - 2 * bias])


def _names_of_bounds() -> list[str]:
    return [f"{name}{end}" for name in _SHARES for end in ("", "_low", "_high")]


def _has_losses(frame: pd.DataFrame) -> bool:
    return set(_LOSSES) <= set(frame.columns)


def _ended_well(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "state" not in frame.columns:
        return np.ones(len(frame), dtype=np.bool_)
    return ~frame["state"].isin(["failed", "diverged"]).to_numpy()


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
        for name in _SHARES:
            number = verdict.numbers.get(name)
            record[name] = number.value if number else float("nan")
            record[f"{name}_low"] = number.low if number else float("nan")
            record[f"{name}_high"] = number.high if number else float("nan")
        records.append(record)
    return records
