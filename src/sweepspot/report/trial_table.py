"""The table of the trials: a row each, which the page's script sorts, filters and selects."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from sweepspot.diagnosis import Diagnosis, Verdict
from sweepspot.report.charts import Results
from sweepspot.report.markup import badge, section, step_text
from sweepspot.report.wording import MEANINGS, number_text, words
from sweepspot.space import Choice, Space
from sweepspot.trial import TrialResult, run_id

__all__ = ["trial_section"]

_NUMBERS = ("J_cv", "J_train", "gap", "error_cv", "n_weights", "epochs", "elapsed_s")
_HEADINGS = {"n_weights": "weights", "elapsed_s": "seconds", "error_cv": "error"}
_STAR = ' <span title="champion">&#9733;<span class="unseen"> champion</span></span>'


def trial_section(
    results: Results, diagnosis: Diagnosis, space: Space, champion: int | None
) -> str:
    """Return the table of the trials, and the choice of a label to filter it by.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.
        space: What was searched: a column a dimension.
        champion: Number of the champion's trial, None when there is none.
    """
    body = "".join(
        _row(r, diagnosis[run_id(n)], list(space.dimensions), is_champion=n == champion)
        for n, r in sorted(results.items())
    )
    options = "".join(
        f'<option value="{label}">{escape(words(label))}</option>'
        for label in MEANINGS
        if diagnosis.sweep.labels.get(str(label))
    )
    return section(
        "Trials",
        '<p><label for="filter">Label:</label> '
        f'<select id="filter"><option value="">all</option>{options}</select> '
        '<span id="count" aria-live="polite"></span></p>',
        '<div class="scroll tall" tabindex="0"><table id="table">'
        f"<thead><tr>{_head(space)}</tr></thead><tbody>{body}</tbody></table></div>",
        name="trials",
    )


def _head(space: Space) -> str:
    kinds = {
        "trial": "",
        "label": "",
        **{_HEADINGS.get(name, name): "number" for name in _NUMBERS},
        **{k: "" if isinstance(d, Choice) else "number" for k, d in space.dimensions.items()},
        "reason": "",
        "next step": "",
    }
    return "".join(
        f'<th scope="col" aria-sort="none" class="{kind}">'
        f'<button type="button">{escape(heading)}</button></th>'
        for heading, kind in kinds.items()
    )


def _row(
    result: TrialResult, verdict: Verdict, searched: Sequence[str], *, is_champion: bool
) -> str:
    values = [
        *(_measured(result, name) for name in _NUMBERS),
        *(result.trial.params.get(name) for name in searched),
    ]
    steps = verdict.next_steps
    return (
        f'<tr data-trial="{result.number}" data-label="{verdict.label}">'
        f'<th scope="row" data-sort="{result.number}"><button type="button">'
        f"{run_id(result.number)}</button>{_STAR if is_champion else ''}</th>"
        f'<td data-sort="{verdict.label}">{badge(verdict.label)}</td>'
        f"{''.join(map(_value_cell, values))}"
        f'<td class="text">{escape(verdict.reason)}</td>'
        f'<td class="text">{step_text(steps[0]) if steps else ""}</td></tr>'
    )


def _measured(result: TrialResult, name: str) -> float | None:
    if name != "gap":
        value: float | None = getattr(result, name)
        return value
    if result.J_cv is None or result.J_train is None:
        return None
    return result.J_cv - result.J_train


def _value_cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = "" if value is None else escape(str(value))
        return f'<td data-sort="{text}">{text}</td>'
    return f'<td class="number" data-sort="{value!r}">{number_text(value)}</td>'
