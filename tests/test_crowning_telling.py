"""What an outcome says, for each way in which a model may stand beside the reigning champion."""

import re

import pytest

from sweepspot.crowning.records import Champion, ChampionComparison, Chosen
from sweepspot.crowning.telling import kept, not_compared, promoted
from sweepspot.selection import Selection


def chosen(registered=None):
    champion = Champion(
        number=9,
        repeat=2,
        params={"units": 8},
        n_weights=99,
        J_cv=0.2,
        error_cv=0.1,
        J_test=0.21,
        error_test=0.11,
        test_openings=1,
        registered=registered,
        folder="mlruns/made/champion",
    )
    selection = Selection(number=9, repeat=2, because="it has the fewest weights", contenders=())
    return Chosen(champion=champion, selection=selection, gates=())


def compared(low, high, *, promotes=True):
    difference = (low + high) / 2
    return ChampionComparison(
        reigning="made/1",
        difference=difference,
        low=low,
        high=high,
        confidence=0.95,
        J_reigning=0.2,
        J_challenger=0.2 + difference,
        n_rows=1797,
        cheaper=True,
        same_test=True,
        promotes=promotes,
    )


def sentences(text):
    return len(re.findall(r"[.](?= [A-Z#]|$)", text))


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (-0.05, -0.01, "It is shown to be better on the 1,797 test rows than made/1 (J "),
        (
            -0.002,
            0.003,
            "It is smaller than made/1 and on the 1,797 test rows as good to within select.margin "
            "(J ",
        ),
        (
            0.001,
            0.003,
            "It is smaller than made/1 and worse on the 1,797 test rows, by no more than "
            "select.margin allows (J ",
        ),
    ],
)
def test_a_promotion_says_what_was_shown(low, high, told):
    outcome = promoted(chosen("made/2"), compared(low, high))

    assert outcome.status == "promoted"
    assert told in outcome.because
    assert outcome.because.endswith(", and is registered as made/2 in its place.")
    assert sentences(outcome.because) == 2


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.01, 0.05, "#009 is shown to be worse"), (-0.01, 0.05, "#009 is not shown to be better")],
)
def test_a_champion_that_stays_says_what_was_shown(low, high, told):
    outcome = kept(chosen(), "made/1", compared(low, high, promotes=False))

    assert outcome.status == "kept"
    assert f"The champion stays made/1: {told} on the 1,797 test rows" in outcome.because
    assert "#009 is saved in mlruns/made/champion and not registered" in outcome.because
    assert sentences(outcome.because) == 2


def test_a_model_that_was_compared_before_is_not_compared_with_the_next_champion():
    outcome = kept(chosen(), "made/3", compared(-0.05, -0.01))

    assert "#009 was compared with made/1 before" in outcome.because
    assert outcome.reigning == "made/3"


def test_a_champion_that_cannot_be_asked_says_where_the_model_is_and_what_to_do():
    outcome = not_compared(chosen(), "made/1", "it has no such column.")

    assert "could not be compared with #009: it has no such column. " in outcome.because
    assert "To let #009, saved in mlruns/made/champion, take its place" in outcome.because
    assert "remove the alias champion from made in MLflow" in outcome.because
    assert sentences(outcome.because) == 2
