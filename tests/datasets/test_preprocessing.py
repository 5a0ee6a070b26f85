import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sweepspot.datasets.preprocessing import (
    MOST_VALUES,
    as_text,
    fit_preprocessor,
)


def fit(frame):
    preprocessor, _ = fit_preprocessor(frame)
    return preprocessor


def test_numbers_are_standardized_by_the_training_rows():
    train = pd.DataFrame({"a": [1.0, 3.0], "b": [10.0, 30.0]})
    preprocessor = fit(train)

    X = preprocessor.transform(pd.DataFrame({"a": [2.0, 5.0], "b": [20.0, 20.0]}))

    # Mean 2 and deviation 1 of a; mean 20 of b.
    assert X.tolist() == [[0.0, 0.0], [3.0, 0.0]]
    assert X.dtype == np.float32


def test_a_missing_number_is_the_mean_and_has_its_flag():
    preprocessor = fit(pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, 3.0]}))

    X = preprocessor.transform(pd.DataFrame({"a": [np.nan, 3.0], "b": [np.nan, 2.0]}))

    # Columns a, b, and the flag of a; b was never missing in training, so it has none.
    assert X.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_a_constant_number_is_zero_even_where_it_later_varies():
    preprocessor, notes = fit_preprocessor(pd.DataFrame({"a": [5, 5, 5], "b": [1, 2, 3]}))

    X = preprocessor.transform(pd.DataFrame({"a": [7_000], "b": [2]}))

    assert X.tolist() == [[0.0, 0.0]]
    assert notes == ("constant in the training split, so not used: a",)


def test_rounding_alone_is_not_variation():
    preprocessor = fit(pd.DataFrame({"a": [0.1 + 0.2, 0.3] * 50, "b": range(100)}))

    assert preprocessor.numbers[0].scale == 0


def test_large_offsets_keep_their_digits():
    stamps = 1.7e9 + np.arange(100.0)

    X = fit(pd.DataFrame({"at": stamps})).transform(pd.DataFrame({"at": stamps}))

    expected = (np.arange(100.0) - 49.5) / np.arange(100.0).std()
    np.testing.assert_allclose(X[:, 0], expected, atol=1e-5)


def test_text_has_an_input_a_value_with_unseen_and_missing_of_their_own():
    train = pd.DataFrame({"place": ["a", "a", "a", "b", "b", "rare", None]})
    preprocessor = fit(train)

    X = preprocessor.transform(pd.DataFrame({"place": ["b", "a", "never seen", None, ""]}))

    # Other, missing, then a and b by their counts.
    assert X.tolist() == [
        [0, 0, 0, 1],
        [0, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 1, 0, 0],
    ]


def test_what_training_never_met_lights_no_untrained_input():
    preprocessor = fit(pd.DataFrame({"place": ["a", "a", "b", "b"]}))

    X = preprocessor.transform(pd.DataFrame({"place": ["never seen", None]}))

    assert X.tolist() == [[0, 0], [0, 0]]


def test_the_same_value_is_the_same_text_whatever_its_type():
    values = pd.Series([3, 3.0, np.float32(3), "3", " 3 ", True, "True", None, np.nan, pd.NA, " "])

    texts = as_text(values.iloc[[0, 1, 2, 3, 4]])
    others = as_text(values.iloc[[5, 6, 7, 8, 9, 10]])

    assert texts.tolist() == ["3"] * 5
    assert others.tolist() == ["True", "True", "", "", "", ""]


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_text_may_be_of_any_text_dtype(dtype):
    train = pd.DataFrame({"place": pd.Series(["a", "b", "a", "b"], dtype=dtype)})

    X = fit(train).transform(train)

    assert X.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_truth_values_are_two_inputs():
    train = pd.DataFrame({"garden": [True, False, True, False]})

    assert fit(train).transform(train).tolist() == [[0, 1], [1, 0], [0, 1], [1, 0]]


def test_of_many_values_the_most_frequent_are_kept():
    common = [f"v{k:03d}" for k in range(300)]
    train = pd.DataFrame({"v": [*common * 2, *common[100:]]})

    preprocessor, notes = fit_preprocessor(train)

    (column,) = preprocessor.texts
    kept = column.values  # noqa: PD011 (not of pandas)
    assert kept == tuple(common[100:])
    assert len(kept) == MOST_VALUES
    assert column.other
    assert notes[0].startswith("v has 300 different texts in the training split: the 200 most")


def test_the_order_and_number_of_other_columns_do_not_matter():
    train = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["x", "x", None]})
    preprocessor = fit(train)
    shuffled = train.assign(extra=1)[["extra", "b", "a"]]

    assert np.array_equal(preprocessor.transform(train), preprocessor.transform(shuffled))


def test_nullable_numbers_are_numbers():
    train = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")})

    assert fit(train).transform(train).tolist() == [[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]


def test_images_keep_their_shape_under_one_mean_and_deviation():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5_000, 4, 3, 2)).astype(np.uint8)

    preprocessor = fit(images)
    X = preprocessor.transform(images)

    assert X.shape == images.shape
    np.testing.assert_allclose(X, (images - images.mean()) / images.std(), atol=1e-4)
    assert X.dtype == np.float32


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(2, 30), st.integers(1, 4)),
        elements=st.floats(-1e9, 1e9) | st.just(np.nan),
    )
)
def test_inputs_are_always_finite_and_as_many_as_announced(values):
    preprocessor = fit(values)

    X = preprocessor.transform(values)

    assert np.isfinite(X).all()
    assert X.shape == (len(values), preprocessor.width)


@given(st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=30))
def test_a_row_lights_at_most_one_input_of_a_text_column(values):
    frame = pd.DataFrame({"t": pd.Series(values, dtype=object), "n": range(len(values))})

    X = fit(frame).transform(frame)[:, 1:]

    assert X.shape[1] == 0 or np.all(X.sum(axis=1) == 1)
