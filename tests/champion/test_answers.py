"""Losses of answers: the same as those of the network that gave them, whatever the task."""

import numpy as np
import pandas as pd
import pytest

from sweepspot.data import Task
from sweepspot.datasets import load_dataset
from sweepspot.spec import Data

pytestmark = [
    pytest.mark.tf,
    # MLflow probes libraries that warn while they are imported, none of them ours.
    pytest.mark.filterwarnings("ignore"),
]

N_ROWS = 120


def dataset_of(task, folder):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N_ROWS, 3)), columns=["a", "b", "c"])
    frame["where"] = rng.choice(["coast", "hill"], N_ROWS)
    y = {
        Task.REGRESSION: 1e4 + 1e3 * rng.normal(size=N_ROWS),
        Task.NONNEGATIVE: rng.exponential(50, N_ROWS),
        Task.BINARY: rng.choice(["no", "yes"], N_ROWS),
        Task.MULTICLASS: rng.choice(["u", "v", "w"], N_ROWS),
    }
    names = ("u", "v") if task is Task.MULTILABEL else ("y",)
    for name in names:
        frame[name] = y.get(task, rng.integers(0, 2, N_ROWS))
    if task is Task.MULTILABEL:
        frame["v"] = 1 - frame["u"]
    frame.to_csv(folder / "rows.csv", index=False)
    data = Data(source="rows.csv", target=names if len(names) > 1 else names[0])
    return load_dataset(data, task=task, folder=folder)


def network_of(dataset, params=None):
    import keras

    from sweepspot.families import make_family

    keras.utils.set_random_seed(1)
    training = dataset.training
    return make_family("mlp")(
        {"units": 8, "layers": 1, **(params or {})},
        training.input_shape,
        training.task,
        training.n_outputs,
    )


@pytest.mark.parametrize("task", list(Task))
def test_answers_to_raw_rows_have_the_losses_of_the_network(task, tmp_path):
    from sweepspot.champion import answer_losses, as_outputs, assemble, saved_model
    from sweepspot.training.evaluate import Evaluator

    dataset = dataset_of(task, tmp_path)
    network = network_of(dataset)
    assemble(network, dataset, tmp_path / "champion")
    model, split = saved_model(tmp_path / "champion"), dataset.training.cv

    outputs = as_outputs(dataset, model.answer(dataset.raw_rows("cv")), len(split))
    found = answer_losses(network.loss, split, outputs)

    expected = Evaluator.of(network, dataset.training).measure(split).losses
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert model.target["task"] == task.value


def test_answers_of_another_shape_are_refused(tmp_path):
    from sweepspot.champion import as_outputs

    dataset = dataset_of(Task.MULTICLASS, tmp_path)
    rows = len(dataset.training.cv)

    with pytest.raises(ValueError, match=r"answers must be \(\d+, 3\) numbers"):
        as_outputs(dataset, np.full((rows, 4), 0.25), rows)
    with pytest.raises(ValueError, match="must be finite"):
        as_outputs(dataset, np.full((rows, 3), np.nan), rows)


def test_latencies_are_measured_for_every_network(tmp_path):
    from sweepspot.champion.timing import latencies

    dataset = dataset_of(Task.REGRESSION, tmp_path)
    networks = {4: network_of(dataset), 7: network_of(dataset, {"layers": 3})}

    found = latencies(networks, dataset.training)

    assert set(found) == {4, 7}
    assert min(found.values()) > 0
