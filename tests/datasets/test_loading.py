"""`load_dataset`: what comes out of each source, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from sweepspot.data import Task
from sweepspot.datasets import Column, load_dataset
from sweepspot.errors import SpecError
from sweepspot.spec import Data, SplitFractions

N_ROWS = 200


@pytest.fixture
def houses():
    rng = np.random.default_rng(0)
    rooms = rng.integers(1, 9, N_ROWS)
    frame = pd.DataFrame(
        {
            "rooms": rooms,
            "age": rng.uniform(0, 80, N_ROWS),
            "place": rng.choice(["coast", "hill", "town"], N_ROWS),
            "garden": rng.random(N_ROWS) < 0.5,
            "price": 50_000.0 * rooms + rng.normal(0, 10_000, N_ROWS),
        }
    )
    frame.loc[::9, "age"] = np.nan
    frame.loc[::11, "place"] = None
    return frame


@pytest.fixture
def load(tmp_path):
    """Write a table or arrays to a file and load it."""

    def _load(content, *, target=None, task=None, name=None, **split):
        if isinstance(content, pd.DataFrame):
            name = name or "rows.csv"
            path = tmp_path / name
            if name.endswith("csv"):
                content.to_csv(path, index=False)
            else:
                content.to_parquet(path)
        elif isinstance(content, dict):
            name = "arrays.npz"
            np.savez(tmp_path / name, **content)
        else:
            name = name or "rows.csv"
            (tmp_path / name).write_bytes(content)
        data = Data(source=name, target=target, split=SplitFractions(**split))
        return load_dataset(data, task=task, folder=tmp_path)

    return _load


def problems_of(call, *args, **keys):
    with pytest.raises(SpecError) as caught:
        call(*args, **keys)
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "task", "shape", "n_outputs"),
    [
        ("digits", Task.MULTICLASS, (64,), 10),
        ("iris", Task.MULTICLASS, (4,), 3),
        ("wine", Task.MULTICLASS, (13,), 3),
        ("breast_cancer", Task.BINARY, (30,), 1),
        ("diabetes", Task.REGRESSION, (10,), 1),
    ],
)
def test_bundled_data_sets_are_ready_to_train_on(tmp_path, name, task, shape, n_outputs):
    dataset = load_dataset(Data(source=f"sklearn:{name}"), task=None, folder=tmp_path)

    training = dataset.training
    assert dataset.task is training.task is task
    assert training.input_shape == shape
    assert training.n_outputs == n_outputs
    assert training.train.X.dtype == np.float32
    assert len(dataset.columns) == shape[0]


def test_a_misspelt_bundled_name_is_met_with_the_right_one(tmp_path):
    (problem,) = problems_of(load_dataset, Data(source="sklearn:digit"), task=None, folder=tmp_path)

    assert problem.startswith("data.source: expected")
    assert "did you mean digits?" in problem


def test_a_bundled_data_set_has_its_own_target(tmp_path):
    (problem,) = problems_of(
        load_dataset, Data(source="sklearn:iris", target="petal"), task=None, folder=tmp_path
    )

    assert problem.startswith("data.target: ")
    assert "'petal'" in problem


def test_rows_are_divided_without_overlap_and_none_is_lost(load, houses):
    dataset = load(houses, target="price", cv=0.25, test=0.15)

    splits = dataset.splits
    every = np.concatenate([splits.train, splits.cv, splits.test])
    assert sorted(every) == list(range(N_ROWS))
    assert (len(splits.cv), len(splits.test)) == (50, 30)
    assert (len(dataset.training.cv), dataset.n_test, dataset.n_rows) == (50, 30, N_ROWS)


def test_the_same_seed_gives_the_same_rows_and_another_one_others(load, houses):
    first, again, other = (load(houses, target="price", seed=s) for s in (3, 3, 4))

    assert np.array_equal(first.splits.cv, again.splits.cv)
    assert np.array_equal(first.training.train.X, again.training.train.X)
    assert not np.array_equal(first.splits.cv, other.splits.cv)


def test_raw_rows_are_the_users_rows(load, houses):
    dataset = load(houses, target="price")

    rows = dataset.raw_rows("cv")
    expected = houses.drop(columns="price").iloc[dataset.splits.cv].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)
    assert len(dataset.example_rows()) == 5
    assert list(dataset.example_rows().columns) == ["rooms", "age", "place", "garden"]


def test_columns_are_numbers_or_text(load, houses):
    dataset = load(houses, target="price")

    assert dataset.columns == (
        Column(name="rooms", kind="number"),
        Column(name="age", kind="number"),
        Column(name="place", kind="text"),
        Column(name="garden", kind="text"),
    )


def test_csv_and_parquet_are_the_same_data(load, houses):
    houses = houses.drop(columns=["place", "garden"])

    csv, parquet = (load(houses, target="price", name=n) for n in ("a.csv", "a.parquet"))

    assert csv.digest == parquet.digest
    assert np.array_equal(csv.training.train.X, parquet.training.train.X)


def test_the_digest_follows_content_and_the_test_digest_only_the_test_rows(load, houses):
    changed = houses.copy()
    first = load(houses, target="price")
    changed.loc[first.splits.train[0], "rooms"] += 1

    second = load(changed, target="price")

    assert first.digest != second.digest
    assert first.test_digest == second.test_digest


def test_opening_the_test_split_uses_what_was_fitted_on_the_training_split(load, houses):
    dataset = load(houses, target="price")

    test = dataset.open_test()

    rooms = houses["rooms"].to_numpy(float)
    train = rooms[dataset.splits.train]
    expected = (rooms[dataset.splits.test] - train.mean()) / train.std()
    np.testing.assert_allclose(test.X[:, 0], expected, rtol=1e-5, atol=1e-6)
    assert len(test) == dataset.n_test


def test_a_file_with_test_rows_of_its_own_keeps_them(load):
    X = np.arange(60 * 6).reshape(60, 2, 3).astype(np.uint8)
    y = np.tile([0, 1], 30)

    dataset = load({"x_train": X[:40], "y_train": y[:40], "x_test": X[40:], "y_test": y[40:]})

    assert dataset.splits.test.tolist() == list(range(40, 60))
    assert dataset.n_test == 20
    assert len(dataset.training.cv) == 8
    assert dataset.training.input_shape == (2, 3)
    assert dataset.columns == ()
    assert any("20 test rows" in note for note in dataset.notes)
    assert np.array_equal(dataset.raw_rows("test"), X[40:])


def test_rows_of_an_array_are_standardized_column_by_column(load):
    rng = np.random.default_rng(0)
    X = rng.normal([5, -3, 0], [1, 10, 0.1], (120, 3))

    dataset = load({"X": X, "y": X @ [1.0, 2.0, 3.0]})

    np.testing.assert_allclose(dataset.training.train.X.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(dataset.training.train.X.std(axis=0), 1, rtol=1e-5)
    assert isinstance(dataset.raw_rows("train"), np.ndarray)


def test_at_most_ten_thousand_rows_are_kept_for_the_diagnosis(load):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(18_000, 1))

    training = load({"X": X, "y": X[:, 0]}, cv=0.1, test=0.1).training

    assert len(training.kept_train) == 10_000
    assert np.all(np.diff(training.kept_train) > 0)
    assert training.kept_train[-1] < len(training.train)
    assert training.kept_cv.tolist() == list(range(1800))


def test_classes_keep_their_values_and_order(load, houses):
    dataset = load(houses.dropna(), target="place")

    assert dataset.class_labels.tolist() == ["coast", "hill", "town"]
    assert dataset.output == "text"
    assert any("multiclass with 3 classes, inferred" in note for note in dataset.notes)


def test_several_targets_are_labels_of_their_own(load):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=90), "a": rng.integers(0, 2, 90)})
    frame["b"] = 1 - frame["a"]

    dataset = load(frame, target=("a", "b"))

    assert dataset.task is Task.MULTILABEL
    assert dataset.output == "integer"
    assert dataset.training.n_outputs == 2
    assert dataset.training.train.y.shape == (len(dataset.training.train), 2)


def test_labels_that_exclude_one_another_are_questioned(load):
    codes = np.arange(90) % 3

    dataset = load({"X": codes[:, None], "y": np.eye(3)[codes]})

    assert dataset.task is Task.MULTILABEL
    assert any(note.startswith("every row has one of y_0, y_1, y_2") for note in dataset.notes)


def test_an_array_of_truth_values_is_one_of_numbers(load):
    X = np.arange(120).reshape(60, 2) % 3 == 0

    dataset = load({"X": X, "y": np.arange(60.0)})

    assert dataset.training.input_shape == (2,)


def test_empty_lines_before_the_header_do_not_count(load):
    lines = b"\n\na,y\n" + b"".join(b"%d,%d.5\n" % (k, k) for k in range(40))

    dataset = load(lines, target="y", name="ROWS.CSV")

    assert dataset.n_rows == 40


def test_the_index_that_pandas_writes_is_dropped(load, houses, tmp_path):
    houses.to_csv(tmp_path / "indexed.csv")
    data = Data(source="indexed.csv", target="price")

    dataset = load_dataset(data, task=None, folder=tmp_path)

    assert [c.name for c in dataset.columns] == ["rooms", "age", "place", "garden"]
    assert any("counts the rows" in note for note in dataset.notes)


def test_useless_columns_are_named_in_the_notes(load, houses):
    houses["empty"] = np.nan
    houses["same"] = 7
    houses["id"] = [f"house {k}" for k in range(N_ROWS)]

    dataset = load(houses, target="price")

    notes = "\n".join(dataset.notes)
    assert "missing in every row, so dropped: empty" in notes
    assert "constant in the training split, so not used: same" in notes
    assert "id has a different text in every training row, so not used" in notes


def test_dates_are_read_as_text_and_said_to_be(load, houses):
    houses["sold"] = pd.date_range("2020-01-01", periods=N_ROWS).repeat(2)[:N_ROWS]

    dataset = load(houses, target="price", name="dated.parquet")

    assert any(note.startswith("sold holds dates") for note in dataset.notes)


def test_decimals_are_numbers(load, houses):
    from decimal import Decimal

    houses["tax"] = [Decimal(k) / 7 for k in range(N_ROWS)]

    dataset = load(houses, target="price", name="decimal.parquet")

    assert Column(name="tax", kind="number") in dataset.columns


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must have content"),
        (b"a,y\n", "must have rows"),
        (b"a;b;y\n1;2;3\n", "separated by commas"),
        (b"a,b,y\n1,2,3,4\n1,2,3,4\n", "must be CSV"),
        (b"a,a,y\n1,2,3\n", "column names must differ, got 'a'"),
        (b"1,2.5,3\n1,2,3\n", "first line must name the columns"),
        (b"\xff\xfe\x00y\n", "must be CSV in UTF-8"),
        (b",a,y\n5,2,3\n1,2,3\n", "every column must have a name"),
    ],
)
def test_broken_csv_files_are_refused_with_the_reason(load, content, said):
    (problem,) = problems_of(load, content, target="y")

    assert problem.startswith("data.")
    assert said in problem


@pytest.mark.parametrize("name", ["broken.parquet", "broken.npz"])
def test_other_files_under_a_wrong_name_are_refused(load, name):
    target = None if name.endswith("npz") else "y"

    (problem,) = problems_of(load, b"not what it seems", name=name, target=target)

    assert problem.startswith("data.source: must be")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("hauses.csv", "did you mean houses.csv?"),
        ("houses.xlsx", "must be sklearn:NAME or a .csv, .parquet, .npz file"),
    ],
)
def test_a_missing_or_unknown_file_is_met_with_a_remedy(tmp_path, source, said):
    (tmp_path / "houses.csv").write_text("a,b\n1,2\n")

    (problem,) = problems_of(load_dataset, Data(source=source), task=None, folder=tmp_path)

    assert said in problem


def test_a_target_that_is_not_there_is_met_with_the_columns(load, houses):
    (problem,) = problems_of(load, houses, target="prise")

    assert problem == (
        "data.target: expected one of rooms, age, place, garden, price, got 'prise'; "
        "did you mean price?"
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (None, "must name the column to predict"),
        (("price", "price"), "must name each column once"),
        (("rooms", "age", "place", "garden", "price"), "must leave columns to learn from"),
    ],
)
def test_targets_that_cannot_be_are_refused(load, houses, target, said):
    (problem,) = problems_of(load, houses, target=target)

    assert said in problem


def test_every_problem_of_the_content_is_reported_at_once(load, houses):
    houses.loc[0, "age"] = np.inf
    houses.loc[1, "price"] = np.nan

    found = problems_of(load, houses, target="price")

    assert len(found) == 2
    assert "got larger or infinite ones in age" in found[0]
    assert "price must have a value in every row, got 1 missing" in found[1]


def test_too_few_rows_are_refused(load, houses):
    (problem,) = problems_of(load, houses.head(20), target="price")

    assert "must have at least 30 rows, got 20" in problem


def test_splits_without_rows_are_refused(load, houses):
    found = problems_of(load, houses, target="price", cv=0.01, test=0.01)

    assert [p.split(":")[0] for p in found] == ["data.split.cv", "data.split.test"]


def test_rare_classes_are_refused_by_name(load, houses):
    houses = houses.dropna().reset_index(drop=True)
    houses.loc[0, "place"] = "island"

    (problem,) = problems_of(load, houses, target="place")

    assert "every class must have at least 3 rows" in problem
    assert "'island' (1)" in problem


def test_features_that_never_vary_are_refused(load, houses):
    houses = houses[["price"]].assign(a=1, b="x")

    (problem,) = problems_of(load, houses, target="price")

    assert "at least one feature must vary" in problem


def test_cells_with_lists_are_refused(load, houses):
    houses["sizes"] = [[1, 2]] * N_ROWS

    (problem,) = problems_of(load, houses, target="price", name="nested.parquet")

    assert "got lists in sizes" in problem


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.zeros(3)}, "must have arrays X and y"),
        ({"X": np.zeros((9, 2)), "y": np.zeros(8)}, "equally long, got 9 and 8"),
        ({"X": np.zeros(9), "y": np.zeros(9)}, "x must be (examples, features)"),
        ({"X": np.full((9, 2), "a"), "y": np.zeros(9)}, "x must be numbers"),
        ({"X": np.zeros((9, 2)), "y": np.zeros((9, 2, 2))}, "y must be numbers or text"),
        ({"X": np.array([{}, None], dtype=object), "y": np.zeros(2)}, "plain arrays"),
        ({"X": np.full((40, 2, 2), np.nan), "y": np.arange(40.0)}, "images must have every"),
        ({"X": np.full((40, 2), np.inf), "y": np.arange(40.0)}, "larger or infinite"),
        ({"X": np.ones((40, 2, 2)), "y": np.arange(40.0)}, "at least one feature must vary"),
    ],
)
def test_arrays_that_cannot_be_are_refused(load, arrays, said):
    (problem,) = problems_of(load, arrays)

    assert said in problem


def test_test_arrays_must_fit_the_training_arrays(load):
    arrays = {
        "x_train": np.zeros((9, 2)),
        "y_train": np.zeros(9),
        "x_test": np.zeros((9, 3)),
        "y_test": np.zeros(9),
    }

    (problem,) = problems_of(load, arrays)

    assert "x_test must have examples shaped as those of x_train" in problem


def test_arrays_take_no_target_name(load):
    (problem,) = problems_of(load, {"X": np.zeros((9, 2)), "y": np.zeros(9)}, target="y")

    assert problem.startswith("data.target: a .npz has its target in y")


def test_loading_needs_no_heavy_library(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from sweepspot.datasets import load_dataset; "
        "heavy = {'tensorflow', 'keras', 'mlflow', 'optuna'} & set(sys.modules); "
        "sys.exit(len(heavy))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)

    assert done.returncode == 0
