"""The advice ledger: nothing is lost, nothing is counted twice."""

from dataclasses import replace

import pytest

from sweepspot.advice_ledger import AdviceLedger, AdviceOutcome, Answer, Tally, tally
from sweepspot.diagnosis import Interval

ANSWER = Answer(
    question="a1",
    sweep="digits",
    number=17,
    label="high_bias",
    step="units: 21 -> 63",
    opposite="units: 21 -> 7",
    outcome=AdviceOutcome.RIGHT,
    because="the prescribed step lowered J_cv",
    repeats=5,
    J_cv={"as it was": 0.2, "prescribed": 0.1, "opposite": 0.4},
    change=Interval(value=-0.1, low=-0.2, high=-0.05),
    opposite_change=Interval(value=0.2, low=0.1, high=0.3),
    margin=Interval(value=-0.3, low=-0.4, high=-0.2),
    failed={"opposite": 1},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mlruns" / "advice_ledger.jsonl"


def test_an_empty_ledger_has_no_answers(path):
    assert AdviceLedger(path).answers() == []
    assert not path.exists()


def test_an_answer_is_read_back_equal(path):
    AdviceLedger(path).add(ANSWER)
    without = replace(ANSWER, question="b2", opposite=None, opposite_change=None, margin=None)
    AdviceLedger(path).add(without)

    assert AdviceLedger(path).answers() == [ANSWER, without]


def test_a_question_is_counted_once_with_its_most_seeds(path):
    ledger = AdviceLedger(path)
    for repeats, outcome in ((5, "no difference shown"), (9, "right"), (3, "wrong")):
        ledger.add(replace(ANSWER, repeats=repeats, outcome=AdviceOutcome(outcome)))

    assert [a.repeats for a in ledger.answers()] == [9]
    assert tally(ledger.answers()) == Tally(right=1)


def test_an_answer_of_fewer_seeds_is_no_answer(path):
    ledger = AdviceLedger(path)
    ledger.add(ANSWER)

    assert ledger.find("a1", 5) == ANSWER
    assert ledger.find("a1", 3) == ANSWER
    assert ledger.find("a1", 6) is None
    assert ledger.find("b2", 5) is None


def test_a_torn_line_loses_itself_alone(path):
    ledger = AdviceLedger(path)
    ledger.add(ANSWER)
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])

    ledger.add(replace(ANSWER, question="b2"))

    assert [a.question for a in ledger.answers()] == ["a1", "b2"]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((17, 0, 2), "the advice was right 17 times of 19 (2 without a difference)"),
        ((1, 0, 0), "the advice was right 1 time of 1"),
        ((0, 1, 2), "the advice was right 0 times of 3 (1 wrong, 2 without a difference)"),
    ],
)
def test_the_tally_in_words(counts, words):
    right, wrong, no_difference = counts

    counted = Tally(right=right, wrong=wrong, no_difference=no_difference)
    assert str(counted) == words
    assert counted.to_json() == {"right": right, "wrong": wrong, "no_difference": no_difference}
