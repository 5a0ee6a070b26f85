"""The chart of the finalists: how far each is from the best one."""

from __future__ import annotations

from sweepspot.report.charts import Chart
from sweepspot.selection import Selection
from sweepspot.trial import run_id

__all__ = ["finalist_chart"]


def finalist_chart(selection: Selection, champion: int | None) -> Chart:
    """Draw the difference of each finalist to the best one, with its standard error.

    Args:
        selection: How they compared.
        champion: Number of the one that has a star, None for none.
    """
    contenders = selection.contenders[::-1]
    chosen = [c.number == champion for c in contenders]
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
