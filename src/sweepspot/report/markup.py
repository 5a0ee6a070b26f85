"""What the sections of the report are made of: markup in which every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sweepspot.diagnosis import Label, NextStep
from sweepspot.report.wording import words

__all__ = ["badge", "chart_place", "definitions", "section", "sentence", "step_text", "table"]


def section(heading: str, *parts: str, name: str = "") -> str:
    """Return a section of the page.

    Args:
        heading: Its text.
        parts: What follows, as markup.
        name: Its id, by which the page's script finds it.
    """
    named = f' id="{name}"' if name else ""
    return f"<section{named}><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def chart_place(name: str, description: str, kind: str = "") -> str:
    """Return the place that the page's script fills with a chart.

    Args:
        name: Of the chart, as the script knows it.
        description: What it shows, for those who cannot see it.
        kind: A class of the page's style.
    """
    return (
        f'<div class="scroll"><div class="chart {kind}" id="chart-{name}" role="img" '
        f'aria-label="{escape(description)}"></div></div>'
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts; the first cell of a row is its heading."""
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


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Return headings with their texts, for a `dl`."""
    return "".join(f"<dt>{escape(heading)}</dt><dd>{escape(text)}</dd>" for heading, text in pairs)


def sentence(text: str) -> str:
    """Escape a clause and write it as a sentence.

    Example:
        >>> sentence("a gap < 0.1 ")
        'A gap &lt; 0.1.'
    """
    cut = text.strip()
    end = "" if cut.endswith((".", "!", "?")) else "."
    return escape(cut[:1].upper() + cut[1:] + end)


def badge(label: Label) -> str:
    """Return a label as words beside a spot of its colour."""
    return f'<span class="badge" style="--color:var(--{label})">{escape(words(label))}</span>'


def step_text(step: NextStep) -> str:
    """Write a next step with how often it helped where that was measured."""
    if step.hit_rate is None:
        return escape(step.text)
    return (
        f'{escape(step.text)} <span class="rate" title="{escape(step.origin)}">'
        f"(helped in {step.hit_rate:.0%} of measured cases)</span>"
    )
