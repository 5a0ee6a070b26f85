"""What the charts of the report share: values that Plotly draws, in colours named by the page."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sweepspot.diagnosis import Diagnosis, Label
from sweepspot.report.wording import number_text
from sweepspot.trial import TrialResult, run_id

__all__ = [
    "SYMBOLS",
    "Chart",
    "Results",
    "axis_type",
    "by_label",
    "curve_values",
    "json_number",
    "measured",
    "setting_text",
]

Chart: TypeAlias = dict[str, Any]
"""`data` and `layout` as Plotly takes them; `var(--x)` stands for a colour of the page."""

SYMBOLS: dict[Label, str] = {
    Label.GOOD_FIT: "circle",
    Label.HIGH_BIAS: "triangle-down",
    Label.HIGH_VARIANCE: "triangle-up",
    Label.HIGH_BIAS_HIGH_VARIANCE: "diamond",
    Label.UNDER_TRAINED: "square",
    Label.INCONCLUSIVE: "circle-open",
    Label.NOT_ASSESSED: "x-thin-open",
}
"""A shape for each label beside its colour, for those who cannot tell the colours apart; the order
of the legends."""

Results: TypeAlias = Mapping[int, TrialResult]
"""Results by the number of their trial."""

_LOG_FROM = 5.0


def curve_values(results: Results) -> dict[str, Chart]:
    """Return the learning curve of each trial by its number: epochs, J_train, J_cv, epoch kept."""
    return {
        str(number): {
            "epochs": list(result.curve.steps),
            "J_train": [json_number(J) for J in result.curve.J_train],
            "J_cv": [json_number(J) for J in result.curve.J_cv],
            "kept": result.best_epoch or None,
        }
        for number, result in results.items()
    }


def measured(results: Results) -> Results:
    """Return the results that have both J: those that can be drawn."""
    return {n: r for n, r in results.items() if _is_finite(r.J_train) and _is_finite(r.J_cv)}


def by_label(results: Results, diagnosis: Diagnosis) -> dict[Label, Results]:
    """Return the results of each label that there is, the label to be drawn on top last."""
    labels = {n: diagnosis[run_id(n)].label for n in results}
    return {
        label: {n: r for n, r in results.items() if labels[n] is label}
        for label in reversed(SYMBOLS)
        if label in labels.values()
    }


def setting_text(name: str, value: object) -> str:
    """Write a setting and its value, escaped: Plotly takes tags in a text for markup."""
    return html.escape(f"{name} {number_text(value)}")


def axis_type(values: Iterable[float | None]) -> str:
    """Choose `log` where the values span so much that `linear` would hide the best of them."""
    known = [v for v in values if v is not None]
    if not known or min(known) <= 0:
        return "linear"
    return "log" if max(known) / min(known) > _LOG_FROM else "linear"


def json_number(value: float | None) -> float | None:
    """Return a number that JSON has, to six digits; None for the others."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
