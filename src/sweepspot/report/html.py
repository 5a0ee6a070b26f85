"""The report of a sweep: one page that needs nothing but a browser."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from sweepspot.advice_ledger import Answer
from sweepspot.diagnosis import Diagnosis
from sweepspot.report.charts import Chart, Results, curve_values
from sweepspot.report.finalist_chart import finalist_chart
from sweepspot.report.limits import Told, limits_section
from sweepspot.report.sections import (
    advice_section,
    baseline_section,
    curve_section,
    facts_section,
    finalist_section,
    headline,
    label_section,
    space_section,
    split_section,
    thinning_line,
)
from sweepspot.report.space_chart import space_chart
from sweepspot.report.split_chart import split_chart
from sweepspot.report.thinning import drawn, ranked
from sweepspot.report.trial_table import trial_section
from sweepspot.selection import Selection
from sweepspot.space import Space

__all__ = ["write_report"]

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
        headline(diagnosis.sweep, champion_lines, go_on),
        label_section(diagnosis),
        thinning_line(len(shown), len(results)),
        split_section(diagnosis),
        curve_section(shown, diagnosis),
        space_section(),
        finalist_section(selection, results, champion),
        baseline_section(diagnosis.sweep),
        advice_section(answers, verified or {}),
        limits_section(limits, optimism, advice),
        trial_section(shown, diagnosis, space, champion),
        facts_section(facts or {}),
    ]
    charts: Chart = {
        "split": split_chart(shown, diagnosis, champion=champion),
        "space": space_chart(shown, diagnosis, space),
        "curves": curve_values(shown),
        "frontier": diagnosis.frontier.J_cv.value if diagnosis.frontier else None,
        # The trial whose curve is shown first.
        "first": next(iter(ranked(results)), None) if champion is None else champion,
        **({"finalists": finalist_chart(selection, champion)} if selection else {}),
    }
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
