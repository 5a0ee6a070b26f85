import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sweepspot.space import Choice, Float, Int, Space, describe

finite = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def dimensions(draw):
    kind = draw(st.sampled_from(["float", "int", "choice", "log", "step", "logint"]))
    low = draw(st.floats(1e-6, 10))
    width = draw(st.floats(0, 100))
    match kind:
        case "float":
            return Float(low, low + width)
        case "log":
            return Float(low, low + width, log=True)
        case "step":
            return Float(0.0, 1.0, step=draw(st.sampled_from([0.1, 0.25, 0.3])))
        case "int":
            return Int(int(low), int(low + width), step=draw(st.integers(1, 4)))
        case "logint":
            return Int(int(low) + 1, int(low + width) + 1, log=True)
        case _:
            return Choice(*draw(st.lists(st.text(), min_size=1, max_size=4, unique=True)))


@given(st.dictionaries(st.text("abc", min_size=1), dimensions(), max_size=4), st.integers(0, 99))
def test_a_sample_is_in_its_space(entries, seed):
    space = Space.of(entries)

    point = space.sample(np.random.default_rng(seed))

    assert space.problems(point) == []


def test_a_child_exists_only_under_its_parent_whatever_the_order():
    space = Space.of({"units_2": Int(16, 64, when={"layers": [2, 3]}), "layers": Int(1, 3)})

    points = [space.sample(np.random.default_rng(seed)) for seed in range(40)]

    assert list(space.dimensions) == ["layers", "units_2"]
    assert all(("units_2" in p) == (p["layers"] >= 2) for p in points)
    assert {p["layers"] for p in points} == {1, 2, 3}


def test_a_condition_may_hang_on_a_fixed_value():
    space = Space.of({"optimizer": "sgd", "momentum": Float(0, 1, when={"optimizer": ["sgd"]})})

    assert space.is_active("momentum", {})


def test_a_circle_of_conditions_is_refused():
    with pytest.raises(ValueError, match="form a circle through a, b"):
        Space.of({"a": Int(1, 2, when={"b": [1]}), "b": Int(1, 2, when={"a": [1]})})


def test_the_grid_has_every_point_once():
    space = Space.of(
        {
            "layers": Int(1, 2),
            "units_2": Choice(8, 16, when={"layers": [2]}),
            "activation": "relu",
        }
    )

    points = list(space.grid())

    assert points == [
        {"activation": "relu", "layers": 1},
        {"activation": "relu", "layers": 2, "units_2": 8},
        {"activation": "relu", "layers": 2, "units_2": 16},
    ]
    assert space.size == 3


def test_the_size_of_a_product_and_of_a_continuum():
    assert Space.of({"a": Int(1, 3), "b": Choice("x", "y"), "c": Float(0, 1, step=0.5)}).size == 18
    assert Space.of({"a": Float(0, 1)}).size is None
    assert Space.of({"a": Float(0.5, 0.5)}).size == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(3, 1), "low must be <= high"),
        (lambda: Float(0, 1, log=True), "low must be > 0 when log is true"),
        (lambda: Float(0, float("inf")), "edges must be finite"),
        (lambda: Float(1, 2, log=True, step=0.1), "step and log exclude"),
        (lambda: Float(1, 2, step=-0.1), "step must be > 0"),
        (lambda: Int(1, 9, step=0), "step must be > 0"),
        (lambda: Int(1, 9, step=-1), "step must be > 0"),
        (lambda: Choice(choice=()), "at least one value"),
        (lambda: Choice("a", "a"), "has a value twice"),
        (lambda: Choice("a", 1), "must be of one type"),
        (lambda: Int(1, 2, hgih=3), "Extra inputs"),
    ],
)
def test_a_senseless_dimension_is_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_a_point_is_held_against_the_space():
    space = Space.of({"units": Int(1, 9), "act": "relu", "k": Int(1, 2, when={"units": [9]})})

    problems = space.problems({"units": 10, "act": "tanh", "k": 1, "extra": 0})

    assert problems == [
        "extra: not in the space; remove it",
        "act: fixed at 'relu' by the space, got 'tanh'; remove it",
        "units: must be in [1, 9], got 10",
        "k: does not exist under these values (when); remove it",
    ]
    assert space.problems({}) == ["units: missing; give it a value"]
    assert space.searched({"act": "relu", "units": 3}) == {"units": 3}


def test_membership_minds_types():
    assert 1 not in Choice(True, False)
    assert True not in Int(0, 1)
    assert True not in Float(0, 1)
    assert "1" not in Float(0, 1)
    assert 2.0 not in Float(0, 1)
    assert 0.30000000000000004 in Float(0, 1, step=0.1)
    assert 0.25 not in Float(0, 1, step=0.1)


def test_dimensions_are_described_as_people_read_them():
    assert describe(Float(1e-4, 0.1, log=True)) == "[0.0001, 0.1] log"
    assert describe(Int(16, 64, step=16)) == "[16, 64] step 16"
    assert describe(Choice("adam", "sgd")) == "adam | sgd"
