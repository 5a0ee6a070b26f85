"""Every row of the documented tables of what is trained by `fit`, and of what cannot be trained."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests.training.cases import make_data, make_trainer, train

from sweepspot.training.refusals import Untraceable, refuse
from sweepspot.trial import State, TrialResult

pytestmark = [
    pytest.mark.tf,
    pytest.mark.slow,
    # Keras warns of a lambda whenever somebody asks for the configuration.
    pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`"),
]

Make = Callable[[], keras.Model]

layers, optimizers = keras.layers, keras.optimizers
DOCS = Path(__file__).parents[2] / "docs" / "performance.md"


def documented(begins: str) -> dict[str, str]:
    """Return the rows of the table after a sentence: what, and the reason that is given."""
    table = DOCS.read_text().split(begins)[1].split("\n\n")[1]
    return dict(line.strip("| ").split(" | ") for line in table.splitlines()[2:])


def cross_entropy() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def make(*hidden: keras.layers.Layer, optimizer: object = "adam", **options: object) -> keras.Model:
    model = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(4)])
    model.compile(optimizer, **{"loss": cross_entropy(), **options})
    return model


def make_of(kind: type[keras.Model], inputs: int = 1, outputs: int = 1) -> keras.Model:
    given = [keras.Input((6,)) for _ in range(inputs)]
    ends = [layers.Dense(4)(given[-1]) for _ in range(outputs)]
    model = kind(given if inputs > 1 else given[0], ends if outputs > 1 else ends[0])
    model.compile("adam", cross_entropy())
    return model


class Doubled(layers.Layer):
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return 2 * inputs


class Tripled(keras.Operation):
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return 3 * inputs

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, inputs.dtype)


class NumPyOnly(layers.Layer):
    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.convert_to_tensor(np.tanh(inputs.numpy()))

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, inputs.dtype)


class Own(keras.Model):
    pass


class OwnSGD(optimizers.SGD):
    pass


class OwnRate(optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: tf.Tensor) -> float:
        return 0.01


class OwnPenalty(keras.regularizers.Regularizer):
    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        return 0.1 * keras.ops.sum(weights**2)


class Within(keras.constraints.Constraint):
    def __init__(self, most: float) -> None:
        self.most = most

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        return keras.ops.clip(weights, -self.most, self.most)


class Tenths(keras.initializers.Initializer):
    def __call__(self, shape: tuple[int, ...], dtype: object = None) -> tf.Tensor:
        return 0.1 * keras.ops.ones(shape, dtype)


def squared(y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return keras.ops.mean((keras.ops.one_hot(y, 4) - outputs) ** 2, axis=-1)


def steeper(times: float) -> Callable[[tf.Tensor], tf.Tensor]:
    def gelu(x: tf.Tensor) -> tf.Tensor:
        return keras.ops.gelu(times * x)

    return gelu


def tripled() -> keras.Model:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, Tripled()(layers.Dense(4)(inputs)))
    model.compile("adam", cross_entropy())
    return model


def excluding() -> keras.Model:
    optimizer = optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return make(optimizer=optimizer)


def silent() -> keras.Model:
    model = make(layer := layers.Dense(3))
    layer.get_config = lambda: 1 / 0
    return model


FIT: dict[str, list[Make]] = {
    "a layer or an operation of your own, `Lambda`": [
        lambda: make(Doubled()),
        lambda: make(layers.Lambda(lambda x: 2 * x)),
        tripled,
    ],
    "an activation, initializer, regularizer or constraint of your own": [
        lambda: make(layers.Dense(3, activation=lambda x: 2 * x)),
        lambda: make(layers.Activation(steeper(2))),
        lambda: make(layers.Dense(3, activation=tf.function(steeper(2)))),
        lambda: make(layers.Dense(3, kernel_initializer=Tenths())),
        lambda: make(layers.Dense(3, kernel_initializer=keras.ops.ones)),
        lambda: make(layers.Dense(3, kernel_regularizer=OwnPenalty())),
        lambda: make(layers.Dense(3, activity_regularizer=OwnPenalty())),
        lambda: make(layers.Dense(3, bias_constraint=Within(0.1))),
    ],
    "a subclassed `Model`": [lambda: make_of(Own)],
    "a loss of your own": [lambda: make(loss=squared)],
    "`loss_weights`": [lambda: make(loss_weights=[2.0]), lambda: make(loss_weights=2.0)],
    "`run_eagerly=True`": [
        lambda: make(run_eagerly=True),
        lambda: make(NumPyOnly(), run_eagerly=True),
    ],
    "weights that are not float32": [lambda: make(layers.Dense(3, dtype="float16"))],
    "an optimizer of your own": [lambda: make(optimizer=OwnSGD())],
    "a schedule of your own": [
        lambda: make(optimizer=optimizers.Adam(OwnRate())),
        lambda: make(optimizer=optimizers.Adam(lambda: 0.01)),
    ],
    "Muon": [lambda: make(optimizer=optimizers.Muon(0.01))],
    "ScheduleFreeAdamW, LossScaleOptimizer, MultiOptimizer": [
        lambda: make(optimizer=optimizers.ScheduleFreeAdamW()),
        lambda: make(optimizer=optimizers.LossScaleOptimizer(optimizers.Adam())),
        lambda: make(optimizer=optimizers.MultiOptimizer(lambda variable: optimizers.Adam())),
    ],
    "`use_ema`, gradient accumulation, loss scaling": [
        lambda: make(optimizer=optimizers.Adam(use_ema=True)),
        lambda: make(optimizer=optimizers.Adam(gradient_accumulation_steps=2)),
        lambda: make(optimizer=optimizers.Adam(loss_scale_factor=2.0)),
    ],
    "an optimizer that excludes weights from its decay": [excluding],
    "whatever does not tell its configuration": [silent],
    "whatever differs from Keras in the comparison": [
        lambda: make(*(layers.Dense(64, "relu", dtype="mixed_bfloat16") for _ in range(2)))
    ],
    # Keras cannot make such a network from its configuration, which the comparison needs.
    "whatever cannot be traced": [lambda: make(layers.Dense(3, activation=tf.math.sin))],
}
FAIL: dict[str, list[Make]] = {
    "no loss, or several": [
        lambda: make(loss=None),
        lambda: make(loss=["mse", "mae"]),
        lambda: make(loss={"a": "mse", "b": "mae"}),
    ],
    "several inputs": [lambda: make_of(keras.Model, inputs=2)],
    "several outputs": [lambda: make_of(keras.Model, outputs=2)],
}


def each(cases: dict[str, list[Make]]) -> list[object]:
    return [
        pytest.param(what, case, id=f"{what}-{i}")
        for what, some in cases.items()
        for i, case in enumerate(some)
    ]


def result_of(model: Make, folder: Path) -> TrialResult:
    whole = make_trainer(make_data(), folder)
    return train(replace(whole, build=lambda params: model()), {}, epochs=1)


def assert_says(reason: str, row: str) -> None:
    assert re.fullmatch(re.escape(row).replace(r"\.\.\.", ".+"), reason)


def test_every_row_of_the_documentation_has_a_case() -> None:
    assert list(documented("These are trained by `fit`")) == list(FIT)
    assert list(documented("These cannot be trained")) == list(FAIL)


@pytest.mark.parametrize(("what", "model"), each(FIT))
def test_what_the_documentation_leaves_to_fit_is_trained_and_says_why(
    what: str, model: Make, tmp_path: Path
) -> None:
    result = result_of(model, tmp_path)

    assert (result.state, result.trainer) == (State.COMPLETE, "plain")
    assert_says(result.trainer_reason, documented("These are trained by `fit`")[what])


@pytest.mark.parametrize(("what", "model"), each(FAIL))
def test_what_cannot_be_trained_says_why_in_one_line(
    what: str, model: Make, tmp_path: Path
) -> None:
    result = result_of(model, tmp_path)

    assert (result.state, result.trainer) == (State.FAILED, "plain")
    assert_says(str(result.reason), documented("These cannot be trained")[what])


def test_a_network_in_which_another_one_is_refused_is_refused() -> None:
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5, activation=steeper(2))])

    with pytest.raises(Untraceable, match=r"activation of layer .* \(gelu\)"):
        refuse(make(inner))


@pytest.mark.parametrize("given", [tf.nn.relu, keras.ops.relu, "relu", layers.ReLU()])
def test_functions_of_keras_and_tensorflow_are_known(given: object) -> None:
    refuse(make(layers.Dense(3, activation=given)))
