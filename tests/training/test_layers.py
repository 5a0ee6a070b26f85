"""Layers, optimizers and schedules beside those of the families: as in Keras, and repeatable."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.training.cases import make_data, make_trainer, reference, train

from sweepspot.data import TrainingData
from sweepspot.space import Params
from sweepspot.training.compiled import CompiledTrainer
from sweepspot.training.plain import PlainTrainer
from sweepspot.trial import State, Trial

pytestmark = [pytest.mark.tf, pytest.mark.slow]

layers, optimizers, schedules = (
    keras.layers,
    keras.optimizers,
    keras.optimizers.schedules,
)
Hidden = Callable[[], list[keras.layers.Layer]]

# As in test_compiled: float32 rounding over 15 steps, and what normalization makes of it.
CLOSE = 1e-5
CLOSE_NORMED = 1e-4

FLAT: dict[str, Hidden] = {
    "layer_normalization": lambda: [layers.Dense(9), layers.LayerNormalization(), layers.ReLU()],
    "group_normalization": lambda: [layers.Dense(8), layers.GroupNormalization(4)],
    "unit_normalization": lambda: [layers.Dense(9), layers.UnitNormalization()],
    "prelu": lambda: [layers.Dense(9), layers.PReLU()],
    "no_bias": lambda: [layers.Dense(9, use_bias=False), layers.Activation("tanh")],
    "softmax": lambda: [layers.Dense(9, activation="softmax")],
    "rescaling": lambda: [layers.Rescaling(2.0), layers.Dense(9, "relu")],
    "activity": lambda: [layers.Dense(9, "relu", activity_regularizer="l2")],
}
IMAGES: dict[str, Hidden] = {
    "convolution": lambda: [layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.Flatten()],
    "transposed": lambda: [layers.Conv2DTranspose(3, 3), layers.Flatten()],
    "separable": lambda: [layers.SeparableConv2D(4, 3), layers.GlobalMaxPooling2D()],
}
SEQUENCES: dict[str, Hidden] = {
    "convolution_1d": lambda: [layers.Conv1D(4, 3), layers.GlobalAveragePooling1D()],
    "lstm": lambda: [layers.LSTM(6)],
    "gru": lambda: [layers.GRU(6)],
    "simple_rnn": lambda: [layers.SimpleRNN(6, return_sequences=True), layers.Flatten()],
    "bidirectional": lambda: [layers.Bidirectional(layers.LSTM(4))],
    "time_distributed": lambda: [layers.TimeDistributed(layers.Dense(4)), layers.Flatten()],
    "dense": lambda: [layers.Dense(4, "relu"), layers.GlobalAveragePooling1D()],
}
TEXTS: dict[str, Hidden] = {
    "lstm": lambda: [layers.Embedding(20, 5), layers.LSTM(6)],
    "masked_lstm": lambda: [layers.Embedding(20, 5, mask_zero=True), layers.LSTM(6)],
    "average": lambda: [layers.Embedding(20, 5), layers.GlobalAveragePooling1D()],
}
SHAPES: dict[str, tuple[int, ...]] = {"images": (8, 8, 1), "sequences": (8, 3)}
CASES = {
    f"{kind}-{name}": (kind, hidden)
    for kind, by_name in (
        ("flat", FLAT),
        ("images", IMAGES),
        ("sequences", SEQUENCES),
        ("texts", TEXTS),
    )
    for name, hidden in by_name.items()
}

NOISY: dict[str, tuple[str, Hidden]] = {
    "dropout": ("flat", lambda: [layers.Dense(9), layers.Dropout(0.3), layers.Dropout(0.2)]),
    "dropout_of_sequences": ("sequences", lambda: [layers.Dropout(0.3), layers.LSTM(6)]),
    "dropout_by_shape": (
        "sequences",
        lambda: [layers.Dropout(0.3, noise_shape=(None, 1, 3)), layers.Flatten()],
    ),
    "dropout_within_lstm": ("sequences", lambda: [layers.LSTM(6, dropout=0.2)]),
    "spatial_dropout": (
        "images",
        lambda: [layers.Conv2D(4, 3), layers.SpatialDropout2D(0.3), layers.Flatten()],
    ),
    "gaussian_noise": ("flat", lambda: [layers.Dense(9), layers.GaussianNoise(0.1)]),
    "gaussian_dropout": ("flat", lambda: [layers.Dense(9), layers.GaussianDropout(0.1)]),
    "alpha_dropout": ("flat", lambda: [layers.Dense(9, "selu"), layers.AlphaDropout(0.1)]),
}

OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "adadelta": optimizers.Adadelta,
    "adamax": optimizers.Adamax,
    "ftrl": optimizers.Ftrl,
    "lion": lambda rate: optimizers.Lion(rate / 10),
    "adafactor": optimizers.Adafactor,
    "amsgrad": lambda rate: optimizers.Adam(rate, amsgrad=True),
    "centered": lambda rate: optimizers.RMSprop(rate, centered=True),
    "exponential": lambda rate: optimizers.Adam(schedules.ExponentialDecay(rate, 5, 0.9)),
    "piecewise": lambda rate: optimizers.Adam(
        schedules.PiecewiseConstantDecay([5, 8], [rate, rate / 2, rate / 9])
    ),
    "polynomial": lambda rate: optimizers.SGD(schedules.PolynomialDecay(rate, 10)),
    "inverse_time": lambda rate: optimizers.SGD(schedules.InverseTimeDecay(rate, 5, 0.5)),
    "restarts": lambda rate: optimizers.Adam(schedules.CosineDecayRestarts(rate, 5)),
}


def data_of(kind: str) -> TrainingData:
    if kind in SHAPES:
        shape = SHAPES[kind]
        whole = make_data(features=int(np.prod(shape)))
        return with_inputs(whole, lambda X: X.reshape(-1, *shape))
    if kind == "texts":
        # Numbers of words; 0 is what `mask_zero` leaves out.
        return with_inputs(make_data(features=12), lambda X: np.clip(np.floor(abs(X) * 5), 0, 19))
    return make_data()


def with_inputs(whole: TrainingData, change: Callable[[np.ndarray], np.ndarray]) -> TrainingData:
    return replace(
        whole,
        train=replace(whole.train, X=change(whole.train.X)),
        cv=replace(whole.cv, X=change(whole.cv.X)),
    )


def trainer_of(
    kind: str,
    hidden: Hidden,
    folder: Path,
    optimizer: Callable[[float], keras.optimizers.Optimizer] = optimizers.Adam,
) -> CompiledTrainer:
    data = data_of(kind)

    def build(params: Params) -> keras.Model:
        model = keras.Sequential([keras.Input(data.input_shape), *hidden(), layers.Dense(4)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer(float(params["rate"])), loss)
        return model

    settings = make_trainer(data, folder).settings
    return CompiledTrainer(data=data, build=build, settings=settings, weights=folder)


@pytest.mark.parametrize("case", CASES)
def test_a_layer_trains_as_in_keras_alone_and_after_others(case: str, tmp_path: Path) -> None:
    trainer = trainer_of(*CASES[case], tmp_path)
    alone = train(trainer, {"rate": 0.01})
    train(trainer, {"rate": 0.1}, number=1)

    after = train(trainer, {"rate": 0.01}, number=2)

    assert (alone.state, alone.trainer) == (State.COMPLETE, "compiled")
    close = CLOSE_NORMED if "normalization" in case else CLOSE
    np.testing.assert_allclose(alone.curve.J_cv, reference(trainer, {"rate": 0.01}), rtol=close)
    assert after.curve == alone.curve
    assert len(trainer.traces) == 1


@pytest.mark.parametrize("case", NOISY)
def test_a_layer_that_draws_does_so_by_the_trials_seed(case: str, tmp_path: Path) -> None:
    trainer = trainer_of(*NOISY[case], tmp_path)
    alone = train(trainer, {"rate": 0.01})
    train(trainer, {"rate": 0.1}, number=1)

    after = train(trainer, {"rate": 0.01}, number=2)

    assert (alone.state, alone.trainer) == (State.COMPLETE, "compiled")
    assert after.curve == alone.curve
    assert alone.curve.J_cv != tuple(reference(trainer, {"rate": 0.01}))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_trains_as_in_keras_alone_and_after_others(name: str, tmp_path: Path) -> None:
    def hidden() -> list[keras.layers.Layer]:
        return [layers.Dense(9, "relu")]

    trainer = trainer_of("flat", hidden, tmp_path, OPTIMIZERS[name])
    alone = train(trainer, {"rate": 0.02})
    train(trainer, {"rate": 0.1}, number=1)

    after = train(trainer, {"rate": 0.02}, number=2)

    assert alone.trainer == "compiled"
    np.testing.assert_allclose(alone.curve.J_cv, reference(trainer, {"rate": 0.02}), rtol=CLOSE)
    assert after.curve == alone.curve


def dropping() -> list[keras.layers.Layer]:
    return [layers.Dense(9, "relu"), layers.Dropout(0.3)]


GOING_ON: dict[str, tuple[str, Hidden, str]] = {
    **{name: ("flat", dropping, name) for name in OPTIMIZERS},
    "embedding": ("texts", TEXTS["average"], "amsgrad"),
}


@pytest.mark.parametrize("case", GOING_ON)
def test_a_promoted_trial_goes_on_as_if_it_had_never_stopped(case: str, tmp_path: Path) -> None:
    kind, hidden, optimizer = GOING_ON[case]
    trainer = trainer_of(kind, hidden, tmp_path, OPTIMIZERS[optimizer])
    params = {"rate": 0.02}
    whole = train(trainer, params, epochs=4)
    parent = Trial(number=1, params=params, seed=7, epochs=2, keeps_weights=True)
    child = Trial(number=2, params=params, seed=7, epochs=4, continues=(1, 2))

    list(trainer.train([parent], lambda number, epoch, J_cv: False))
    train(trainer, {"rate": 0.1}, number=3)
    (result,) = trainer.train([child], lambda number, epoch, J_cv: False)

    assert result.trainer == "compiled"
    np.testing.assert_allclose(result.curve.J_cv, whole.curve.J_cv[2:], rtol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [
        (optimizers.Muon, "optimizer Muon computes with its numbers outside of TensorFlow"),
        (optimizers.ScheduleFreeAdamW, "optimizer ScheduleFreeAdamW keeps a state of its own"),
        (lambda rate: optimizers.Adam(rate, use_ema=True), "optimizer with use_ema"),
    ],
    ids=["muon", "schedule_free", "ema"],
)
def test_an_optimizer_that_no_trace_knows_is_trained_plainly(
    optimizer: Callable[[float], keras.optimizers.Optimizer], reason: str, tmp_path: Path
) -> None:
    trainer = trainer_of("flat", lambda: [layers.Dense(9, "relu")], tmp_path, optimizer)

    result = train(trainer, {"rate": 0.01})

    assert (result.state, result.trainer) == (State.COMPLETE, "plain")
    assert result.trainer_reason == reason


class Huber(keras.losses.Loss):
    """A loss of the user's own."""

    def call(self, y_true: object, y_pred: object) -> object:
        return keras.losses.huber(keras.ops.one_hot(y_true, 4), y_pred)


def test_a_loss_of_the_users_own_is_trained_plainly(tmp_path: Path) -> None:
    whole = make_trainer(make_data(), tmp_path)

    def build(params: Params) -> keras.Model:
        model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
        model.compile("adam", Huber())
        return model

    trainer = CompiledTrainer(
        data=whole.data, build=build, settings=whole.settings, weights=tmp_path
    )

    result = train(trainer, {})

    assert (result.state, result.trainer) == (State.COMPLETE, "plain")
    assert result.trainer_reason == "loss Huber is not one of Keras"


# 150 rows of 128 features, each so often: more bytes than a process can address, anywhere.
TOO_LONG = 2**31 - 1


@pytest.mark.parametrize("tier", [CompiledTrainer, PlainTrainer])
def test_a_network_that_does_not_fit_fails_and_the_next_is_trained(
    tier: type[CompiledTrainer] | type[PlainTrainer], tmp_path: Path
) -> None:
    def build(params: Params) -> keras.Model:
        times = int(params["times"])
        middle = [layers.RepeatVector(times), layers.GlobalAveragePooling1D()]
        model = keras.Sequential([keras.Input((128,)), *middle, layers.Dense(4)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    whole = make_trainer(make_data(features=128), tmp_path, batch_size=150)
    trainer = tier(data=whole.data, build=build, settings=whole.settings, weights=tmp_path)

    first = train(trainer, {"times": TOO_LONG})
    second = train(trainer, {"times": 3}, number=1)

    assert first.state is State.FAILED
    assert str(first.reason).startswith("out of memory: ResourceExhaustedError: ")
    assert second.state is State.COMPLETE
    assert first.trainer == second.trainer == ("plain" if tier is PlainTrainer else "compiled")
