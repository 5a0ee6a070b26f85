"""The sections of the report: what each says in words, and the chart or the table in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from sweepspot.advice_ledger import Answer
from sweepspot.diagnosis import BaselineVerdict, Diagnosis, Label, SweepVerdict, Verdict
from sweepspot.report.advice import advice_tables
from sweepspot.report.charts import Results
from sweepspot.report.markup import (
    badge,
    chart_place,
    definitions,
    section,
    sentence,
    step_text,
    table,
)
from sweepspot.report.thinning import ranked, thinning_note
from sweepspot.report.wording import MEANINGS, number_text, words
from sweepspot.selection import Contender, Selection
from sweepspot.trial import TrialResult, run_id

__all__ = [
    "advice_section",
    "baseline_section",
    "curve_section",
    "facts_section",
    "finalist_section",
    "headline",
    "label_section",
    "space_section",
    "split_section",
    "thinning_line",
]


def headline(sweep: SweepVerdict, champion_lines: Sequence[str], go_on: str) -> str:
    """Return the verdict and the champion side by side, and the warnings below them.

    Args:
        sweep: The verdict.
        champion_lines: The champion or why there is none, a fact a line: one word, then text.
        go_on: The command that goes on with the sweep.
    """
    pairs = [_cut_heading(line) for line in champion_lines]
    warnings = [text for heading, text in pairs if heading == "warning"]
    told = [(heading, text) for heading, text in pairs if heading != "warning"]
    champion = told[0][1] if told else "none was chosen"
    next_steps = "".join(f"<li>{step_text(step)}</li>" for step in sweep.next_steps[:3])
    steps = f"<ul>{next_steps}</ul>" if next_steps else ""
    command = f"<p>Go on: <code>{escape(go_on)}</code></p>" if go_on else ""
    return (
        '<div class="cards">'
        f'<section class="card"><h2>Verdict</h2><p class="lead">{sentence(sweep.reason)}</p>'
        f"{steps}{command}</section>"
        f'<section class="card"><h2>Champion</h2><p class="lead">{sentence(champion)}</p>'
        f"<dl>{definitions(told[1:])}</dl></section></div>"
        + "".join(f'<p class="warning" role="note">{sentence(text)}</p>' for text in warnings)
    )


def _cut_heading(line: str) -> tuple[str, str]:
    heading, _, text = line.partition(" ")
    return heading, text.strip()


def label_section(diagnosis: Diagnosis) -> str:
    """Return how many trials have each label, and what it means."""
    counts = {label: diagnosis.sweep.labels.get(str(label), 0) for label in MEANINGS}
    rows = "".join(
        f'<li><span class="share" style="--share:{count / max(1, len(diagnosis)):.4f};'
        f'--color:var(--{label})"></span><b>{count}</b> {badge(label)} '
        f'<span class="meaning">{escape(MEANINGS[label])}</span></li>'
        for label, count in counts.items()
        if count
    )
    return section("Why trials are worse than they could be", f'<ul class="labels">{rows}</ul>')


def thinning_line(n_drawn: int, n_trials: int) -> str:
    """Say which trials are not drawn, nothing where all are."""
    note = thinning_note(n_drawn, n_trials)
    return f'<p class="thinned" role="note">{escape(note)}</p>' if note else ""


def split_section(diagnosis: Diagnosis) -> str:
    """Return the place of the chart of J_train against J_cv, and how to read it."""
    read = (
        "The star is the frontier: what the three best trials reach. "
        "To the right of it is more bias. Above the dashed line is more variance. "
        "Select a point to see its curve."
        if diagnosis.frontier
        else "There is no frontier to compare with. Select a point to see its curve."
    )
    return section(
        "Training loss and cross-validation loss",
        f"<p>{read}</p>",
        chart_place("split", "J_train against J_cv, a point a trial"),
    )


def curve_section(results: Results, diagnosis: Diagnosis) -> str:
    """Return the choice of a trial, the best first, and the place of its learning curve."""
    options = "".join(
        f'<option value="{number}">{_option(results[number], diagnosis[run_id(number)])}</option>'
        for number in ranked(results)
    )
    return section(
        "Learning curves",
        '<p><label for="trial">Trial, the best first:</label> '
        f'<select id="trial">{options}</select></p>',
        chart_place("curve", "J_train and J_cv by epoch of the selected trial"),
        '<p id="told" aria-live="polite"></p>',
        name="curves",
    )


def _option(result: TrialResult, verdict: Verdict) -> str:
    outcome = (
        str(result.state) if result.J_cv is None else f"J_cv {number_text(float(result.J_cv))}"
    )
    return escape(f"{run_id(result.number)}  {outcome}  {words(verdict.label)}")


def space_section() -> str:
    """Return the place of the chart of the space, and how to read it."""
    return section(
        "The space",
        "<p>A line a trial. Select a label in the legend to hide it. "
        "A setting that a trial does not have is below its axis.</p>",
        chart_place("space", "each trial as a line through the searched dimensions", "wide"),
    )


def finalist_section(selection: Selection | None, results: Results, champion: int | None) -> str:
    """Return how the finalists compared on fresh seeds, nothing when they did not.

    Args:
        selection: How they compared.
        results: Of the sweep, by number.
        champion: Number of the trial selected, None where the gates stopped every finalist.
    """
    if selection is None:
        return ""
    seen = {c.number: results[c.number].J_cv for c in selection.contenders}
    headings = (
        "finalist",
        "J_cv in the sweep",
        "mean J_cv on fresh seeds",
        "spread over seeds",
        "difference",
        "standard error",
        "cost" if selection.contenders[0].latency_s is not None else "weights",
        "within one standard error",
    )
    return section(
        "Finalists on fresh seeds",
        f"<p>{_selected(selection, champion)}: {escape(selection.because)}. "
        "The bars are one standard error of the paired difference over examples and seeds. "
        f"{_optimism(selection, seen)}</p>",
        chart_place("finalists", "difference of each finalist to the best, with standard error"),
        table(
            headings,
            [
                _finalist_row(c, seen[c.number], is_selected=c.number == champion)
                for c in selection.contenders
            ],
        ),
    )


def _selected(selection: Selection, champion: int | None) -> str:
    number = run_id(selection.number)
    if champion is None:
        return f"There is no model: the gates stopped all, {number} too, which came first"
    return f"The model is repeat {selection.repeat} of {number}"


def _finalist_row(c: Contender, J_seen: float | None, *, is_selected: bool) -> tuple[str, ...]:
    return (
        run_id(c.number) + (" selected" if is_selected else ""),
        number_text(J_seen),
        number_text(c.J_cv),
        number_text(c.spread),
        f"{c.difference:+.4g}" if c.difference else "0",
        number_text(c.standard_error),
        f"{c.n_weights:,}" if c.latency_s is None else f"{1e3 * c.latency_s:.3g} ms a row",
        ("yes" if c.within else "no") + (", stopped by a gate" if c.barred else ""),
    )


def _optimism(selection: Selection, seen: Mapping[int, float | None]) -> str:
    """Say how much the choice of the lowest J_cv flattered the finalists."""
    rises = [c.J_cv - J for c in selection.contenders if (J := seen[c.number]) is not None]
    if not rises or (rise := sum(rises) / len(rises)) <= 0:
        return ""
    return (
        f"Their mean J_cv on fresh seeds is {rise:.3g} above what the sweep showed: "
        "the best of many trials look better than they are."
    )


def baseline_section(sweep: SweepVerdict) -> str:
    """Return the best run beside each baseline, nothing where there is none."""
    if not sweep.baselines:
        return ""
    headings = (
        "baseline",
        "reached",
        "in the way",
        "best run minus it",
        "avoidable bias",
        "excess variance",
    )
    return section(
        "Baselines",
        "<p>The best run beside what it is measured against, each "
        "number with its 90 % interval. Below 0 is better than the baseline.</p>",
        table(headings, [_baseline_row(b) for b in sweep.baselines.values()]),
    )


def _baseline_row(b: BaselineVerdict) -> tuple[str, ...]:
    return (
        b.name if b.measure == "J" else f"{b.name} ({b.measure})",
        {"present": "yes", "absent": "no"}.get(b.reached.value, "not clear"),
        "nothing shown" if b.label is Label.GOOD_FIT else words(b.label),
        *(
            f"{i.value:+.3g} ({i.low:+.3g} to {i.high:+.3g})"
            for i in (b.gap, b.avoidable_bias, b.excess_variance)
        ),
    )


def advice_section(answers: Sequence[Answer], verified: Mapping[int, Answer]) -> str:
    """Return whether prescribed steps were right, nothing where none was tried.

    Args:
        answers: Over all sweeps of the project.
        verified: Those about trials of this sweep, by number.
    """
    if not answers:
        return ""
    told = advice_tables(answers, verified.values())
    labels = ("label", "right", "wrong", "no difference shown")
    here = ("trial", "label", "prescribed", "opposite", "change of J_cv", "answer")
    return section(
        "Was the advice right?",
        f"<p>{escape(told.lead)}</p>",
        table(labels, told.by_label),
        table(here, told.here) if told.here else "",
    )


def facts_section(facts: Mapping[str, str]) -> str:
    """Return how the sweep was set up, by heading; nothing where nothing is known."""
    if not facts:
        return ""
    return (
        "<section><details open><summary><h2>How it was set up</h2></summary>"
        f'<dl class="facts">{definitions(facts.items())}</dl></details></section>'
    )
