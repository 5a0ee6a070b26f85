"""The plain tier: J by hand, the weights kept, and every way in which a trial ends."""

import gc
from functools import partial

import numpy as np
import pytest

pytestmark = [
    pytest.mark.tf,
    # Keras and TensorFlow warn about one another while they are imported.
    pytest.mark.filterwarnings("ignore"),
]
tf = pytest.importorskip("tensorflow")

from cases import make_data  # noqa: E402 - imports TensorFlow

from sweepspot.data import Task  # noqa: E402
from sweepspot.families import make_family  # noqa: E402
from sweepspot.spec import EarlyStopping, Train  # noqa: E402
from sweepspot.training.plain import PlainTrainer, one_line  # noqa: E402
from sweepspot.trial import State, Trial  # noqa: E402


def trainer_of(data, folder, *, build=None, batch_size=32, patience=None):
    family = make_family("mlp")
    return PlainTrainer(
        data=data,
        build=build or (lambda params: family(params, data.input_shape, data.task, data.n_outputs)),
        settings=Train(
            batch_size=batch_size,
            early_stopping=EarlyStopping(patience=patience) if patience else None,
        ),
        weights=folder,
    )


def go_on(number, epoch, J_cv):
    return False


def train(trainer, params, *, epochs=3, report=go_on, **fields):
    trial = Trial(**{"number": 0, "params": params, "seed": 7, "epochs": epochs, **fields})
    (result,) = trainer.train([trial], report)
    return result


def losses_by_hand(path, split):
    """Cross-entropy and error of each row, of an mlp with one relu layer."""
    with np.load(path) as kept:
        w1, b1, w2, b2 = (kept[f"best_{i}"].astype(np.float64) for i in range(4))
    logits = np.maximum(split.X @ w1 + b1, 0) @ w2 + b2
    log_sum = np.log(np.exp(logits).sum(axis=1))
    return log_sum - logits[np.arange(len(split)), split.y], logits.argmax(axis=1) != split.y


def test_j_is_the_mean_of_the_losses_without_penalty_and_dropout(tmp_path):
    data = make_data(Task.MULTICLASS)
    params = {"layers": 1, "units": 8, "dropout": 0.5, "l2": 0.1}

    result = train(trainer_of(data, tmp_path), params, keeps_weights=True)

    train_losses, train_errors = losses_by_hand(tmp_path / "00000.npz", data.train)
    cv_losses, cv_errors = losses_by_hand(tmp_path / "00000.npz", data.cv)
    # float32 forward passes of values near 1: some 1e-7 each.
    assert result.J_train == pytest.approx(train_losses.mean(), abs=1e-5)
    assert result.J_cv == pytest.approx(cv_losses.mean(), abs=1e-5)
    assert result.error_train == pytest.approx(train_errors.mean(), abs=1e-7)
    assert result.error_cv == pytest.approx(cv_errors.mean(), abs=1e-7)
    np.testing.assert_allclose(result.losses.train, train_losses[data.kept_train], atol=1e-4)
    assert result.curve.J_train[result.best_epoch - 1] == pytest.approx(
        train_losses[data.kept_train].mean(), abs=1e-5
    )
    assert (result.state, result.trainer, result.n_weights) == (State.COMPLETE, "plain", 92)


def test_the_weights_kept_are_the_best_ones(tmp_path):
    trainer = trainer_of(make_data(Task.REGRESSION), tmp_path)

    result = train(trainer, {"learning_rate": 0.3, "units": 32}, epochs=8)

    assert result.J_cv == pytest.approx(min(result.curve.J_cv), rel=1e-5)
    assert result.best_epoch == 1 + int(np.argmin(result.curve.J_cv))
    assert result.epochs == 8


def test_early_stopping_waits_for_its_patience(tmp_path):
    trainer = trainer_of(make_data(Task.REGRESSION), tmp_path, patience=2)

    result = train(trainer, {"learning_rate": 0.3, "units": 32}, epochs=60)

    assert result.state is State.COMPLETE
    assert result.epochs == result.best_epoch + 2 < 60
    assert result.J_cv == pytest.approx(min(result.curve.J_cv), rel=1e-5)


def test_fit_is_traced_once(tmp_path):
    data, traced = make_data(), []

    class Traced(tf.keras.Model):
        def train_step(self, batch):
            traced.append(self.name)
            return super().train_step(batch)

    def build(params):
        inputs = tf.keras.Input(data.input_shape)
        model = Traced(inputs, tf.keras.layers.Dense(data.n_outputs)(inputs))
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss)
        return model

    # 150 rows are three whole batches.
    train(trainer_of(data, tmp_path, build=build, batch_size=50), {})

    assert len(traced) == 1


def test_a_network_that_has_no_weights_yet_is_trained(tmp_path):
    data = make_data()

    def build(params):
        model = tf.keras.Sequential([tf.keras.layers.Dense(data.n_outputs)])
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss)
        return model

    result = train(trainer_of(data, tmp_path, build=build), {})

    assert result.state is State.COMPLETE


def test_no_graph_of_a_trial_outlives_it(tmp_path):
    trainer = trainer_of(make_data(), tmp_path)
    train(trainer, {})
    gc.collect()
    before = count_graphs()

    for width in (3, 5, 7):
        train(trainer, {"units": width})

    gc.collect()
    assert count_graphs() == before


def count_graphs():
    return sum(isinstance(kept, tf.Graph) for kept in gc.get_objects())


def test_a_pruned_trial_stops_and_is_measured(tmp_path):
    heard = []

    def report(number, epoch, J_cv):
        heard.append(J_cv)
        return epoch == 2

    result = train(trainer_of(make_data(), tmp_path), {}, epochs=9, report=report)

    assert (result.state, result.reason) == (State.PRUNED, "pruned after epoch 2")
    assert list(result.curve.J_cv) == heard
    assert result.epochs == 2
    assert result.J_cv == pytest.approx(min(heard), rel=1e-5)


def test_a_diverged_trial_has_failed(tmp_path):
    trainer = trainer_of(make_data(Task.REGRESSION), tmp_path)

    result = train(trainer, {"optimizer": "sgd", "learning_rate": 1e3}, keeps_weights=True)

    assert result.state is State.FAILED
    assert result.reason.startswith("diverged in epoch ")
    assert (result.J_cv, result.losses, result.weights) == (None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_what_a_build_raises_is_the_trials_reason(tmp_path):
    def build(params):
        raise ValueError("units must be odd\nand more")

    trainer = trainer_of(make_data(), tmp_path, build=build)
    trials = [Trial(number=n, params={}, seed=n, epochs=1) for n in (0, 1)]

    results = list(trainer.train(trials, go_on))

    assert [r.state for r in results] == [State.FAILED] * 2
    assert [r.reason for r in results] == ["ValueError: units must be odd"] * 2


@pytest.mark.slow
def test_two_and_two_epochs_are_four(tmp_path):
    # In one batch of all rows there is no order of batches to differ in.
    data = make_data()
    trainer = trainer_of(data, tmp_path, batch_size=len(data.train))
    params = {"learning_rate": 0.05}

    whole = train(trainer, params, epochs=4)
    train(trainer, params, epochs=2, keeps_weights=True)
    rest = train(trainer, params, epochs=4, number=1, seed=99, continues=(0, 2))

    assert list(rest.curve.steps) == [3, 4]
    assert rest.curve.J_cv == pytest.approx(whole.curve.J_cv[2:], rel=1e-4)
    assert rest.J_cv == pytest.approx(whole.J_cv, rel=1e-4)


@pytest.mark.slow
def test_a_promotion_without_the_weights_of_its_parent_starts_anew(tmp_path):
    trainer = trainer_of(make_data(), tmp_path)
    whole = train(trainer, {}, epochs=4, number=1, seed=9)

    alone = train(trainer, {}, epochs=4, number=1, seed=9, continues=(0, 2))

    assert alone.trainer_reason == "asked for; the weights of #000 are gone: from the start"
    assert (alone.trial.continues, alone.epochs) == ((0, 2), 4)
    assert alone.curve == whole.curve


@pytest.mark.slow
def test_a_trial_is_repeatable_by_its_seed(tmp_path):
    trainer = trainer_of(make_data(), tmp_path)
    params = {"dropout": 0.4}

    first, again = (train(trainer, params).curve.J_cv for _ in range(2))
    other = train(trainer, params, seed=8).curve.J_cv

    assert first == again
    assert first != other


LOSSES = [
    ("mse", tf.keras.losses.MeanSquaredError, Task.REGRESSION),
    ("mean_absolute_error", tf.keras.losses.MeanAbsoluteError, Task.REGRESSION),
    ("huber", tf.keras.losses.Huber, Task.REGRESSION),
    ("binary_crossentropy", tf.keras.losses.BinaryCrossentropy, Task.BINARY),
    (
        "sparse_categorical_crossentropy",
        tf.keras.losses.SparseCategoricalCrossentropy,
        Task.MULTICLASS,
    ),
]


def compiled_with(data, *, last="linear", optimizer=tf.keras.optimizers.SGD, **options):
    """Return a build of one layer; its output is named, as a loss by name needs it."""

    def build(params):
        inputs = tf.keras.Input(data.input_shape)
        outputs = tf.keras.layers.Dense(data.n_outputs, activation=last, name="out")(inputs)
        model = tf.keras.Model(inputs, outputs)
        model.compile(optimizer=optimizer(), **options)
        return model

    return build


def trained_in(tier, data, folder, build):
    from sweepspot.training.compiled import CompiledTrainer

    made = {"plain": PlainTrainer, "compiled": CompiledTrainer}[tier]
    return train(made(data=data, build=build, settings=Train(), weights=folder), {})


@pytest.mark.parametrize("tier", ["plain", "compiled"])
@pytest.mark.parametrize(("name", "as_class", "task"), LOSSES, ids=[n for n, _, _ in LOSSES])
def test_a_loss_by_name_is_that_loss(name, as_class, task, tier, tmp_path):
    data = make_data(task)
    last = {Task.MULTICLASS: "softmax", Task.BINARY: "sigmoid"}.get(task, "linear")

    by_name, by_class = (
        trained_in(tier, data, tmp_path, compiled_with(data, last=last, loss=loss))
        for loss in (name, as_class())
    )

    assert by_name.state is State.COMPLETE, by_name.reason
    np.testing.assert_allclose(by_name.losses.cv, by_class.losses.cv, rtol=1e-6)
    assert by_name.curve.J_cv == pytest.approx(by_class.curve.J_cv, rel=1e-6)


@pytest.mark.parametrize("tier", ["plain", "compiled"])
@pytest.mark.parametrize("held", [lambda loss: [loss], lambda loss: {"out": loss}])
def test_the_only_loss_of_a_list_is_that_loss(held, tier, tmp_path):
    data = make_data(Task.BINARY)
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)

    alone, in_list = (
        trained_in(tier, data, tmp_path, compiled_with(data, loss=given))
        for given in (loss, held(loss))
    )

    assert (in_list.state, in_list.trainer) == (State.COMPLETE, tier), in_list.reason
    assert in_list.curve == alone.curve
    assert in_list.error_cv == alone.error_cv


def test_a_weight_of_the_loss_is_no_part_of_j(tmp_path):
    data = make_data(Task.REGRESSION)
    rates = (0.05, None), (0.025, 2.0)

    plainly, weighted = (
        trained_in(
            "plain",
            data,
            tmp_path,
            compiled_with(
                data,
                optimizer=partial(tf.keras.optimizers.SGD, rate),
                loss="mse",
                loss_weights=weight,
            ),
        )
        for rate, weight in rates
    )

    # Half the step on twice the loss is the same step.
    assert weighted.curve.J_cv == pytest.approx(plainly.curve.J_cv, rel=1e-6)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            tf.errors.InvalidArgumentError(
                None, None, "{{function_node __wrapped__MatMul_device_CPU:0}} In[0] is odd\nmore"
            ),
            "InvalidArgumentError: In[0] is odd",
        ),
        (RuntimeError(), "RuntimeError: no message"),
    ],
)
def test_a_failed_trial_says_first_what_was_raised(error: Exception, told: str) -> None:
    assert one_line(error) == told
