"""Whether the advice was right, as pages say it."""

from dataclasses import replace

from made_sweep import make_sweep
from sweepspot.advice_ledger import AdviceOutcome, Answer
from sweepspot.diagnosis import Interval
from sweepspot.report.advice import advice_note, advice_tables, advice_tags
from sweepspot.report.html import write_report

ANSWER = Answer(
    question="a1",
    sweep="digits",
    number=17,
    label="high_bias",
    step="units: 21 -> 63",
    opposite="units: 21 -> 7",
    outcome=AdviceOutcome.RIGHT,
    because="the prescribed step lowered J_cv by 0.1 (0.05 to 0.2)",
    repeats=5,
    J_cv={"as it was": 0.2, "prescribed": 0.1, "opposite": 0.4},
    change=Interval(value=-0.1, low=-0.2, high=-0.05),
)


def test_the_tables_count_by_label_and_list_this_sweep():
    wrong = replace(ANSWER, number=3, outcome=AdviceOutcome.WRONG, opposite=None)
    elsewhere = replace(ANSWER, sweep="iris", label="under_trained")

    told = advice_tables([ANSWER, wrong, elsewhere], [ANSWER, wrong])

    assert told.lead.startswith("In this project the advice was right 2 times of 3 (1 wrong).")
    assert told.by_label == (("high_bias", "1", "1", "0"), ("under_trained", "1", "0", "0"))
    assert [(row[0], row[3], row[-1]) for row in told.here] == [
        ("#017", "units: 21 -> 7", "right"),
        ("#003", "none", "wrong"),
    ]
    assert told.here[0][4] == "-0.1 (-0.2 to -0.05)"


def test_the_report_has_both_tables_once_something_was_verified(tmp_path):
    made = make_sweep(trials=12)

    def text(**asked):
        return write_report(
            tmp_path / "report.html",
            name="made",
            results=made.results,
            diagnosis=made.diagnosis,
            space=made.spec.points,
            **asked,
        ).read_text(encoding="utf-8")

    assert "Was the advice right?" not in text()
    assert "units: 21 -&gt; 63" not in text(answers=[ANSWER])
    page = text(answers=[ANSWER], verified={17: ANSWER})
    assert "In this project the advice was right 1 time of 1." in page
    assert "units: 21 -&gt; 63" in page


def test_the_page_of_a_trial_says_it():
    assert advice_tags(ANSWER)["sweepspot.advice"] == "right"
    assert advice_note(ANSWER) == (
        "**Advice right**: units: 21 -> 63 was tried on 5 fresh seeds; "
        "the prescribed step lowered J_cv by 0.1 (0.05 to 0.2)."
    )
