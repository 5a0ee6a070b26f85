"""The settings of the families, and the number of weights that follows from them."""

import pytest

from sweepspot.data import Task
from sweepspot.networks import FAMILIES, Setting, layer_widths, n_weights, setting

CASES = [
    ("linear", {}, (64,), 10),
    ("linear", {}, (8, 8), 1),
    ("mlp", {}, (4,), 3),
    ("mlp", {"layers": 0}, (4,), 3),
    ("mlp", {"layers": 3, "units": 16, "units_2": 5, "batch_norm": True}, (4,), 3),
    ("mlp", {"layers": 1, "units": 7, "dropout": 0.3, "units_2": 9}, (6, 5), 1),
    ("cnn", {}, (8, 8), 10),
    ("cnn", {"blocks": 1, "filters": 3, "kernel": 5, "units": 6}, (8, 8, 3), 2),
    ("cnn", {"blocks": 3, "filters": 2, "batch_norm": True, "units": 4}, (8, 9, 1), 1),
]


@pytest.mark.tf
# Keras and TensorFlow warn about one another while they are imported.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "params", "shape", "n_outputs"), CASES)
def test_weights_are_counted_as_keras_counts_them(family, params, shape, n_outputs):
    from sweepspot.families import make_family

    task = Task.MULTICLASS if n_outputs > 1 else Task.REGRESSION
    model = make_family(family)(params, shape, task, n_outputs)

    built = sum(int(weights.shape.num_elements()) for weights in tensors(model))

    assert n_weights(family, params, shape, n_outputs) == built


def tensors(model):
    return [variable.value for variable in model.trainable_variables]


def test_weights_of_a_perceptron_by_hand():
    # 4 inputs to 3 units: (4 + 1) * 3; to 2 outputs: (3 + 1) * 2.
    assert n_weights("mlp", {"layers": 1, "units": 3}, (4,), 2) == 15 + 8


def test_weights_of_a_convolutional_network_by_hand():
    # 3 x 3 x 1 inputs to 2 filters, 3 x 3 x 2 to 4; pooled, 4 inputs to 5 units, 5 to 3 outputs.
    plain = (9 + 1) * 2 + (18 + 1) * 4 + (4 + 1) * 5 + (5 + 1) * 3
    params = {"blocks": 2, "filters": 2, "kernel": 3, "units": 5}

    assert n_weights("cnn", params, (8, 8), 3) == plain
    # Normalization adds a scale and a shift for each filter and unit; colours are more inputs.
    assert n_weights("cnn", {**params, "batch_norm": True}, (8, 8), 3) == plain + 2 * (2 + 4 + 5)
    assert n_weights("cnn", params, (8, 8, 3), 3) == plain + 9 * 2 * 2


def test_layer_widths_have_defaults():
    assert layer_widths({}) == (64, 64)
    assert layer_widths({"layers": 0}) == ()
    assert layer_widths({"layers": 2, "units_1": 3}) == (3, 64)
    assert layer_widths({"layers": 1, "units_2": 3}) == (64,)


@pytest.mark.parametrize(
    ("family", "name", "value", "problem"),
    [
        ("mlp", "batch_norm", True, None),
        ("mlp", "batch_norm", 1, "must be true or false, got 1"),
        ("mlp", "activation", "relu", None),
        ("mlp", "dropout", 0, None),
        ("mlp", "dropout", 0.99, None),
        ("mlp", "dropout", 1.0, "must be in [0, 0.99], got 1"),
        ("mlp", "dropout", "0.5", "must be a number, got '0.5'"),
        ("mlp", "dropout", True, "must be a number, got True"),
        ("mlp", "layers", 2.0, None),
        ("mlp", "layers", 2.5, "must be a whole number, got 2.5"),
        ("mlp", "units_3", 0, "must be in [1, 65536], got 0"),
        ("cnn", "blocks", 9, "must be in [1, 8], got 9"),
        (
            "linear",
            "optimizer",
            "adma",
            "must be one of adam, adamw, nadam, rmsprop, sgd, adagrad, got 'adma'",
        ),
    ],
)
def test_a_value_is_judged_by_its_setting(family, name, value, problem):
    assert setting(family, name).problem(value) == problem


def test_a_whole_number_is_finite():
    for value in (float("inf"), float("nan")):
        assert "must be a whole number" in setting("mlp", "units").problem(value)


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_are_allowed(family):
    for name, known in FAMILIES[family].items():
        assert known.problem(known.default) is None, name


def test_single_layers_belong_to_perceptrons():
    assert isinstance(setting("mlp", "units_12"), Setting)
    for name in ("units_0", "units_100", "units_", "units_1x"):
        assert setting("mlp", name) is None
    assert setting("cnn", "units_1") is None
