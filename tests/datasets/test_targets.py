import json

import numpy as np
import pandas as pd
import pytest

from sweepspot.data import Task
from sweepspot.datasets.targets import TargetEncoding, infer_task, target_problems

TRAIN = np.arange(4)


def column(values, dtype=None):
    return pd.DataFrame({"y": pd.Series(values, dtype=dtype)})


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([1.5, 2.5, 9.0], Task.REGRESSION),
        ([1.0, 2.0, 3.0], Task.REGRESSION),
        (range(21), Task.REGRESSION),
        (range(20), Task.MULTICLASS),
        (["a", "b", "c"], Task.MULTICLASS),
        (["a", "b", "a"], Task.BINARY),
        ([True, False], Task.BINARY),
        ([0.0, 1.0], Task.BINARY),
        ([7, 9], Task.BINARY),
    ],
)
def test_the_task_is_told_from_the_target(values, task):
    assert infer_task(column(values)) is task


@pytest.mark.parametrize(
    ("values", "task", "said"),
    [
        ([1.0, None], None, "y must have a value in every row, got 1 missing"),
        ([1.0, np.inf], None, "y must be finite"),
        ([1.0, 1e40], None, "y must be finite and below 1e+30"),
        ([3.0, 3.0], None, "at least two different values, got only 3.0"),
        (["a", "a"], None, "at least two different values, got only 'a'"),
        ([3, 3], Task.REGRESSION, "at least two different values"),
        (["a", "b"], Task.REGRESSION, "must be a number for task regression, got 'a'"),
        ([1, 2, 3], Task.BINARY, "must have two different values for task binary, got 3"),
        ([-2.0, 1.0], Task.NONNEGATIVE, "must be >= 0 for task nonnegative, got -2"),
        ([0, 1], Task.MULTILABEL, "must not be multilabel for the one target y"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(values, task, said):
    (problem,) = target_problems(column(values), task)

    assert said in problem
    assert ": " in problem
    assert "; " in problem


def test_labels_must_be_zero_or_one_and_both():
    y = pd.DataFrame({"a": [0, 1, 2], "b": [1, 1, 1], "c": [0, 1, 0]})

    found = target_problems(y, None)

    assert len(found) == 2
    assert "a must be 0 or 1 for task multilabel, got 2" in found[0]
    assert "b must have both 0 and 1, got only 1" in found[1]


def test_several_targets_are_only_for_multilabel():
    y = pd.DataFrame({"a": [0, 1], "b": [1, 0]})

    (problem,) = target_problems(y, Task.BINARY)

    assert problem.startswith("task: must be multilabel for several targets, got binary")


def test_regression_is_in_deviations_of_the_training_rows():
    y = column([1.0, 1.0, 3.0, 3.0, 10.0])
    encoding = TargetEncoding.fit(y, Task.REGRESSION, TRAIN)

    encoded = encoding.encode(y)

    # Mean 2 and deviation 1 of the first four.
    assert encoded.tolist() == [-1, -1, 1, 1, 8]
    assert encoded.dtype == np.float32
    assert (encoding.shift, encoding.scale) == (2, 1)


def test_nonnegative_is_in_means_of_the_training_rows():
    y = column([0, 4, 8, 4, 100])
    encoding = TargetEncoding.fit(y, Task.NONNEGATIVE, TRAIN)

    assert encoding.encode(y).tolist() == [0, 1, 2, 1, 25]
    assert encoding.scale == 4


@pytest.mark.parametrize(
    ("values", "dtype", "labels", "kind"),
    [
        (["no", "yes", "no", "yes"], None, ["no", "yes"], "O"),
        ([True, False, True, True], None, [False, True], "b"),
        ([7, 3, 7, 3], "Int64", [3, 7], "i"),
        ([0.5, 0.25, 0.5, 0.5], None, [0.25, 0.5], "f"),
        ([True, False, True, False], "object", [False, True], "b"),
    ],
)
def test_two_classes_are_zero_and_one_in_rising_order(values, dtype, labels, kind):
    y = column(values, dtype)
    encoding = TargetEncoding.fit(y, Task.BINARY, TRAIN)

    encoded = encoding.encode(y)

    assert encoding.labels.tolist() == labels
    assert encoding.labels.dtype.kind == kind
    assert encoded.dtype == np.float32
    assert [labels[int(code)] for code in encoded] == values
    assert encoding.n_outputs == 1


def test_more_classes_are_numbered():
    y = column(["b", "c", "a", "b"])
    encoding = TargetEncoding.fit(y, Task.MULTICLASS, TRAIN)

    encoded = encoding.encode(y)

    assert encoded.tolist() == [1, 2, 0, 1]
    assert encoded.dtype == np.int32
    assert encoding.n_outputs == 3
    assert encoding.original(y).tolist() == ["b", "c", "a", "b"]


def test_labels_are_a_matrix():
    y = pd.DataFrame({"a": [0, 1], "b": [True, False]})
    encoding = TargetEncoding.fit(y, Task.MULTILABEL, np.arange(2))

    assert encoding.encode(y).tolist() == [[0, 1], [1, 0]]
    assert encoding.encode(y).dtype == np.float32
    assert encoding.original(y).tolist() == [[0, 1], [1, 0]]
    assert encoding.n_outputs == 2


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["b", "c", "a", "b"], Task.MULTICLASS),
        ([True, False, True, True], Task.BINARY),
        ([1.0, 2.0, 5.0, 7.0], Task.REGRESSION),
    ],
)
def test_what_the_champion_keeps_of_it_gives_the_labels_back(values, task):
    encoding = TargetEncoding.fit(column(values), task, TRAIN)

    kept = json.loads(json.dumps(encoding.to_json()))

    labels = np.array(kept["labels"], dtype=kept["labels_dtype"])
    assert labels.dtype == encoding.labels.dtype
    assert labels.tolist() == encoding.labels.tolist()
    assert (kept["task"], kept["names"]) == (task.value, ["y"])
    assert (kept["shift"], kept["scale"]) == (encoding.shift, encoding.scale)
