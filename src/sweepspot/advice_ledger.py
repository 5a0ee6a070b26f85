"""The advice ledger: how often prescribed steps were right, over all sweeps of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sweepspot.diagnosis import Interval
from sweepspot.jsonlines import append_line, read_lines

__all__ = ["AdviceLedger", "AdviceOutcome", "Answer", "Tally", "tally"]


class AdviceOutcome(StrEnum):
    """Whether a prescribed step was right."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_DIFFERENCE = "no difference shown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of one verification: a run trained again as it was, as prescribed, the other way.

    Differences are of J_cv, so below 0 is better; their intervals cover 90 %.

    Attributes:
        question: Hash of all that the trainings depend on but their number.
        sweep: Name of the sweep.
        number: The trial.
        label: The label that prescribed the step.
        step: The prescribed step: `units: 64 -> 192`.
        opposite: The opposite step, None where there is none.
        outcome: Whether the step was right.
        because: Why, one sentence.
        repeats: Fresh seeds of each of the three.
        J_cv: Mean over seeds and examples, by `as it was`, `prescribed` and `opposite`.
        failed: How many of the trainings failed, by the same names; those that did, alone.
        change: Prescribed minus as it was.
        opposite_change: Opposite minus as it was.
        margin: Prescribed minus opposite.
    """

    question: str
    sweep: str
    number: int
    label: str
    step: str
    opposite: str | None
    outcome: AdviceOutcome
    because: str
    repeats: int
    J_cv: Mapping[str, float]
    change: Interval
    opposite_change: Interval | None = None
    margin: Interval | None = None
    failed: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How often the advice was right.

    Attributes:
        right: Times that the prescribed step was shown to help, and more than the opposite one.
        wrong: Times that the opposite one, or none, was shown to be better.
        no_difference: Times that neither was shown.
    """

    right: int = 0
    wrong: int = 0
    no_difference: int = 0

    @property
    def total(self) -> int:
        """All verifications."""
        return self.right + self.wrong + self.no_difference

    def to_json(self) -> dict[str, int]:
        """Return the counts as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        """Say it in words.

        Example:
            >>> str(Tally(right=17, no_difference=2))
            'the advice was right 17 times of 19 (2 without a difference)'
        """
        parts = [f"{self.wrong} wrong"] if self.wrong else []
        parts += [f"{self.no_difference} without a difference"] if self.no_difference else []
        aside = f" ({', '.join(parts)})" if parts else ""
        times = "1 time" if self.right == 1 else f"{self.right} times"
        return f"the advice was right {times} of {self.total}{aside}"


def tally(answers: Iterable[Answer]) -> Tally:
    """Count answers by their outcome."""
    outcomes = [answer.outcome for answer in answers]
    return Tally(
        right=outcomes.count(AdviceOutcome.RIGHT),
        wrong=outcomes.count(AdviceOutcome.WRONG),
        no_difference=outcomes.count(AdviceOutcome.NO_DIFFERENCE),
    )


class AdviceLedger:
    """Every answer of a project, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def answers(self) -> list[Answer]:
        """Return the answer to each question once, the one with most seeds, in order of asking."""
        found: dict[str, Answer] = {}
        for answer in map(_answer, read_lines(self._path)):
            known = found.get(answer.question)
            if known is None or answer.repeats >= known.repeats:
                found[answer.question] = answer
        return list(found.values())

    def find(self, question: str, repeats: int) -> Answer | None:
        """Return the stored answer to a question, if it rests on at least so many seeds."""
        matches = (a for a in self.answers() if a.question == question and a.repeats >= repeats)
        return next(matches, None)

    def add(self, answer: Answer) -> None:
        """Write an answer down, and wait until it is on disk."""
        append_line(self._path, answer.to_json())


def _answer(record: Mapping[str, Any]) -> Answer:
    intervals = {
        name: Interval(**record[name]) if record[name] else None
        for name in ("change", "opposite_change", "margin")
    }
    return Answer(**{**record, **intervals, "outcome": AdviceOutcome(record["outcome"])})
