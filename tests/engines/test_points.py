from __future__ import annotations

import pytest

from sweepspot.engines.points import canonical, search_seed, start_points
from sweepspot.errors import SpecError
from sweepspot.space import Choice, Dimension, Float, Int, Space, Value
from sweepspot.spec import Search
from sweepspot.trial import trial_seed


@pytest.mark.parametrize(
    ("dimension", "value", "meant"),
    [
        (Int(1, 64, log=True), 65, 64),
        (Int(1, 64), 0, 1),
        (Float(1e-4, 1e-1, log=True), 0.10000000000000002, 0.1),
        (Float(0.0, 1.0), 1, 1.0),
        (Float(0.0, 1.0, step=0.1), 0.1 * 3, 0.3),
        (Choice(1, 2.0), 2, 2.0),
        (Choice("a", "b"), "b", "b"),
    ],
)
def test_a_value_becomes_the_one_that_the_dimension_means(
    dimension: Dimension, value: Value, meant: Value
) -> None:
    became = canonical(dimension, value)

    assert (became, type(became)) == (meant, type(meant))
    assert became in dimension


def test_the_search_does_not_share_a_stream_with_the_training() -> None:
    numbers = range(100)

    search = {search_seed(0, n, purpose) for n in numbers for purpose in (0, 1)}
    training = {trial_seed(0, n) for n in numbers}

    assert len(search) == 200
    assert not search & training


CHAIN = Space.of(
    {
        "c": Int(1, 9, when={"b": (2, 3)}),
        "b": Int(1, 1000, when={"a": ("x", "y")}),
        "d": Int(1, 9, when={"b": (3, 4)}),
        "e": Int(1, 9, when={"b": (5,)}),
        "a": Choice(*"uvwxyz"),
    }
)


def test_what_a_start_point_leaves_out_allows_what_it_gives() -> None:
    search = Search(start=({"c": 1, "d": 2},) * 20)

    points = start_points(search, CHAIN)

    assert {point["b"] for point in points} == {3}
    assert {point["a"] for point in points} == {"x", "y"}


def test_a_start_point_that_nothing_can_allow_is_refused() -> None:
    search = Search(start=({"c": 1, "e": 2},))

    with pytest.raises(SpecError, match=r"search.start\[0\].[ce]: does not exist"):
        start_points(search, CHAIN)
