import pandas as pd
import pytest
from sklearn.datasets import load_digits

from sweepspot.datasets.sklearn import load_sklearn
from sweepspot.spec import Data


def test_digits_are_what_scikit_learn_gives():
    theirs = load_digits(as_frame=True)

    ours = load_sklearn(Data(source="sklearn:digits"))

    pd.testing.assert_frame_equal(ours.X, theirs.data)
    pd.testing.assert_frame_equal(ours.y, theirs.target.to_frame())


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_every_other_set_is_a_table_with_a_target(name):
    raw = load_sklearn(Data(source=f"sklearn:{name}"))

    assert len(raw.X) == len(raw.y)
    assert raw.y.columns == ["target"]
