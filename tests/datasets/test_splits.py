import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweepspot.datasets.splits import divide, split_problems
from sweepspot.spec import SplitFractions


def fractions(cv=0.2, test=0.2, seed=0):
    return SplitFractions(cv=cv, test=test, seed=seed)


@given(
    counts=st.lists(st.integers(3, 60), min_size=2, max_size=5),
    cv=st.floats(0.05, 0.45),
    test=st.floats(0.05, 0.45),
    seed=st.integers(0, 2**20),
)
def test_every_split_has_every_class_and_every_row_one_split(counts, cv, test, seed):
    classes = np.repeat(np.arange(len(counts)), counts)

    rows = divide(len(classes), fractions(cv, test, seed), classes=classes)

    for part in (rows.train, rows.cv, rows.test):
        assert set(classes[part]) == set(range(len(counts)))
        assert np.all(np.diff(part) > 0)
    assert sorted([*rows.train, *rows.cv, *rows.test]) == list(range(len(classes)))


def test_classes_keep_their_shares():
    classes = np.repeat(["a", "b"], [900, 100])

    rows = divide(1000, fractions(cv=0.2, test=0.1), classes=classes)

    for part, n_a, n_b in ((rows.train, 630, 70), (rows.cv, 180, 20), (rows.test, 90, 10)):
        assert [int((classes[part] == c).sum()) for c in "ab"] == [n_a, n_b]


def test_given_test_rows_are_left_alone():
    classes = np.tile([0, 1], 50)

    rows = divide(100, fractions(cv=0.25), classes=classes, n_given=80)

    assert rows.test.tolist() == list(range(80, 100))
    assert len(rows.cv) == 20
    assert rows.train.max() < 80


@pytest.mark.parametrize(
    ("n_rows", "cv", "n_given", "said"),
    [
        (29, 0.2, None, "must have at least 30 rows, got 29"),
        (500, 0.2, 29, "must have at least 30 rows, got 29"),
        (40, 0.05, None, "data.split.cv: must give at least 5 rows, got 2 of 40"),
    ],
)
def test_too_few_rows_are_refused(n_rows, cv, n_given, said):
    problems = split_problems(n_rows, fractions(cv=cv), n_given=n_given)

    assert len(problems) == 1
    assert said in problems[0]


def test_given_test_rows_need_a_class_twice_only():
    classes = np.repeat([0, 1, 0], [48, 2, 50])

    assert split_problems(100, fractions(), classes=classes, n_given=50) == []
    assert "1 (2)" in split_problems(100, fractions(), classes=classes)[0]
