"""Which widths are free, and that networks with sums train as in Keras."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.training.cases import make_data, make_trainer, reference, train

from sweepspot.space import Params
from sweepspot.training.compiled import CompiledTrainer
from sweepspot.training.widths import free_dense

pytestmark = [pytest.mark.tf, pytest.mark.slow]

layers = keras.layers
FEATURES, CLASSES = 6, 4
# As in test_compiled.
CLOSE = 1e-5


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


NETWORKS: dict[Callable[[keras.KerasTensor, int], keras.KerasTensor], set[str]] = {
    add_to_input: {"inner"},
    plus_input: {"inner"},
    add_within: {"first", "second"},
    add_outputs: {"inner"},
    shared: {"inner"},
    add_array: {"inner"},
    scaled: set(),
}


@pytest.mark.parametrize(("network", "free"), NETWORKS.items())
def test_a_width_that_meets_no_other_is_free_and_one_trace_serves_it(
    network: Callable[[keras.KerasTensor, int], keras.KerasTensor], free: set[str], tmp_path: Path
) -> None:
    def build(params: Params) -> keras.Model:
        inputs = keras.Input((FEATURES,))
        model = keras.Model(inputs, network(inputs, int(params["units"])))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss)
        return model

    whole = make_trainer(make_data(features=FEATURES), tmp_path)
    trainer = CompiledTrainer(
        data=whole.data, build=build, settings=whole.settings, weights=tmp_path
    )
    train(trainer, {"units": 16})

    result = train(trainer, {"units": 9})

    assert free_dense(build({"units": 9})) == free
    assert result.trainer == "compiled"
    assert len(trainer.traces) == (1 if free else 2)
    np.testing.assert_allclose(result.curve.J_cv, reference(trainer, {"units": 9}), rtol=CLOSE)


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
