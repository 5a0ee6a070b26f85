"""Whether the advice was right, in words: on a trial's page, and as tables of the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweepspot.advice_ledger import Answer, tally
from sweepspot.trial import run_id

__all__ = ["AdviceTables", "advice_note", "advice_tables", "advice_tags"]

Row = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdviceTables:
    """What the report shows of the verifications of a project.

    Attributes:
        lead: How often the advice was right, one sentence.
        by_label: A row a label: label, right, wrong, no difference shown.
        here: A row a verification of this sweep: trial, label, step, opposite, change, answer.
    """

    lead: str
    by_label: tuple[Row, ...]
    here: tuple[Row, ...]


def advice_tags(answer: Answer) -> dict[str, str]:
    """Return the tags of a trial's run that say whether its advice was right."""
    return {
        "sweepspot.advice": str(answer.outcome),
        "sweepspot.advice_step": answer.step,
        "sweepspot.advice_reason": answer.because,
    }


def advice_note(answer: Answer) -> str:
    """Describe a verification on a trial's page, in Markdown."""
    return (
        f"**Advice {answer.outcome}**: {answer.step} was tried on {answer.repeats} fresh seeds; "
        f"{answer.because}."
    )


def advice_tables(answers: Sequence[Answer], here: Iterable[Answer]) -> AdviceTables:
    """Return what the report shows of all verifications of a project.

    Args:
        answers: Of every sweep, at least one.
        here: Those about trials of this sweep, which are listed.
    """
    lead = str(tally(answers))
    return AdviceTables(
        lead=f"In this project {lead}. A step is right when J_cv on fresh seeds is shown to fall "
        "by it, and by more than by the opposite step.",
        by_label=tuple(
            _counts(label, [a for a in answers if a.label == label])
            for label in dict.fromkeys(a.label for a in answers)
        ),
        here=tuple(_row(a) for a in here),
    )


def _counts(label: str, answers: Sequence[Answer]) -> Row:
    count = tally(answers)
    return label, str(count.right), str(count.wrong), str(count.no_difference)


def _row(answer: Answer) -> Row:
    change = answer.change
    return (
        run_id(answer.number),
        answer.label,
        answer.step,
        answer.opposite or "none",
        f"{change.value:+.3g} ({change.low:+.3g} to {change.high:+.3g})",
        str(answer.outcome),
    )
