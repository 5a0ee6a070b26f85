"""Next steps are concrete, in the measured order, and say when an edge is in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweepspot.diagnosis import diagnose


def steps(planted, means, params, space=None):
    runs = planted(odd=means)
    runs["odd"] = replace(runs["odd"], params=params)
    return diagnose(runs, J_naive=1.0, space=space)["odd"].next_steps


BIAS, VARIANCE = (0.6, 0.7), (0.05, 0.7)
PARAMS = {
    "units": 64,
    "dropout": 0.1,
    "l2": 1e-4,
    "learning_rate": 1e-3,
    "layers": 2,
    "optimizer": "adam",
    "use_units": True,
}


def test_steps_against_bias(planted):
    texts = [step.text for step in steps(planted, BIAS, PARAMS)]

    assert texts == [
        "dropout: 0.1 -> 0",
        "units: 64 -> 192",
        "learning_rate: 0.001 -> 0.000333",
        "l2: 0.0001 -> 1e-05",
        "layers: 2 -> 3",
    ]


def test_steps_against_variance(planted):
    found = steps(planted, VARIANCE, {**PARAMS, "l2": 0.0})

    assert [step.parameter for step in found] == [
        None,
        None,
        "learning_rate",
        "l2",
        "dropout",
        "units",
        "units",
    ]
    assert found[3].proposed == pytest.approx(1e-4)
    assert found[0].hit_rate == pytest.approx(0.97)
    assert found[0].origin


def test_a_proposal_near_an_edge_moves_it(planted):
    space = {
        "units": (16, 256, True),
        "learning_rate": (5e-4, 1e-1, True),
        "dropout": (0.0, 0.5, False),
        "layers": (1, 9, False),
    }

    texts = [step.text for step in steps(planted, BIAS, PARAMS, space)]

    assert "units: 64 -> 192, and raise the upper edge 256 -> 768" in texts
    assert "learning_rate: 0.001 -> 0.000333, and lower the lower edge 0.0005 -> 0.000167" in texts
    assert "dropout: 0.1 -> 0" in texts
    assert "layers: 2 -> 3" in texts


def test_a_fixed_range_stays(planted):
    texts = [s.text for s in steps(planted, BIAS, {"units": 64}, {"units": (64, 64, True)})]

    assert texts == ["units: 64 -> 192"]


def test_without_parameters_steps_are_words(planted):
    assert steps(planted, BIAS, {})[0].text == "less dropout"


def test_a_step_that_changes_nothing_is_left_out(planted):
    found = steps(planted, BIAS, {"dropout": 0.0, "l2": 0.0, "units_2": 8})

    assert [step.parameter for step in found] == ["units_2"]
