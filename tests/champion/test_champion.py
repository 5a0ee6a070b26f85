"""The champion on disk: the same answers as the network, from raw rows, without Sweepspot."""

import json
import subprocess
import sys
import textwrap

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

N_ROWS = 150


def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "rooms": rng.integers(1, 9, N_ROWS),
            "age": rng.uniform(0, 80, N_ROWS),
            "sold_at": 1.7e9 + rng.uniform(0, 1e4, N_ROWS),
            "place": rng.choice(["[UNK]", "coast", "hill"], N_ROWS, p=[0.5, 0.3, 0.2]),
            "garden": rng.random(N_ROWS) < 0.5,
            "same": 1.0,
        }
    )
    frame.loc[::9, "age"] = np.nan
    frame.loc[::11, "place"] = None
    frame.loc[:2, "place"] = ["island", "isle of man", "rock"]
    return frame


def targets(task):
    rng = np.random.default_rng(1)
    return {
        Task.REGRESSION: pd.DataFrame({"y": 1e5 + 1e4 * rng.normal(size=N_ROWS)}),
        Task.NONNEGATIVE: pd.DataFrame({"y": rng.exponential(50, N_ROWS)}),
        Task.BINARY: pd.DataFrame({"y": rng.random(N_ROWS) < 0.4}),
        Task.MULTICLASS: pd.DataFrame({"y": rng.choice(["a", "b", "c"], N_ROWS)}),
        Task.MULTILABEL: pd.DataFrame(rng.integers(0, 2, (N_ROWS, 3)), columns=["u", "v", "w"]),
    }[task]


def dataset_of(task, folder):
    y = targets(task)
    pd.concat([table(), y], axis=1).to_csv(folder / "rows.csv", index=False)
    names = tuple(y.columns)
    data = Data(source="rows.csv", target=names if len(names) > 1 else names[0])
    return load_dataset(data, task=task, folder=folder)


def network_of(training):
    """Build a small network with random weights and the loss of its task."""
    import keras

    keras.utils.set_random_seed(3)
    is_numeric = training.task in (Task.REGRESSION, Task.NONNEGATIVE)
    losses = {
        Task.MULTICLASS: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        Task.BINARY: keras.losses.BinaryCrossentropy(from_logits=True),
        # A list of one loss is that loss.
        Task.MULTILABEL: [keras.losses.BinaryCrossentropy(from_logits=True)],
    }
    network = keras.Sequential(
        [
            keras.Input(training.input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(training.n_outputs),
        ]
    )
    loss = keras.losses.MeanSquaredError() if is_numeric else losses[training.task]
    network.compile(loss=loss)
    return network


def saved(dataset, folder):
    """Save the champion of a data set as MLflow does, and return the network and the folder."""
    import mlflow

    from sweepspot.champion import MODEL_CODE, artifact_paths, assemble, requirements

    network = network_of(dataset.training)
    assemble(network, dataset, folder / "parts")
    mlflow.pyfunc.save_model(
        folder / "model",
        python_model=str(MODEL_CODE),
        artifacts={name: str(p) for name, p in artifact_paths(folder / "parts").items()},
        pip_requirements=requirements(),
    )
    return network, folder / "model"


def loaded(dataset, folder):
    import mlflow

    network, model = saved(dataset, folder)
    return network, mlflow.pyfunc.load_model(str(model)).unwrap_python_model()


def answer(champion, rows, **params):
    return champion.predict(None, rows, params or None)


def expected_of(dataset, network, rows):
    """Answer by the network itself, decoded by hand."""
    outputs = network.predict(dataset.preprocessor.transform(rows), verbose=0)
    match dataset.task:
        case Task.REGRESSION | Task.NONNEGATIVE:
            return outputs[:, 0] * dataset.encoding.scale + dataset.encoding.shift
        case Task.MULTICLASS:
            return dataset.class_labels[outputs.argmax(axis=1)]
        case Task.BINARY:
            return dataset.class_labels[(outputs[:, 0] > 0).astype(int)]
        case _:
            return (outputs > 0).astype(int)


@pytest.mark.parametrize("task", list(Task))
def test_raw_rows_get_the_answers_of_the_network(task, tmp_path):
    dataset = dataset_of(task, tmp_path)
    network, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv")

    answers = answer(champion, rows)

    expected = expected_of(dataset, network, rows)
    assert answers.shape == expected.shape
    if task in (Task.REGRESSION, Task.NONNEGATIVE):
        np.testing.assert_allclose(answers, expected, rtol=1e-5)
    else:
        assert answers.tolist() == expected.tolist()
        assert answers.dtype == dataset.encoding.original(dataset.content.y).dtype


def test_probabilities_are_those_of_the_logits(tmp_path):
    dataset = dataset_of(Task.MULTICLASS, tmp_path)
    network, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv")

    found = answer(champion, rows, output="probabilities")

    logits = network.predict(dataset.preprocessor.transform(rows), verbose=0)
    powers = np.exp(logits)
    np.testing.assert_allclose(found, powers / powers.sum(axis=1, keepdims=True), atol=1e-5)


def test_two_classes_have_two_probabilities(tmp_path):
    dataset = dataset_of(Task.BINARY, tmp_path)
    network, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv")

    found = answer(champion, rows, output="probabilities")

    logits = network.predict(dataset.preprocessor.transform(rows), verbose=0)[:, 0]
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-logits)), atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_rows_may_be_incomplete_unseen_reordered_and_of_other_types(tmp_path):
    dataset = dataset_of(Task.REGRESSION, tmp_path)
    network, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv").copy()
    rows["rooms"] = rows["rooms"].astype(float)
    rows["garden"] = rows["garden"].astype(object)
    rows.loc[0, ["rooms", "age", "place", "garden"]] = [np.nan, np.inf, "new", None]
    rows.loc[1, "place"] = "  hill "
    asked = rows.assign(extra="x")[[*reversed(rows.columns), "extra"]]
    asked["place"] = asked["place"].astype(object)

    answers = answer(champion, asked)

    np.testing.assert_allclose(answers, expected_of(dataset, network, rows), rtol=1e-5)
    assert np.isfinite(answers).all()


def test_each_row_is_answered_alike_alone_and_in_company(tmp_path):
    dataset = dataset_of(Task.REGRESSION, tmp_path)
    _, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("train")

    together = answer(champion, rows)
    alone = [answer(champion, rows.iloc[[k]])[0] for k in range(12)]
    many = answer(champion, pd.concat([rows] * 100, ignore_index=True))

    np.testing.assert_allclose(alone, together[:12], rtol=1e-5)
    np.testing.assert_allclose(many, np.tile(together, 100), rtol=1e-5)


def test_a_column_that_is_not_there_is_named(tmp_path):
    dataset = dataset_of(Task.REGRESSION, tmp_path)
    _, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv").drop(columns=["age", "place"])

    with pytest.raises(ValueError, match="age, place"):
        answer(champion, rows)


def test_an_unknown_output_is_refused(tmp_path):
    dataset = dataset_of(Task.REGRESSION, tmp_path)
    _, champion = loaded(dataset, tmp_path)

    with pytest.raises(ValueError, match="'logits'"):
        answer(champion, dataset.raw_rows("cv"), output="logits")


@pytest.mark.parametrize("shape", [(6,), (4, 4), (4, 4, 1), (4, 3, 2)])
def test_arrays_are_answered_as_arrays(shape, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (N_ROWS, *shape)).astype(np.uint8)
    np.savez(tmp_path / "a.npz", X=X, y=rng.integers(0, 3, N_ROWS))
    dataset = load_dataset(Data(source="a.npz"), task=None, folder=tmp_path)
    network, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv")

    answers = answer(champion, rows)

    assert answers.tolist() == expected_of(dataset, network, rows).tolist()
    if shape == (4, 4):
        assert answer(champion, rows[..., None]).tolist() == answers.tolist()
    if shape == (4, 4, 1):
        assert answer(champion, rows[..., 0]).tolist() == answers.tolist()


def test_pixels_in_columns_are_a_table(tmp_path):
    dataset = load_dataset(Data(source="sklearn:digits"), task=None, folder=tmp_path)
    network, champion = loaded(dataset, tmp_path)
    rows = dataset.raw_rows("cv")

    answers = answer(champion, rows)

    assert answers.tolist() == expected_of(dataset, network, rows).tolist()
    assert answer(champion, rows.to_numpy()).tolist() == answers.tolist()


@pytest.mark.slow
def test_it_is_loaded_where_sweepspot_is_not_installed(tmp_path):
    dataset = dataset_of(Task.MULTICLASS, tmp_path)
    network, model = saved(dataset, tmp_path)
    rows = dataset.raw_rows("cv")
    rows.loc[0, "place"] = "never seen"
    rows.assign(extra=1)[["extra", *reversed(rows.columns)]].to_parquet(tmp_path / "rows.parquet")
    code = """
        import sys
        sys.modules["sweepspot"] = None
        import json, mlflow, pandas
        model = mlflow.pyfunc.load_model(sys.argv[1])
        rows = pandas.read_parquet(sys.argv[2])
        print(json.dumps(model.predict(rows).tolist()))
    """

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), model, "rows.parquet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers == expected_of(dataset, network, rows).tolist()


def test_what_it_needs_is_pinned():
    from sweepspot.champion import requirements

    names = [line.split("==")[0] for line in requirements()]

    assert names == ["mlflow", "tensorflow", "keras", "pandas", "numpy"]
    assert all(line.count("==") == 1 for line in requirements())


def test_the_network_file_needs_no_custom_code(tmp_path):
    import keras

    from sweepspot.champion import artifact_paths, assemble

    dataset = dataset_of(Task.REGRESSION, tmp_path)
    assemble(network_of(dataset.training), dataset, tmp_path)

    model = keras.saving.load_model(artifact_paths(tmp_path)["network"], safe_mode=True)

    assert all(type(layer).__module__.startswith("keras") for layer in model.layers)
