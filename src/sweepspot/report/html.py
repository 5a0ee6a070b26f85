"""The report of a sweep: one page that needs nothing but a browser."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from sweepspot.advice_ledger import Answer
from sweepspot.diagnosis import Diagnosis, Label, NextStep, SweepVerdict, Verdict
from sweepspot.report.advice import advice_tables
from sweepspot.report.charts import (
    Chart,
    Results,
    curve_values,
    finalist_chart,
    number_text,
    space_chart,
    split_chart,
    words,
)
from sweepspot.report.limits import Told, limits_section
from sweepspot.report.thinning import drawn, thinning_note
from sweepspot.selection import Selection
from sweepspot.space import Choice, Space
from sweepspot.trial import TrialResult, run_id

__all__ = ["MEANINGS", "write_report"]

MEANINGS: Mapping[Label, str] = {
    Label.GOOD_FIT: "As good as the best seen in this sweep.",
    Label.HIGH_BIAS: "Worse than the best, mostly because it fits the training split less well.",
    Label.HIGH_VARIANCE: "Worse than the best, mostly because its gap to J_train is wider.",
    Label.HIGH_BIAS_HIGH_VARIANCE: "Worse than the best, for both reasons.",
    Label.UNDER_TRAINED: "J_cv was still falling when training ended.",
    Label.INCONCLUSIVE: "The numbers do not tell; this is an answer, not a gap.",
    Label.NOT_ASSESSED: "Failed, diverged, or stopped too early to compare.",
}
"""What each label says, in one line."""

# Nothing may be fetched, whatever a name in the sweep file says.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


def write_report(
    path: Path,
    *,
    name: str,
    results: Results,
    diagnosis: Diagnosis,
    space: Space,
    selection: Selection | None = None,
    champion: int | None = None,
    champion_lines: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
    go_on: str = "",
    answers: Sequence[Answer] = (),
    verified: Mapping[int, Answer] | None = None,
    limits: Sequence[Told] = (),
    optimism: str = "",
    advice: str = "",
) -> Path:
    """Write the report of a sweep as one HTML file that loads nothing else.

    Args:
        path: Of the `.html`; its folder is made.
        name: Of the sweep.
        results: Of the sweep's own trials, by number, at least one; of a large sweep not all are
            drawn, and the page says so.
        diagnosis: Of the same trials.
        space: What was searched.
        selection: How the finalists compared, None when they did not.
        champion: Number of the champion's trial, None when there is none.
        champion_lines: The champion or why there is none, a fact a line: one word, then text.
            Lines that begin with `warning` are shown as such.
        facts: How the sweep was set up: heading and text.
        go_on: The command that goes on with the sweep.
        answers: Whether prescribed steps were right, over all sweeps of the project.
        verified: The answers about trials of this sweep, by number.
        limits: What was found to limit the sweep.
        optimism: By how much the best trial flatters itself, a clause.
        advice: The command that proposes the next sweep.

    Returns:
        The path.
    """
    finalists = [c.number for c in selection.contenders] if selection else []
    shown = drawn(results, [*finalists, *([] if champion is None else [champion])])
    sections = [
        _headline(diagnosis.sweep, champion_lines, go_on),
        _label_counts(diagnosis),
        _thinned(len(shown), len(results)),
        _split_section(diagnosis),
        _curve_section(shown, diagnosis),
        _space_section(),
        _finalist_section(selection, results),
        _baseline_section(diagnosis.sweep),
        _advice_section(answers, verified or {}),
        limits_section(limits, optimism, advice),
        _trial_section(shown, diagnosis, space, champion),
        _facts_section(facts or {}),
    ]
    charts: Chart = {
        "split": split_chart(shown, diagnosis, champion=champion),
        "space": space_chart(shown, diagnosis, space),
        "curves": curve_values(shown),
        "frontier": diagnosis.frontier.J_cv.value if diagnosis.frontier else None,
        "first": _first_shown(results, champion),
    }
    if selection is not None:
        charts["finalists"] = finalist_chart(selection)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_page(name, results, sections, charts), encoding="utf-8")
    return path


def _page(name: str, results: Results, sections: Iterable[str], charts: Chart) -> str:
    # Imported here: it reads five megabytes, and only the end of a sweep needs them.
    from plotly.offline import get_plotlyjs  # noqa: PLC0415

    folder = resources.files("sweepspot.report")
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = (folder / "page.js").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(name)} - Sweepspot</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            f"<header><h1>{escape(name)}</h1><p>{_summary(results)}</p></header>",
            "<noscript><p>The charts and the sorting need JavaScript; "
            "the words and the tables do not.</p></noscript>",
            f"<main>{''.join(sections)}</main>",
            f'<script type="application/json" id="charts">{_json(charts)}</script>',
            f"<script>{get_plotlyjs()}</script>",
            f"<script>{script}</script>",
            "</body>",
            "</html>",
        ]
    )


def _json(charts: Chart) -> str:
    # "<" alone can end a script element, or open a comment in it.
    return json.dumps(charts, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _summary(results: Results) -> str:
    states: dict[str, int] = {}
    for result in results.values():
        states[result.state.value] = states.get(result.state.value, 0) + 1
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    minutes = sum(r.elapsed_s for r in results.values()) / 60
    return f"A sweep of {len(results)} trials ({counts}), {minutes:.1f} minutes of training"


def _first_shown(results: Results, champion: int | None) -> int | None:
    """Return the trial whose curve is shown first: the champion's, or the lowest J_cv."""
    if champion is not None:
        return champion
    known = [r for r in results.values() if r.J_cv is not None]
    best = min(known, key=lambda r: r.J_cv or 0.0, default=None)
    return best.number if best else next(iter(results), None)


def _headline(sweep: SweepVerdict, champion_lines: Sequence[str], go_on: str) -> str:
    pairs = [_cut_heading(line) for line in champion_lines]
    warnings = [text for heading, text in pairs if heading == "warning"]
    told = [(heading, text) for heading, text in pairs if heading != "warning"]
    champion = told[0][1] if told else "none was chosen"
    next_steps = "".join(f"<li>{_step_text(step)}</li>" for step in sweep.next_steps[:3])
    go_on_text = f"<p>Go on: <code>{escape(go_on)}</code></p>" if go_on else ""
    steps = f"<ul>{next_steps}</ul>" if next_steps else ""
    details = "".join(
        f"<dt>{escape(heading)}</dt><dd>{escape(text)}</dd>" for heading, text in told[1:]
    )
    return (
        '<div class="cards">'
        f'<section class="card"><h2>Verdict</h2><p class="lead">{_sentence(sweep.reason)}</p>'
        f"{steps}{go_on_text}</section>"
        f'<section class="card"><h2>Champion</h2><p class="lead">{_sentence(champion)}</p>'
        f"<dl>{details}</dl></section></div>"
        + "".join(f'<p class="warning" role="note">{_sentence(text)}</p>' for text in warnings)
    )


def _thinned(n_drawn: int, n_trials: int) -> str:
    note = thinning_note(n_drawn, n_trials)
    return f'<p class="thinned" role="note">{escape(note)}</p>' if note else ""


def _cut_heading(line: str) -> tuple[str, str]:
    heading, _, text = line.partition(" ")
    return heading, text.strip()


def _sentence(text: str) -> str:
    """Escape a clause and write it as a sentence."""
    cut = text.strip()
    end = "" if cut.endswith((".", "!", "?")) else "."
    return escape(cut[:1].upper() + cut[1:] + end)


def _label_counts(diagnosis: Diagnosis) -> str:
    counts = {label: diagnosis.sweep.labels.get(str(label), 0) for label in MEANINGS}
    rows = "".join(
        f'<li><span class="share" style="--share:{count / max(1, len(diagnosis)):.4f};'
        f'--color:var(--{label})"></span><b>{count}</b> {_badge(label)} '
        f'<span class="meaning">{escape(MEANINGS[label])}</span></li>'
        for label, count in counts.items()
        if count
    )
    return (
        "<section><h2>Why trials are worse than they could be</h2>"
        f'<ul class="labels">{rows}</ul></section>'
    )


def _badge(label: Label) -> str:
    return f'<span class="badge" style="--color:var(--{label})">{escape(words(label))}</span>'


def _split_section(diagnosis: Diagnosis) -> str:
    read = (
        "The star is the frontier: what the three best trials reach. "
        "To the right of it is more bias. Above the dashed line is more variance. "
        "Select a point to see its curve."
        if diagnosis.frontier
        else "There is no frontier to compare with. Select a point to see its curve."
    )
    return (
        "<section><h2>Training loss and cross-validation loss</h2>"
        f"<p>{read}</p>{_chart('split', 'J_train against J_cv, a point a trial')}</section>"
    )


def _chart(name: str, description: str, extra: str = "") -> str:
    return (
        f'<div class="scroll"><div class="chart {extra}" id="chart-{name}" role="img" '
        f'aria-label="{escape(description)}"></div></div>'
    )


def _curve_section(results: Results, diagnosis: Diagnosis) -> str:
    ranked = sorted(
        results.values(),
        key=lambda r: (r.J_cv is None, r.J_cv if r.J_cv is not None else 0.0, r.number),
    )
    options = "".join(
        f'<option value="{r.number}">{_option(r, diagnosis[run_id(r.number)])}</option>'
        for r in ranked
    )
    return (
        '<section id="curves"><h2>Learning curves</h2>'
        '<p><label for="trial">Trial, the best first:</label> '
        f'<select id="trial">{options}</select></p>'
        f"{_chart('curve', 'J_train and J_cv by epoch of the selected trial')}"
        '<p id="told" aria-live="polite"></p></section>'
    )


def _option(result: TrialResult, verdict: Verdict) -> str:
    outcome = (
        str(result.state) if result.J_cv is None else f"J_cv {number_text(float(result.J_cv))}"
    )
    return escape(f"{run_id(result.number)}  {outcome}  {words(verdict.label)}")


def _space_section() -> str:
    return (
        "<section><h2>The space</h2><p>A line a trial. Select a label in the legend to hide it. "
        "A setting that a trial does not have is below its axis.</p>"
        f"{_chart('space', 'each trial as a line through the searched dimensions', 'wide')}"
        "</section>"
    )


def _finalist_section(selection: Selection | None, results: Results) -> str:
    if selection is None:
        return ""
    seen = {c.number: results[c.number].J_cv for c in selection.contenders}
    rows = [
        (
            run_id(c.number) + (" selected" if c.number == selection.number else ""),
            number_text(seen[c.number]),
            number_text(c.J_cv),
            number_text(c.spread),
            f"{c.difference:+.4g}" if c.difference else "0",
            number_text(c.standard_error),
            f"{c.n_weights:,}" if c.latency_s is None else f"{1e3 * c.latency_s:.3g} ms a row",
            ("yes" if c.within else "no") + (", stopped by a gate" if c.barred else ""),
        )
        for c in selection.contenders
    ]
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
    return (
        "<section><h2>Finalists on fresh seeds</h2>"
        f"<p>The model is repeat {selection.repeat} of {run_id(selection.number)}: "
        f"{escape(selection.because)}. The bars are one standard error of the paired difference "
        f"over examples and seeds. {_optimism(selection, seen)}</p>"
        f"{_chart('finalists', 'difference of each finalist to the best, with standard error')}"
        f"{_table(headings, rows)}</section>"
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


def _baseline_section(sweep: SweepVerdict) -> str:
    if not sweep.baselines:
        return ""
    rows = [
        (
            b.name if b.measure == "J" else f"{b.name} ({b.measure})",
            {"present": "yes", "absent": "no"}.get(b.reached.value, "not clear"),
            "nothing shown" if b.label is Label.GOOD_FIT else words(b.label),
            *(
                f"{i.value:+.3g} ({i.low:+.3g} to {i.high:+.3g})"
                for i in (b.gap, b.avoidable_bias, b.excess_variance)
            ),
        )
        for b in sweep.baselines.values()
    ]
    headings = (
        "baseline",
        "reached",
        "in the way",
        "best run minus it",
        "avoidable bias",
        "excess variance",
    )
    return (
        "<section><h2>Baselines</h2><p>The best run beside what it is measured against, each "
        "number with its 90 % interval. Below 0 is better than the baseline.</p>"
        f"{_table(headings, rows)}</section>"
    )


def _advice_section(answers: Sequence[Answer], verified: Mapping[int, Answer]) -> str:
    if not answers:
        return ""
    told = advice_tables(answers, verified.values())
    labels = ("label", "right", "wrong", "no difference shown")
    here = ("trial", "label", "prescribed", "opposite", "change of J_cv", "answer")
    return (
        f"<section><h2>Was the advice right?</h2><p>{escape(told.lead)}</p>"
        f"{_table(labels, told.by_label)}{_table(here, told.here) if told.here else ''}</section>"
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in headings)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f'<td class="nowrap">{escape(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


_NUMBERS = ("J_cv", "J_train", "gap", "error_cv", "n_weights", "epochs", "elapsed_s")
_HEADINGS = {"n_weights": "weights", "elapsed_s": "seconds", "error_cv": "error"}


def _trial_section(
    results: Results, diagnosis: Diagnosis, space: Space, champion: int | None
) -> str:
    kinds = {
        "trial": "",
        "label": "",
        **{_HEADINGS.get(name, name): "number" for name in _NUMBERS},
        **{k: "" if isinstance(d, Choice) else "number" for k, d in space.dimensions.items()},
        "reason": "",
        "next step": "",
    }
    head = "".join(
        f'<th scope="col" aria-sort="none" class="{kind}">'
        f'<button type="button">{escape(heading)}</button></th>'
        for heading, kind in kinds.items()
    )
    body = "".join(
        _trial_row(r, diagnosis[run_id(n)], list(space.dimensions), is_champion=n == champion)
        for n, r in sorted(results.items())
    )
    options = "".join(
        f'<option value="{label}">{escape(words(label))}</option>'
        for label in MEANINGS
        if diagnosis.sweep.labels.get(str(label))
    )
    return (
        '<section id="trials"><h2>Trials</h2><p><label for="filter">Label:</label> '
        f'<select id="filter"><option value="">all</option>{options}</select> '
        '<span id="count" aria-live="polite"></span></p>'
        '<div class="scroll tall" tabindex="0"><table id="table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _trial_row(
    result: TrialResult, verdict: Verdict, searched: Sequence[str], *, is_champion: bool
) -> str:
    numbers = {name: _measured(result, name) for name in _NUMBERS}
    params = [result.trial.params.get(name) for name in searched]
    step = verdict.next_steps[0] if verdict.next_steps else None
    star = ' <span title="champion">&#9733;<span class="unseen"> champion</span></span>'
    cells = [
        f'<td data-sort="{verdict.label}">{_badge(verdict.label)}</td>',
        *(_number_cell(value) for value in (*numbers.values(), *params)),
        f'<td class="text">{escape(verdict.reason)}</td>',
        f'<td class="text">{_step_text(step) if step else ""}</td>',
    ]
    return (
        f'<tr data-trial="{result.number}" data-label="{verdict.label}">'
        f'<th scope="row" data-sort="{result.number}"><button type="button">'
        f"{run_id(result.number)}</button>{star if is_champion else ''}</th>"
        + "".join(cells)
        + "</tr>"
    )


def _measured(result: TrialResult, name: str) -> float | None:
    if name != "gap":
        value: float | None = getattr(result, name)
        return value
    if result.J_cv is None or result.J_train is None:
        return None
    return result.J_cv - result.J_train


def _number_cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = "" if value is None else escape(str(value))
        return f'<td data-sort="{text}">{text}</td>'
    return f'<td class="number" data-sort="{value!r}">{number_text(value)}</td>'


def _step_text(step: NextStep) -> str:
    """Write a next step with how often it helped where that was measured."""
    if step.hit_rate is None:
        return escape(step.text)
    return (
        f'{escape(step.text)} <span class="rate" title="{escape(step.origin)}">'
        f"(helped in {step.hit_rate:.0%} of measured cases)</span>"
    )


def _facts_section(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    told = "".join(f"<dt>{escape(h)}</dt><dd>{escape(t)}</dd>" for h, t in facts.items())
    return (
        f'<section><details open><summary><h2>How it was set up</h2></summary><dl class="facts">'
        f"{told}</dl></details></section>"
    )
