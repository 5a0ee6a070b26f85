"""The charts of the report, as values that Plotly draws; colours are names of the page's style."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sweepspot.diagnosis import Diagnosis, Frontier, Label
from sweepspot.selection import Selection
from sweepspot.space import Choice, Dimension, Params, Space
from sweepspot.trial import TrialResult, run_id

__all__ = [
    "SYMBOLS",
    "Chart",
    "curve_values",
    "finalist_chart",
    "number_text",
    "space_chart",
    "split_chart",
    "words",
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
_LINE_POINTS = 80
_LOG_FROM = 5.0
_LONGEST_NAME = 18
_NOT_USED = -0.12


def number_text(value: object) -> str:
    """Write a value as people read it: four significant digits, thousands apart.

    Example:
        >>> number_text(0.0312345), number_text(12345), number_text(None), number_text("adam")
        ('0.03123', '12,345', '', 'adam')
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def words(label: object) -> str:
    """Write a label as words.

    Example:
        >>> words("high_bias_high_variance")
        'high bias, high variance'
    """
    return str(label).replace("bias_high", "bias, high").replace("_", " ")


def split_chart(results: Results, diagnosis: Diagnosis, *, champion: int | None) -> Chart:
    """Draw J_train against J_cv, a point a trial, with the frontier and its gap as references.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.
        champion: Number of the champion's trial.
    """
    shown = {n: r for n, r in results.items() if _is_measured(r)}
    data: list[Chart] = []
    for label in reversed(SYMBOLS):
        members = {n: r for n, r in shown.items() if diagnosis[run_id(n)].label is label}
        if members:
            data.append(_points(label, members, champion))
    J_trains, J_cvs = [r.J_train for r in shown.values()], [r.J_cv for r in shown.values()]
    scale = _scale([*J_trains, *J_cvs])
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


def curve_values(results: Results) -> dict[str, Chart]:
    """Return the learning curve of each trial by its number: epochs, J_train, J_cv, epoch kept."""
    return {
        str(number): {
            "epochs": list(result.curve.steps),
            "J_train": [_json_number(J) for J in result.curve.J_train],
            "J_cv": [_json_number(J) for J in result.curve.J_cv],
            "kept": result.best_epoch or None,
        }
        for number, result in results.items()
    }


def space_chart(results: Results, diagnosis: Diagnosis, space: Space) -> Chart:
    """Draw each trial as a line through the searched dimensions and J_cv, side by side.

    Every axis runs from 0 to 1 on the dimension's own scale; a dimension that a trial does not
    have is below the axis.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.
        space: What was searched.
    """
    shown = {n: r for n, r in results.items() if _is_measured(r)}
    axes = [_dimension_axis(name, d) for name, d in space.dimensions.items()]
    axes.append(_J_axis([r.J_cv for r in shown.values()]))
    data = []
    for label in reversed(SYMBOLS):
        members = {n: r for n, r in shown.items() if diagnosis[run_id(n)].label is label}
        if members:
            data.append(_lines(label, members, axes))
    return {"data": data, "layout": _axes_layout(axes)}


def finalist_chart(selection: Selection) -> Chart:
    """Draw the difference of each finalist to the best one, with its standard error."""
    contenders = selection.contenders[::-1]
    chosen = [c.number == selection.number for c in contenders]
    point = {
        "type": "scatter",
        "mode": "markers",
        "x": [c.difference for c in contenders],
        "y": [run_id(c.number) for c in contenders],
        "error_x": {
            "type": "data",
            "array": [c.standard_error for c in contenders],
            "color": "var(--muted)",
            "thickness": 2,
            "width": 6,
        },
        "marker": {
            "size": 13,
            "symbol": ["star" if c else "circle" for c in chosen],
            "color": ["var(--good_fit)" if c else "var(--accent)" for c in chosen],
        },
        "text": [
            f"{run_id(c.number)}: {c.difference:+.4g}, standard error {c.standard_error:.3g}"
            for c in contenders
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "mean J_cv minus that of the best finalist"}, "zeroline": True},
        "yaxis": {"type": "category", "fixedrange": True},
        "showlegend": False,
        "margin": {"l": 56, "r": 16, "t": 12, "b": 44},
        "height": 110 + 42 * len(contenders),
    }
    return {"data": [point], "layout": layout}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Axis:
    """One vertical axis of the space chart.

    Attributes:
        name: Of the dimension, escaped.
        ticks: Position and text.
        position: Where a trial crosses it, None where it does not.
        text: What the trial has there.
    """

    name: str
    ticks: Sequence[tuple[float, str]]
    position: Callable[[TrialResult], float | None]
    text: Callable[[TrialResult], str]


def _is_measured(result: TrialResult) -> bool:
    return all(J is not None and math.isfinite(J) for J in (result.J_train, result.J_cv))


def _points(label: Label, members: Results, champion: int | None) -> Chart:
    color, is_open = f"var(--{label})", "open" in SYMBOLS[label]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": words(label),
        "x": [_json_number(r.J_train) for r in members.values()],
        "y": [_json_number(r.J_cv) for r in members.values()],
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
        *(_setting(name, value) for name, value in result.trial.params.items()),
    ]
    return "<br>".join(lines)


def _setting(name: str, value: object) -> str:
    return html.escape(f"{name} {number_text(value)}")


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
        "x": [_json_number(v) for v in x],
        "y": [_json_number(v) for v in y],
        "line": {"color": "var(--muted)", "width": 1.5, "dash": dash},
        "hoverinfo": "name",
    }


def _scale(values: Iterable[float | None]) -> str:
    """Choose a log scale where the values span so much that a linear one would hide the best."""
    known = [v for v in values if v is not None]
    if not known or min(known) <= 0:
        return "linear"
    return "log" if max(known) / min(known) > _LOG_FROM else "linear"


def _dimension_axis(name: str, dimension: Dimension) -> _Axis:
    if isinstance(dimension, Choice):
        options = dimension.options
        places = {repr(o): (k + 0.5) / len(options) for k, o in enumerate(options)}
        return _Axis(
            name=_short(name),
            ticks=[(places[repr(o)], _short(str(o))) for o in options],
            position=lambda r: places.get(repr(r.trial.params.get(name))),
            text=lambda r: _value_text(name, r.trial.params),
        )
    low, high, log = float(dimension.low), float(dimension.high), dimension.log
    return _Axis(
        name=_short(name),
        ticks=_ticks(low, high, log=log),
        position=lambda r: _place(r.trial.params.get(name), low, high, log=log),
        text=lambda r: _value_text(name, r.trial.params),
    )


def _J_axis(J_cvs: Sequence[float | None]) -> _Axis:
    known = [J for J in J_cvs if J is not None] or [0.0, 1.0]
    low, high, log = min(known), max(known), _scale(known) == "log"
    return _Axis(
        name="<b>J_cv</b>",
        ticks=_ticks(low, high, log=log),
        position=lambda r: _place(r.J_cv, low, high, log=log),
        text=lambda r: f"J_cv {number_text(r.J_cv)}",
    )


def _short(text: str) -> str:
    cut = text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"
    return html.escape(cut)


def _value_text(name: str, params: Params) -> str:
    return _setting(name, params[name]) if name in params else html.escape(f"{name} not used")


def _place(value: object, low: float, high: float, *, log: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if low == high:
        return 0.5
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _ticks(low: float, high: float, *, log: bool) -> list[tuple[float, str]]:
    middle = math.sqrt(low * high) if log else (low + high) / 2
    values = sorted({low, middle, high})
    return [
        (place, f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}")
        for value in values
        if (place := _place(value, low, high, log=log)) is not None
    ]


def _lines(label: Label, members: Results, axes: Sequence[_Axis]) -> Chart:
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    numbers: list[int | None] = []
    for number, result in members.items():
        for k, axis in enumerate(axes):
            place = axis.position(result)
            x.append(k)
            y.append(_NOT_USED if place is None else _json_number(place))
            text.append(f"{run_id(number)}  {axis.text(result)}")
            numbers.append(number)
        # A gap between one trial's line and the next.
        x.append(None)
        y.append(None)
        text.append("")
        numbers.append(None)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": words(label),
        "x": x,
        "y": y,
        "text": text,
        "customdata": numbers,
        "hovertemplate": "%{text}<extra></extra>",
        "opacity": 0.5,
        "line": {"color": f"var(--{label})", "width": 1.6},
    }


def _axes_layout(axes: Sequence[_Axis]) -> Chart:
    ticks = [
        {
            "x": k,
            "y": place,
            "text": text,
            "showarrow": False,
            "xanchor": "left",
            "xshift": 4,
            "bgcolor": "var(--veil)",
            "font": {"size": 11},
        }
        for k, axis in enumerate(axes)
        for place, text in axis.ticks
    ]
    rules = [
        {
            "type": "line",
            "x0": k,
            "x1": k,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"color": "var(--muted)", "width": 1},
        }
        for k in range(len(axes))
    ]
    return {
        "xaxis": {
            "tickvals": list(range(len(axes))),
            "ticktext": [axis.name for axis in axes],
            "side": "top",
            "tickangle": 0,
            "range": [-0.15, len(axes) - 1 + 0.6],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        "yaxis": {"visible": False, "range": [-0.17, 1.06], "fixedrange": True},
        "annotations": ticks,
        "shapes": rules,
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": -0.04, "traceorder": "reversed"},
        "margin": {"l": 12, "r": 12, "t": 40, "b": 16},
    }


def _json_number(value: float | None) -> float | None:
    """Return a number that JSON has, to six digits; None for the others."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")
