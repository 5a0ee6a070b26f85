"""Next steps are concrete, in the measured order, and say when an edge is in the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sweepspot.diagnosis import Label, diagnose
from sweepspot.diagnosis.steps import words_of


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


def test_a_step_says_where_it_belongs_and_what_its_opposite_is(planted):
    found = {step.key: step for step in steps(planted, BIAS, PARAMS)}

    assert {key: (step.current, step.proposed, step.opposite) for key, step in found.items()} == {
        "space.dropout": (0.1, 0.0, pytest.approx(0.3)),
        "space.units": (64, 192, 21),
        "space.learning_rate": (1e-3, pytest.approx(3.33e-4), pytest.approx(3e-3)),
        "space.l2": (1e-4, pytest.approx(1e-5), pytest.approx(1e-3)),
        "space.layers": (2, 3, 1),
    }


def test_where_a_setting_ends_there_is_no_opposite(planted):
    found = {step.key: step for step in steps(planted, VARIANCE, {"l2": 0.0, "dropout": 0.0})}

    assert (found["space.l2"].proposed, found["space.l2"].opposite) == (1e-4, None)
    assert (found["space.dropout"].proposed, found["space.dropout"].opposite) == (0.2, None)


def test_more_epochs_are_a_step_of_the_sweep_file(planted):
    falling = np.linspace(1.2, 0.8, 12)
    runs = planted(odd=(0.7, 0.8))
    runs["odd"] = replace(runs["odd"], cv_curve=falling, train_curve=falling - 0.1, epochs=12)

    verdict = diagnose(runs, J_naive=1.0)["odd"]

    first = verdict.next_steps[0]
    assert verdict.label is Label.UNDER_TRAINED
    assert (first.text, first.key, first.parameter) == ("epochs: 12 -> 36", "train.epochs", None)
    assert (first.proposed, first.opposite) == (36, 4)


def test_every_label_has_its_steps_in_words():
    assert words_of(Label.HIGH_BIAS)[:2] == ("less dropout", "a wider network")
    assert words_of(Label.NOT_ASSESSED) == ()


def test_where_runs_are_too_few_the_step_is_more_trials(planted):
    verdict = diagnose(planted(good=5), J_naive=1.0)["good0"]

    assert verdict.label is Label.INCONCLUSIVE
    assert [step.text for step in verdict.next_steps] == [
        "more trials: too few have converged to call one good"
    ]


def test_where_runs_interpolate_the_step_is_more_width_and_not_more_rows(planted):
    runs = planted(train=0.01, cv=0.3, odd=(0.0101, 0.6))
    runs["odd"] = replace(runs["odd"], params=PARAMS)

    verdict = diagnose(runs, J_naive=1.0)["odd"]

    assert verdict.label is Label.INCONCLUSIVE
    assert [step.text for step in verdict.next_steps] == ["units: 64 -> 192"]


def test_where_intervals_are_wide_the_step_is_more_rows(planted):
    runs = planted(odd=(0.21, 0.33))
    # Its hard rows are not the frontier's, so the paired differences scatter.
    runs["odd"] = replace(runs["odd"], cv_losses=runs["odd"].cv_losses[::-1])

    verdict = diagnose(runs, J_naive=1.0)["odd"]

    assert "not shown to be worse, nor as good" in verdict.reason
    assert verdict.next_steps[0].text.startswith("more cv rows or more seeds")
