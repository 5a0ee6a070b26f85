"""What a user's `build(hp)` is answered, and what it declares."""

import pytest

from sweepspot.families.hyperparameters import Declared, HyperParameters
from sweepspot.space import Choice, Float, Int


def ours(params):
    return HyperParameters(params)


def keras_tuners(params):
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    hp.values.update(params)
    return hp


AT = pytest.mark.parametrize(
    "at",
    [
        ours,
        pytest.param(
            keras_tuners,
            # TensorFlow and Keras Tuner warn about one another while they are imported.
            marks=[pytest.mark.tf, pytest.mark.filterwarnings("ignore")],
        ),
    ],
)


def asked(params=None):
    return HyperParameters(params or {})


@pytest.fixture
def declared():
    return Declared()


def test_what_the_point_holds_is_the_answer():
    hp = asked({"units": 9, "rate": 0.3, "kind": "sgd", "norm": True})

    assert hp.Int("units", 1, 16, default=4) == 9
    assert hp.Float("rate", 0.0, 1.0, default=0.5) == 0.3
    assert hp.Choice("kind", ["adam", "sgd"]) == "sgd"
    assert hp.Boolean("norm") is True
    assert hp.Fixed("depth", 3) == 3


def test_what_it_does_not_hold_has_its_default_or_low_edge():
    hp = asked()

    assert (hp.Int("a", 1, 16, default=4), hp.Int("b", 2, 16)) == (4, 2)
    assert (hp.Float("c", 0.5, 1.0, default=0.75), hp.Float("d", 0.5, 1.0)) == (0.75, 0.5)
    assert (hp.Choice("e", ["x", "y"], default="y"), hp.Choice("f", ["x", "y"])) == ("y", "x")
    assert (hp.Boolean("g", default=True), hp.Boolean("h")) == (True, False)


def test_dimensions_are_declared_as_the_space_writes_them(declared):
    hp = HyperParameters({}, declared)
    hp.Int("units", 16, 64, step=16)
    hp.Int("wide", 16, 256, sampling="log")
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("drop", 0.0, 0.5, step=0.1)
    hp.Choice("kind", ["adam", "sgd"])
    hp.Boolean("norm")
    hp.Fixed("depth", 3)

    assert declared.dimensions == {
        "units": Int(16, 64, step=16),
        "wide": Int(16, 256, log=True),
        "rate": Float(1e-4, 1e-1, log=True),
        "drop": Float(0.0, 0.5, step=0.1),
        "kind": Choice("adam", "sgd"),
        "norm": Choice(*(False, True)),
        "depth": 3,
    }


def test_a_multiplicative_step_gives_powers(declared):
    hp = HyperParameters({"units": 8}, declared)

    assert hp.Int("units", 2, 20, step=2, sampling="log") == 8
    assert hp.Float("rate", 1.0, 100.0, step=10, sampling="log") == 1.0
    assert declared.dimensions["units"] == Choice(2, 4, 8, 16)
    assert declared.dimensions["rate"] == Choice(1.0, 10.0, 100.0)


def test_a_multiplicative_step_can_count_from_the_top(declared):
    hp = HyperParameters({}, declared)

    assert hp.Int("units", 2, 16, step=2, sampling="reverse_log", default=16) == 16
    # As Keras Tuner: the sum of both edges less each power.
    assert declared.dimensions["units"] == Choice(2, 10, 14, 16)


def test_a_scale_that_there_is_not_is_an_error():
    with pytest.raises(ValueError, match="units: sampling must be one of linear, log"):
        asked().Int("units", 2, 20, sampling="cubic")


def test_a_fixed_value_under_a_condition_is_no_part_of_every_point(declared):
    hp = HyperParameters({"kind": "sgd"}, declared)
    hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("kind", ["sgd"]):
        inside = hp.Fixed("momentum", 0.9)
    hp.Fixed("nesterov", True, parent_name="kind", parent_values=["sgd"])

    assert inside == 0.9
    assert declared.dimensions["momentum"] == Choice(0.9, when={"kind": ("sgd",)})
    assert declared.dimensions["nesterov"] == Choice(*(True,), when={"kind": ("sgd",)})
    assert hp.get("momentum") == 0.9


def test_conditions_come_from_scopes_and_from_parents(declared):
    hp = HyperParameters({}, declared)
    hp.Int("layers", 1, 3)
    hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("layers", [2, 3]):
        hp.Int("units_2", 4, 8)
        with hp.conditional_scope("kind", "sgd"):
            hp.Float("momentum", 0.0, 0.9)
    hp.Int("units_3", 2, 8, step=2, sampling="log", parent_name="layers", parent_values=3)
    hp.Boolean("norm", parent_name="layers", parent_values=[1])

    when = {name: dimension.when for name, dimension in declared.dimensions.items()}
    assert when == {
        "layers": None,
        "kind": None,
        "units_2": {"layers": (2, 3)},
        "momentum": {"layers": (2, 3), "kind": ("sgd",)},
        "units_3": {"layers": (3,)},
        "norm": {"layers": (1,)},
    }


@AT
@pytest.mark.parametrize(("kind", "exists"), [("adam", False), ("sgd", True)])
def test_what_does_not_exist_is_none(at, kind, exists):
    hp = at({"kind": kind})
    hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("kind", ["sgd"]):
        answers = {
            "depth": hp.Int("depth", 1, 3),
            "momentum": hp.Float("momentum", 0.5, 0.9, default=0.75),
            "schedule": hp.Choice("schedule", ["flat", "cosine"]),
            "nesterov": hp.Boolean("nesterov", default=True),
            "warm": hp.Fixed("warm", 5),
        }
    answers["clip"] = hp.Int("clip", 1, 9, parent_name="kind", parent_values=["sgd"])

    first = {"depth": 1, "momentum": 0.75, "schedule": "flat"}
    first |= {"nesterov": True, "warm": 5, "clip": 1}
    assert answers == (first if exists else dict.fromkeys(first))
    assert [name in hp for name in answers] == [exists] * 6
    assert [hp.is_active(name) for name in answers] == [exists] * 6


@AT
def test_a_condition_hears_the_default_of_what_it_hangs_on(at):
    hp = at({})
    hp.Int("layers", 1, 3, default=2)
    with hp.conditional_scope("layers", [1]):
        one = hp.Int("one", 4, 8)
    with hp.conditional_scope("layers", [2, 3]):
        two = hp.Int("two", 4, 8)

    assert (one, two) == (None, 4)


@AT
def test_what_hangs_on_something_that_does_not_exist_does_not_exist(at):
    hp = at({"kind": "adam"})
    hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("kind", ["sgd"]):
        nesterov = hp.Boolean("nesterov", default=True)
        with hp.conditional_scope("nesterov", [True]):
            momentum = hp.Float("momentum", 0.5, 0.9)
            fixed = hp.Fixed("warm", 5)

    assert (nesterov, momentum, fixed) == (None, None, None)


@AT
def test_a_value_that_the_point_holds_needs_its_condition_too(at):
    hp = at({"kind": "adam", "momentum": 0.6})
    hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("kind", ["sgd"]):
        momentum = hp.Float("momentum", 0.5, 0.9)

    assert momentum is None


@AT
def test_a_value_can_be_asked_for_again(at):
    hp = at({"units": 9, "kind": "adam"})
    hp.Int("units", 1, 16)
    hp.Int("layers", 1, 3, default=2)
    hp.Fixed("depth", 5)
    hp.Choice("kind", ["adam", "sgd"])
    hp.Float("momentum", 0.5, 0.9, parent_name="kind", parent_values=["sgd"])

    assert [hp.get(name) for name in ("units", "layers", "depth")] == [9, 2, 5]
    assert hp["units"] == 9
    assert hp.values == {"units": 9, "layers": 2, "depth": 5, "kind": "adam"}
    with pytest.raises(ValueError, match="momentum"):
        hp.get("momentum")
    with pytest.raises(KeyError, match="never"):
        hp["never"]
    names = ("units", "layers", "depth", "kind", "momentum", "never")
    assert [name in hp for name in names] == [True] * 4 + [False] * 2
    assert not hp.is_active("never")


@AT
def test_the_same_name_is_the_same_value(at):
    hp = at({})

    assert (hp.Int("units", 4, 8), hp.Int("units", 1, 16, default=9)) == (4, 4)


@AT
def test_a_fixed_value_is_that_of_the_point(at):
    assert at({"depth": 7}).Fixed("depth", 3) == 7


@AT
def test_names_have_those_of_the_scopes_around(at):
    hp = at({"head/kind": "wide", "head/dense/units": 9})
    with hp.name_scope("head"):
        hp.Choice("kind", ["narrow", "wide"])
        with hp.conditional_scope("kind", ["wide"]), hp.name_scope("dense"):
            units = hp.Int("units", 4, 16)
            again = hp.get("units")

    assert units == again == hp.get("head/dense/units") == 9
    assert "units" not in hp
    assert hp.is_active("head/dense/units")


def test_a_scope_of_names_is_part_of_what_is_declared(declared):
    hp = HyperParameters({}, declared)
    with hp.name_scope("head"):
        hp.Choice("kind", ["narrow", "wide"])
        hp.Int("units", 4, 16, parent_name="kind", parent_values=["wide"])

    assert declared.dimensions["head/units"] == Int(4, 16, when={"head/kind": ("wide",)})


@AT
@pytest.mark.parametrize("values", [["sgd"], []])
def test_a_condition_needs_something_to_hang_on(at, values):
    hp = at({})
    if not values:
        hp.Choice("kind", ["adam", "sgd"])

    # Keras Tuner has an IndexError for a condition without values.
    with pytest.raises((ValueError, IndexError)), hp.conditional_scope("kind", values):
        pass


@AT
def test_two_scopes_on_one_parent_do_not_nest(at):
    hp = at({})
    hp.Int("layers", 1, 3)

    with (
        pytest.raises(ValueError, match="layers"),
        hp.conditional_scope("layers", [2, 3]),
        hp.conditional_scope("layers", [3]),
    ):
        pass


def test_one_name_under_two_conditions_is_no_dimension(declared):
    hp = HyperParameters({}, declared)
    hp.Int("layers", 1, 3)
    hp.Int("units", 4, 8, parent_name="layers", parent_values=[2, 3])
    hp.Int("rate", 1, 2, parent_name="layers", parent_values=[2, 3])
    hp.Int("depth", 1, 2)

    hp.Int("units", 4, 8, parent_name="layers", parent_values=[1])
    # These exist no more often than before.
    hp.Int("rate", 1, 2, parent_name="layers", parent_values=[3])
    hp.Int("depth", 1, 2, parent_name="layers", parent_values=[3])

    assert list(declared.foreign) == ["units"]
    assert "give each its own name" in declared.foreign["units"]
