"""The charts as values: what Plotly takes, and where the trials are in them."""

from __future__ import annotations

from collections import Counter

import plotly.graph_objects as go
import pytest

from made_sweep import MadeSweep, make_sweep
from sweepspot.diagnosis import Label
from sweepspot.report.charts import SYMBOLS
from sweepspot.report.finalist_chart import finalist_chart
from sweepspot.report.space_chart import space_chart
from sweepspot.report.split_chart import split_chart
from sweepspot.report.wording import MEANINGS


@pytest.fixture(scope="module")
def made() -> MadeSweep:
    return make_sweep()


def test_plotly_accepts_every_chart(made: MadeSweep) -> None:
    charts = [
        split_chart(made.results, made.diagnosis, champion=1),
        space_chart(made.results, made.diagnosis, made.spec.points),
        finalist_chart(made.selection, made.selection.number),
    ]

    for chart in charts:
        go.Figure(data=chart["data"], layout=chart["layout"])


def test_every_measured_trial_is_a_point_and_a_line(made: MadeSweep) -> None:
    measured = {n for n, r in made.results.items() if r.J_cv is not None}
    split = split_chart(made.results, made.diagnosis, champion=None)
    space = space_chart(made.results, made.diagnosis, made.spec.points)

    points = [n for trace in split["data"] for n in trace.get("customdata", [])]
    lines = Counter(n for trace in space["data"] for n in trace["customdata"] if n is not None)
    assert sorted(points) == sorted(measured)
    assert dict(lines) == dict.fromkeys(measured, len(made.spec.points.dimensions) + 1)


def test_places_in_the_space_are_between_the_edges_or_below(made: MadeSweep) -> None:
    space = space_chart(made.results, made.diagnosis, made.spec.points)

    places = [y for trace in space["data"] for y in trace["y"] if y is not None]
    assert all(0 <= y <= 1 or y == -0.12 for y in places)
    # l2 exists with two layers or three alone.
    one_layer = sum(
        r.trial.params["layers"] == 1 and r.J_cv is not None for r in made.results.values()
    )
    assert sum(y == -0.12 for y in places) == one_layer > 0


def test_labels_have_a_shape_and_a_meaning_each() -> None:
    assert list(SYMBOLS) == list(MEANINGS)
    assert set(SYMBOLS) == set(Label)
    assert len(set(SYMBOLS.values())) == len(Label)
