"""The chart of J_train against J_cv: a point a trial, and what the points are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sweepspot.diagnosis import Diagnosis, Frontier, Label
from sweepspot.report.charts import (
    SYMBOLS,
    Chart,
    Results,
    axis_type,
    by_label,
    json_number,
    measured,
    setting_text,
)
from sweepspot.report.wording import number_text, words
from sweepspot.trial import TrialResult, run_id

__all__ = ["split_chart"]

_LINE_POINTS = 80


def split_chart(results: Results, diagnosis: Diagnosis, *, champion: int | None) -> Chart:
    """Draw J_train against J_cv, a point a trial, with the frontier and its gap as references.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.
        champion: Number of the champion's trial.
    """
    shown = measured(results)
    data = [_points(label, of, champion) for label, of in by_label(shown, diagnosis).items()]
    J_trains, J_cvs = [r.J_train for r in shown.values()], [r.J_cv for r in shown.values()]
    scale = axis_type([*J_trains, *J_cvs])
    if diagnosis.frontier is not None:
        data = [*_references(diagnosis.frontier, shown.values(), scale), *data]
    layout = {
        "xaxis": {"title": {"text": "J_train"}, "type": scale},
        "yaxis": {"title": {"text": "J_cv"}, "type": scale},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": -0.16, "traceorder": "reversed"},
        "margin": {"l": 56, "r": 16, "t": 12, "b": 40},
    }
    return {"data": data, "layout": layout}


def _points(label: Label, members: Results, champion: int | None) -> Chart:
    color, is_open = f"var(--{label})", "open" in SYMBOLS[label]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": words(label),
        "x": [json_number(r.J_train) for r in members.values()],
        "y": [json_number(r.J_cv) for r in members.values()],
        "customdata": list(members),
        "text": [_hover(label, r, is_champion=n == champion) for n, r in members.items()],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": color,
            "symbol": SYMBOLS[label],
            "size": [15 if n == champion else 11 for n in members],
            "line": {
                "width": [2.5 if n == champion or is_open else 1 for n in members],
                # An open symbol is drawn in the colour of its line.
                "color": color if is_open else _rims(members, champion),
            },
        },
    }


def _rims(members: Results, champion: int | None) -> list[str]:
    return ["var(--text)" if n == champion else "var(--card)" for n in members]


def _hover(label: Label, result: TrialResult, *, is_champion: bool) -> str:
    head = f"<b>{run_id(result.number)}</b>  {words(label)}" + (", champion" * is_champion)
    lines = [
        head,
        f"J_train {number_text(result.J_train)}, J_cv {number_text(result.J_cv)}",
        f"{result.n_weights:,} weights, {result.epochs} epochs",
        *(setting_text(name, value) for name, value in result.trial.params.items()),
    ]
    return "<br>".join(lines)


def _references(frontier: Frontier, shown: Iterable[TrialResult], scale: str) -> list[Chart]:
    """Draw the frontier, the line of its gap, and the naive baseline where trials come near it."""
    J_train, J_cv = frontier.J_train.value, frontier.J_cv.value
    trials = list(shown)
    edges = [J_train, *(r.J_train for r in trials if r.J_train is not None)]
    spaced = np.geomspace if scale == "log" else np.linspace
    x = spaced(min(edges), max(edges), _LINE_POINTS)
    lines = [_reference(x, x + (J_cv - J_train), "the frontier's gap", "dash")]
    J_naive = J_cv + frontier.z.value
    if J_naive < 1.5 * max((r.J_cv or 0.0 for r in trials), default=0.0):
        lines.append(_reference(x[[0, -1]], np.full(2, J_naive), "naive baseline", "dot"))
    return [
        *lines,
        {
            "type": "scatter",
            "mode": "markers",
            "name": "frontier",
            "x": [J_train],
            "y": [J_cv],
            "text": [f"<b>frontier</b><br>J_train {J_train:.4g}, J_cv {J_cv:.4g}"],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"symbol": "star", "size": 17, "color": "var(--text)"},
        },
    ]


def _reference(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], name: str, dash: str) -> Chart:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [json_number(v) for v in x],
        "y": [json_number(v) for v in y],
        "line": {"color": "var(--muted)", "width": 1.5, "dash": dash},
        "hoverinfo": "name",
    }
