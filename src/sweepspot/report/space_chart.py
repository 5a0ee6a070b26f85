"""The chart of the space: each trial as a line through the searched dimensions."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweepspot.diagnosis import Diagnosis, Label
from sweepspot.report.charts import (
    Chart,
    Results,
    axis_type,
    by_label,
    json_number,
    measured,
    setting_text,
)
from sweepspot.report.wording import number_text, words
from sweepspot.space import Choice, Dimension, Params, Space
from sweepspot.trial import TrialResult, run_id

__all__ = ["space_chart"]

_LONGEST_NAME = 18
_NOT_USED = -0.12
"""Where a line passes below the axis of a dimension that its trial does not have."""


def space_chart(results: Results, diagnosis: Diagnosis, space: Space) -> Chart:
    """Draw each trial as a line through the searched dimensions and J_cv, side by side.

    Every axis runs from 0 to 1 on the dimension's own scale; a dimension that a trial does not
    have is below the axis.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.
        space: What was searched.
    """
    shown = measured(results)
    axes = [
        *(_dimension_axis(name, d) for name, d in space.dimensions.items()),
        _J_axis([r.J_cv for r in shown.values()]),
    ]
    data = [_lines(label, of, axes) for label, of in by_label(shown, diagnosis).items()]
    return {"data": data, "layout": _axes_layout(axes)}


@dataclass(frozen=True, slots=True)
class _Scale:
    """From where to where an axis runs, and whether its steps are factors."""

    low: float
    high: float
    log: bool

    def place(self, value: object) -> float | None:
        """Return where a value stands between the ends, 0 to 1; None for what is no number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if self.low == self.high:
            return 0.5
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return (value - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return place and text of the ends and the middle."""
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return [
            (place, f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}")
            for value in sorted({self.low, middle, self.high})
            if (place := self.place(value)) is not None
        ]


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
    scale = _Scale(float(dimension.low), float(dimension.high), dimension.log)
    return _Axis(
        name=_short(name),
        ticks=scale.ticks(),
        position=lambda r: scale.place(r.trial.params.get(name)),
        text=lambda r: _value_text(name, r.trial.params),
    )


def _J_axis(J_cvs: Sequence[float | None]) -> _Axis:
    known = [J for J in J_cvs if J is not None] or [0.0, 1.0]
    scale = _Scale(min(known), max(known), axis_type(known) == "log")
    return _Axis(
        name="<b>J_cv</b>",
        ticks=scale.ticks(),
        position=lambda r: scale.place(r.J_cv),
        text=lambda r: f"J_cv {number_text(r.J_cv)}",
    )


def _short(text: str) -> str:
    cut = text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"
    return html.escape(cut)


def _value_text(name: str, params: Params) -> str:
    return setting_text(name, params[name]) if name in params else html.escape(f"{name} not used")


def _lines(label: Label, members: Results, axes: Sequence[_Axis]) -> Chart:
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    numbers: list[int | None] = []
    for number, result in members.items():
        places = [axis.position(result) for axis in axes]
        # None breaks the line between one trial and the next.
        x += [*range(len(axes)), None]
        y += [*(_NOT_USED if p is None else json_number(p) for p in places), None]
        text += [*(f"{run_id(number)}  {axis.text(result)}" for axis in axes), ""]
        numbers += [*([number] * len(axes)), None]
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
