"""Which widths are free, and that one trace serves them as Keras would."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.training.cases import make_data, make_trainer, reference, train

from sweepspot.space import Params
from sweepspot.training.compiled import CompiledTrainer
from sweepspot.training.structure import ELEMENTWISE
from sweepspot.training.widths import WIDTHLESS, free_dense

pytestmark = [pytest.mark.tf, pytest.mark.slow]

layers = keras.layers
Network = Callable[[keras.KerasTensor, int], keras.KerasTensor]
FEATURES, CLASSES = 6, 4
# As in test_compiled.
CLOSE, CLOSE_NORMED = 1e-5, 1e-4


def add_to_input(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    inner = layers.Dense(width, "relu", name="inner")(inputs)
    x = layers.Add()([inputs, layers.Dense(FEATURES, name="back")(inner)])
    return layers.Dense(CLASSES, name="output")(x)


def plus_input(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    inner = layers.Dense(width, "relu", name="inner")(inputs)
    x = inputs + layers.Dense(FEATURES, name="back")(inner)
    return layers.Dense(CLASSES, name="output")(x)


def add_within(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    first = layers.Dense(width, "relu", name="first")(inputs)
    x = layers.Add()([first, layers.Dense(width, name="second")(first)])
    return layers.Dense(CLASSES, name="output")(layers.Dropout(0.0)(x))


def add_outputs(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    inner = layers.Dense(width, "tanh", name="inner")(inputs)
    ends = [layers.Dense(CLASSES, name="left")(inner), layers.Dense(CLASSES, name="right")(inputs)]
    return layers.Add()(ends)


def shared(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    twice = layers.Dense(FEATURES, "tanh", name="twice")
    inner = layers.Dense(width, name="inner")(twice(twice(inputs)))
    return layers.Dense(CLASSES, name="output")(inner)


def add_array(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    x = layers.Dense(5, name="met")(inputs) + np.ones(5, np.float32)
    return layers.Dense(CLASSES, name="output")(layers.Dense(width, name="inner")(x))


def scaled(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
    return layers.Dense(CLASSES, name="output")(2.0 * layers.Dense(width, "tanh")(inputs))


NETWORKS: dict[Network, set[str]] = {
    add_to_input: {"inner"},
    plus_input: {"inner"},
    add_within: {"first", "second"},
    add_outputs: {"inner"},
    shared: {"inner"},
    add_array: {"inner"},
    scaled: set(),
}


LAYERS: dict[type[keras.Operation], Network] = {
    layers.InputLayer: lambda x, width: x,
    layers.Flatten: lambda x, width: layers.Flatten()(x),
    layers.Dense: lambda x, width: layers.Dense(2 * width, "gelu", kernel_regularizer="l2")(x),
    layers.Activation: lambda x, width: layers.Activation("softmax")(x),
    layers.ReLU: lambda x, width: layers.ReLU(max_value=1.0, negative_slope=0.1)(x),
    layers.LeakyReLU: lambda x, width: layers.LeakyReLU(0.1)(x),
    layers.ELU: lambda x, width: layers.ELU(0.7)(x),
    layers.Dropout: lambda x, width: layers.Dropout(0.0)(x),
    layers.BatchNormalization: lambda x, width: layers.BatchNormalization()(x),
    layers.Add: lambda x, width: layers.Add()([x, layers.Dense(width)(x)]),
    keras.src.ops.numpy.Add: lambda x, width: x + layers.Dense(width)(x),
}


def make_trainer_of(
    network: Network, folder: Path, optimizer: str = "Adam", rate: float = 0.01
) -> CompiledTrainer:
    whole = make_trainer(make_data(features=FEATURES), folder)

    def build(params: Params) -> keras.Model:
        inputs = keras.Input((FEATURES,))
        model = keras.Model(inputs, network(inputs, int(params["units"])))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(getattr(keras.optimizers, optimizer)(rate), loss)
        return model

    return replace(whole, build=build)


def assert_others_train_as_in_keras(
    trainer: CompiledTrainer, *, traces: int = 1, close: float = CLOSE
) -> None:
    train(trainer, {"units": 16})
    result = train(trainer, {"units": 9})

    assert result.trainer == "compiled"
    assert len(trainer.traces) == traces
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, {"units": 9}), rtol=close)


@pytest.mark.parametrize(("network", "free"), NETWORKS.items())
def test_a_width_that_meets_no_other_is_free_and_one_trace_serves_it(
    network: Network, free: set[str], tmp_path: Path
) -> None:
    trainer = make_trainer_of(network, tmp_path)

    assert free_dense(trainer.build({"units": 9})) == free
    assert_others_train_as_in_keras(trainer, traces=1 if free else 2)


@pytest.mark.parametrize("layer", sorted(WIDTHLESS, key=str))
def test_one_trace_serves_other_widths_of_every_layer_that_need_not_know_them(
    layer: type[keras.Operation], tmp_path: Path
) -> None:
    def network(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
        x = LAYERS[layer](layers.Dense(width)(inputs), width)
        return layers.Dense(CLASSES)(x)

    close = CLOSE_NORMED if layer is layers.BatchNormalization else CLOSE
    assert_others_train_as_in_keras(make_trainer_of(network, tmp_path), close=close)


@pytest.mark.parametrize("optimizer", sorted(ELEMENTWISE))
def test_one_trace_serves_other_widths_with_every_optimizer_of_single_weights(
    optimizer: str, tmp_path: Path
) -> None:
    def network(inputs: keras.KerasTensor, width: int) -> keras.KerasTensor:
        return layers.Dense(CLASSES)(layers.Dense(width, "sigmoid")(inputs))

    rate = 0.001 if optimizer == "Lion" else 0.01
    assert_others_train_as_in_keras(make_trainer_of(network, tmp_path, optimizer, rate))


def flat() -> list[keras.layers.Layer]:
    return [layers.Flatten(), layers.Dense(8, name="hidden")]


def before_flatten() -> list[keras.layers.Layer]:
    return [layers.Dense(8, name="met"), layers.Flatten(), layers.Dense(7, name="hidden")]


def other_axis() -> list[keras.layers.Layer]:
    return [layers.Dense(8), layers.BatchNormalization(axis=1), layers.Flatten()]


def masked_by_shape() -> list[keras.layers.Layer]:
    noise = layers.Dropout(0.3, noise_shape=(None, 8))
    return [layers.Flatten(), layers.Dense(8), noise, layers.Dense(5, name="hidden")]


@pytest.mark.parametrize(
    ("hidden", "free"),
    [
        (flat, {"hidden"}),
        (before_flatten, {"hidden"}),
        (other_axis, set()),
        (masked_by_shape, {"hidden"}),
    ],
)
def test_the_widths_of_a_sequence_are_free_where_no_length_meets_them(
    hidden: Callable[[], list[keras.layers.Layer]], free: set[str]
) -> None:
    model = keras.Sequential([keras.Input((3, 2)), *hidden(), layers.Dense(1)])

    assert free_dense(model) == free
