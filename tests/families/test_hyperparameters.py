"""What a user's `build(hp)` is answered, and what it declares."""

import pytest

from sweepspot.families.hyperparameters import HyperParameters
from sweepspot.space import Choice, Float, Int


def asked(params=None):
    return HyperParameters(params or {})


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


def test_dimensions_are_declared_as_the_space_writes_them():
    hp = asked()
    hp.Int("units", 16, 64, step=16)
    hp.Int("wide", 16, 256, sampling="log")
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("drop", 0.0, 0.5, step=0.1)
    hp.Choice("kind", ["adam", "sgd"])
    hp.Boolean("norm")
    hp.Fixed("depth", 3)

    assert hp.declared == {
        "units": Int(16, 64, step=16),
        "wide": Int(16, 256, log=True),
        "rate": Float(1e-4, 1e-1, log=True),
        "drop": Float(0.0, 0.5, step=0.1),
        "kind": Choice("adam", "sgd"),
        "norm": Choice(*(False, True)),
        "depth": 3,
    }


def test_a_multiplicative_step_gives_powers():
    hp = asked({"units": 8})

    assert hp.Int("units", 2, 20, step=2, sampling="log") == 8
    assert hp.Float("rate", 1.0, 100.0, step=10, sampling="log") == 1.0
    assert hp.declared["units"] == Choice(2, 4, 8, 16)
    assert hp.declared["rate"] == Choice(1.0, 10.0, 100.0)


def test_a_multiplicative_step_can_count_from_the_top():
    hp = asked()

    assert hp.Int("units", 2, 16, step=2, sampling="reverse_log", default=16) == 16
    # As Keras Tuner: the sum of both edges less each power.
    assert hp.declared["units"] == Choice(2, 10, 14, 16)


def test_a_scale_that_there_is_not_is_an_error():
    with pytest.raises(ValueError, match="units: sampling must be one of linear, log"):
        asked().Int("units", 2, 20, sampling="cubic")


def test_a_fixed_value_under_a_condition_is_no_part_of_every_point():
    hp = asked()
    hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("kind", ["sgd"]):
        inside = hp.Fixed("momentum", 0.9)
    hp.Fixed("nesterov", True, parent_name="kind", parent_values=["sgd"])

    assert inside == 0.9
    assert hp.declared["momentum"] == Choice(0.9, when={"kind": ("sgd",)})
    assert hp.declared["nesterov"] == Choice(*(True,), when={"kind": ("sgd",)})
    assert hp.get("momentum") == 0.9


def test_conditions_come_from_scopes_and_from_parents():
    hp = asked()
    hp.Int("layers", 1, 3)
    with hp.conditional_scope("layers", [2, 3]):
        hp.Int("units_2", 4, 8)
        with hp.conditional_scope("kind", "sgd"):
            hp.Float("momentum", 0.0, 0.9)
    hp.Int("units_3", 2, 8, step=2, sampling="log", parent_name="layers", parent_values=3)
    hp.Boolean("norm", parent_name="layers", parent_values=[1])

    when = {name: dimension.when for name, dimension in hp.declared.items()}
    assert when == {
        "layers": None,
        "units_2": {"layers": (2, 3)},
        "momentum": {"layers": (2, 3), "kind": ("sgd",)},
        "units_3": {"layers": (3,)},
        "norm": {"layers": (1,)},
    }


def test_a_value_can_be_asked_for_again():
    hp = asked({"units": 9})
    hp.Int("units", 1, 16)
    hp.Int("layers", 1, 3, default=2)
    hp.Fixed("depth", 5)

    assert [hp.get(name) for name in ("units", "layers", "depth")] == [9, 2, 5]
    assert "units" in hp
    with pytest.raises(KeyError):
        hp.get("never")
