import pytest
from hypothesis import given
from hypothesis import strategies as st
from planting import EPOCHS, declare

from sweepspot.advice.changes import epochs_edit, space_edits
from sweepspot.advice.moves import limits, opened
from sweepspot.advice.records import Advice, Limit
from sweepspot.diagnosis import Status
from sweepspot.space import Choice, Float, Int

BEST = {"units": 128, "learning_rate": 1e-3, "dropout": 0.25, "l2": 1e-4}


def found(code, dimension=None, side=None, value=None, status=Status.PRESENT, **numbers):
    return Limit(
        code=code,
        name="it",
        status=status,
        because="so",
        dimension=dimension,
        side=side,
        value=value,
        numbers=numbers,
    )


def advice(*findings, best=(BEST,)):
    return Advice(findings=findings, best=tuple(best), n_trials=40)


def edited(spec, *findings, best=(BEST,)):
    edits = space_edits(spec, advice(*findings, best=best))
    return {edit.path[1]: edit.value for edit in edits}


def texts(spec, *findings, best=(BEST,)):
    edits = space_edits(spec, advice(*findings, best=best))
    return [change.text for edit in edits for change in edit.changes]


def test_an_edge_that_the_best_lie_at_is_moved():
    assert texts(declare(), found("D201", "units", "high")) == ["units: upper edge 256 -> 768"]


def test_both_edges_of_a_dimension_can_move():
    spec = declare()

    entries = edited(
        spec, found("D201", "learning_rate", "low"), found("D201", "learning_rate", "high")
    )

    assert entries["learning_rate"].edges == (pytest.approx(3.33e-5), 0.3)


def test_what_is_not_present_changes_nothing():
    findings = [
        found(code, "units", "high", value=64, status=status)
        for code in ("D201", "D202", "D203", "D204", "D206", "D207", "D208")
        for status in (Status.ABSENT, Status.UNKNOWN)
    ]

    assert edited(declare(), *findings) == {}
    assert list(epochs_edit(declare(), advice(*findings))) == []


def test_an_edge_at_the_limit_of_its_setting_stays():
    assert edited(declare(), found("D201", "dropout", "low")) == {}


def test_a_failing_region_is_cut_off_and_its_side_stays_shut():
    spec = declare()

    entries = edited(
        spec,
        found("D206", "learning_rate", "high", value=0.02),
        found("D201", "learning_rate", "high"),
    )

    assert entries["learning_rate"].edges == (1e-4, 0.02)
    low = edited(spec, found("D206", "learning_rate", "low", value=0.02))
    assert low["learning_rate"].edges == (0.02, 1e-1)


def test_an_option_that_fails_is_dropped():
    spec = declare({"optimizer": {"choice": ["adam", "sgd"]}, "units": 8})

    entries = edited(spec, found("D206", "optimizer", value="sgd"))

    assert entries == {"optimizer": Choice("adam")}
    # A choice has no edges, nor has a fixed value.
    assert edited(spec, found("D201", "optimizer", "high"), found("D206", "units", "low")) == {}


def test_a_condition_is_never_made_impossible():
    space = {
        "optimizer": {"choice": ["adam", "sgd"]},
        "momentum": {"float": [0.0, 0.9], "when": {"optimizer": ["sgd"]}},
        "layers": {"int": [1, 3]},
        "units_3": {"int": [8, 64], "when": {"layers": [3]}},
    }
    spec = declare(space)

    assert edited(spec, found("D206", "optimizer", value="sgd")) == {}
    assert edited(spec, found("D206", "layers", "high", value=2)) == {}
    assert edited(spec, found("D208", "optimizer", value="adam")) == {}
    assert edited(spec, found("D208", "optimizer", value="sgd")) == {"optimizer": "sgd"}


def test_bias_opens_the_sides_that_were_measured_to_help():
    space = {
        "units": {"int": [16, 256], "log": True},
        "learning_rate": {"float": [1e-3, 1e-1], "log": True},
        "dropout": {"float": [0.2, 0.5]},
        "l2": {"float": [1e-4, 1e-2], "log": True},
        "layers": {"int": [1, 2]},
    }

    changes = texts(declare(space), found("D202"), best=({**BEST, "layers": 2},))

    # Not deeper: it lowered J_cv in 22 % of cases.
    assert changes == [
        "units: upper edge 256 -> 768",
        "learning_rate: lower edge 0.001 -> 0.000333",
        "dropout: lower edge 0.2 -> 0",
        "l2: lower edge 0.0001 -> 3.33e-05",
    ]


def test_variance_opens_the_other_sides_and_width_neither():
    space = {
        "units": {"int": [64, 256], "log": True},
        "learning_rate": {"float": [1e-3, 1e-1], "log": True},
        "dropout": {"float": [0.0, 0.3]},
        "l2": {"float": [1e-6, 1e-3], "log": True},
    }

    changes = texts(declare(space), found("D203"))

    assert changes == [
        "learning_rate: lower edge 0.001 -> 0.000333",
        "dropout: upper edge 0.3 -> 0.6",
        "l2: upper edge 0.001 -> 0.003",
    ]


def test_both_open_capacity_and_regularization():
    space = {
        "units": {"int": [64, 256], "log": True},
        "l2": {"float": [1e-6, 1e-3], "log": True},
        "activation": "relu",
    }

    changes = texts(declare(space), found("D202"), found("D203"))

    assert changes == ["units: upper edge 256 -> 768", "l2: upper edge 0.001 -> 0.003"]


def test_a_side_with_room_left_is_not_opened():
    assert texts(declare(), found("D202"), best=({"units": 24},)) == []


def test_without_a_best_point_no_side_is_opened():
    assert texts(declare(), found("D202"), found("D203"), best=()) == []


def test_what_did_not_matter_is_fixed_at_the_best():
    spec = declare()

    changes = texts(spec, found("D208", "learning_rate", value=0.0012345678))

    assert changes == ["learning_rate: fixed at the best, 0.00123"]


def test_something_is_left_to_search():
    spec = declare()
    fixable = [found("D208", name, value=BEST[name]) for name in spec.space]
    scores = [found("D207", name, fanova=k) for k, name in enumerate(spec.space)]

    assert set(edited(spec, *fixable, *scores)) == {"units", "learning_rate"}


def test_what_is_opened_is_not_fixed():
    entries = edited(declare(), found("D201", "units", "high"), found("D208", "units", value=200))

    assert entries == {"units": Int(16, 768, log=True)}


def test_epochs_are_tripled():
    (edit,) = epochs_edit(declare(), advice(found("D204")))

    assert (edit.path, edit.value) == (("train", "epochs"), 3 * EPOCHS)
    assert edit.changes[0].text == "epochs: 10 -> 30"


@pytest.mark.parametrize(
    ("model", "name", "dimension", "bounds"),
    [
        ("mlp", "units", Int(16, 64), (1, 65536)),
        ("mlp", "l2", Float(0.0, 0.1), (0, 1e3)),
        ("models:build", "dropout", Float(0.0, 0.5), (0, 0.8)),
        ("models:build", "temperature", Float(0.5, 2.0), (0, float("inf"))),
        ("models:build", "shift", Float(-1.0, 1.0), (-float("inf"), float("inf"))),
    ],
)
def test_a_setting_keeps_its_limits(model, name, dimension, bounds):
    assert limits(model, name, dimension) == bounds


@pytest.mark.parametrize(
    ("dimension", "side", "edges"),
    [
        (Float(0.2, 0.4), "low", (0.0, 0.4)),
        (Float(0.2, 0.4), "high", (0.2, 0.6)),
        (Int(1, 3), "high", (1, 5)),
        (Int(4, 9, step=2), "low", (0, 9)),
        (Float(0.25, 0.45, step=0.1), "low", (0.05, 0.45)),
        (Int(2, 8, log=True), "low", (1, 8)),
    ],
)
def test_linear_edges_move_by_the_width_and_steps_stay_on_their_grid(dimension, side, edges):
    moved = opened(dimension, side, (0, 100))

    assert moved is not None
    assert moved.edges == pytest.approx(edges)


@given(
    low=st.integers(1, 50),
    width=st.integers(1, 200),
    log=st.booleans(),
    step=st.integers(1, 7),
    side=st.sampled_from(["low", "high"]),
    least=st.integers(-50, 1),
)
def test_an_opened_range_holds_every_value_of_the_old_one(low, width, log, step, side, least):
    dimension = Int(low, low + width, log=log, step=1 if log else step)

    moved = opened(dimension, side, (least, 400))

    if moved is not None:
        assert all(value in moved for value in dimension.values)
        assert moved.low >= min(least, low)
        assert moved.edges != dimension.edges
