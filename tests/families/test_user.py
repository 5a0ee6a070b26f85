"""The user's own networks: how they are built, and what space they declare."""

import sys
from pathlib import Path

import pytest

from sweepspot.data import Task
from sweepspot.errors import SpecError
from sweepspot.space import Choice, Float, Int

pytestmark = [
    pytest.mark.tf,
    # Keras and TensorFlow warn about one another while they are imported.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module of the working directory, and its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(name, text):
        Path(f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
        return f"{name}:build"

    return write


GOOD = """
import keras

def build(hp):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hp.Int("units", 1, 9))])
    model.compile(loss="mse")
    return model
"""


def test_a_users_network_is_built_at_a_point(module):
    from sweepspot.families import make_family

    build = make_family(module("their_good", GOOD))

    assert build({"units": 7}, (3,), Task.REGRESSION, 1).output_shape == (None, 7)


def test_a_network_without_an_input_layer_gets_its_weights(module):
    from sweepspot.families import make_family

    without = GOOD.replace("keras.Input((3,)), ", "")
    build = make_family(module("their_inputless", without))

    shapes = [w.shape for w in build({"units": 7}, (3,), Task.REGRESSION, 1).weights]
    assert shapes == [(3, 7), (7,)]


def test_what_a_build_declares_is_found_by_calling_it(module):
    from sweepspot.families.user import declared_space

    assert declared_space(module("their_space", GOOD)) == {"units": Int(1, 9)}


def test_a_build_that_fails_at_its_defaults_is_refused(module):
    from sweepspot.families.user import declared_space

    model = module("their_bad", "def build(hp):\n    raise ValueError('too small')\n")

    with pytest.raises(SpecError, match="at its own defaults, got ValueError: too small"):
        declared_space(model)


def test_a_scale_that_no_engine_searches_is_refused_and_answered(module):
    from sweepspot.families import make_family
    from sweepspot.families.user import declared_space

    model = module("their_scale", GOOD.replace("1, 9)", '1, 9, sampling="reverse_log")'))

    with pytest.raises(SpecError, match="asks for units, but no engine here searches with"):
        declared_space(model)
    # With a space of the sweep file's own, the code is asked for no space.
    assert make_family(model)({"units": 7}, (3,), Task.REGRESSION, 1).output_shape == (None, 7)


def test_a_network_must_be_compiled(module):
    from sweepspot.families import make_family

    build = make_family(module("their_none", "def build(hp):\n    return 3\n"))

    with pytest.raises(TypeError, match=r"must return a compiled keras\.Model, got 3"):
        build({}, (3,), Task.REGRESSION, 1)


@pytest.mark.parametrize("model", ["no_such_module_here:build", "json:no_such_function"])
def test_what_cannot_be_imported_is_refused(module, model):
    from sweepspot.families import make_family

    with pytest.raises(SpecError, match="must be importable from the working directory"):
        make_family(model)


def test_a_space_left_out_is_read_from_the_code_at_the_ends_of_its_values(tmp_path, monkeypatch):
    (tmp_path / "deep.py").write_text(
        "import keras\n"
        "def build(hp):\n"
        "    inputs = x = keras.Input((4,))\n"
        "    for k in range(hp.Int('depth', 1, 2)):\n"
        "        x = keras.layers.Dense(hp.Int(f'width_{k}', 4, 8))(x)\n"
        "    if hp.Boolean('noisy'):\n"
        "        x = keras.layers.Dropout(hp.Float('rate', 0.0, 0.5))(x)\n"
        "    model = keras.Model(inputs, keras.layers.Dense(1)(x))\n"
        "    model.compile('adam', 'mse')\n"
        "    return model\n"
    )
    monkeypatch.chdir(tmp_path)
    from sweepspot.families import declared_space

    declared = declared_space("deep:build")

    assert set(declared) == {"depth", "width_0", "width_1", "noisy", "rate"}
    assert declared["width_1"] == Int(4, 8)


def test_a_network_that_takes_none_for_an_answer_is_found_and_built(module):
    from sweepspot.families import declared_space, make_family

    model = module(
        "their_scopes",
        """
import keras

def build(hp):
    kind = hp.Choice("kind", ["adam", "sgd"])
    with hp.conditional_scope("kind", ["sgd"]):
        momentum = hp.Float("momentum", 0.5, 0.9)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    sgd = momentum is not None
    model.compile(keras.optimizers.SGD(momentum=momentum) if sgd else "adam", loss="mse")
    return model
""",
    )

    build = make_family(model)

    assert declared_space(model) == {
        "kind": Choice("adam", "sgd"),
        "momentum": Float(0.5, 0.9, when={"kind": ("sgd",)}),
    }
    sgd = build({"kind": "sgd", "momentum": 0.75}, (3,), Task.REGRESSION, 1).optimizer
    adam = build({"kind": "adam"}, (3,), Task.REGRESSION, 1).optimizer
    assert (type(sgd).__name__, sgd.momentum, type(adam).__name__) == ("SGD", 0.75, "Adam")


DEEP = """
def build(hp):
    depth = hp.Int("depth", 1, 3)
    with hp.conditional_scope("depth", [2]):
        # Neither the default nor an end.
        if depth == 2:
            kind = hp.Choice("kind", ["adam", "sgd"])
            with hp.conditional_scope("kind", ["sgd"]):
                if kind == "sgd":
                    nesterov = hp.Boolean("nesterov")
                    if nesterov:
                        hp.Float("rate", 0.0, 0.5)
"""


def test_each_scope_is_looked_into_with_those_around_it(module):
    from sweepspot.families import declared_space

    assert declared_space(module("their_depths", DEEP)) == {
        "depth": Int(1, 3),
        "kind": Choice("adam", "sgd", when={"depth": (2,)}),
        "nesterov": Choice(*(False, True), when={"depth": (2,), "kind": ("sgd",)}),
        "rate": Float(0.0, 0.5, when={"depth": (2,), "kind": ("sgd",)}),
    }


def test_one_name_under_two_conditions_is_refused(module):
    from sweepspot.families import declared_space

    model = module(
        "their_two",
        """
def build(hp):
    kind = hp.Choice("kind", ["dense", "conv"])
    for each in ["dense", "conv"]:
        with hp.conditional_scope("kind", [each]):
            if kind == each:
                hp.Float("dropout", 0.0, 0.5)
""",
    )

    with pytest.raises(SpecError, match="asks for dropout, but under several conditions"):
        declared_space(model)
