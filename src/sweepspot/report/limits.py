"""What limits a sweep, in the report and on its page: findings about its space, and optimism."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TypeAlias

from sweepspot.report.markup import section

__all__ = ["Told", "limits_note", "limits_section"]

Told: TypeAlias = tuple[str, str, str]
"""A finding: its code, what it is, and the evidence."""


def limits_section(limits: Sequence[Told], optimism: str, advice: str) -> str:
    """Return the section of the report, empty when there is nothing to say.

    Args:
        limits: What was found.
        optimism: By how much the best trial flatters itself, a clause.
        advice: The command that proposes the next sweep.
    """
    if not limits and not optimism:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(code)}</th><td>{escape(name)}</td>'
        f'<td class="text">{escape(because)}</td></tr>'
        for code, name, because in limits
    )
    table = (
        '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">code</th>'
        '<th scope="col">finding</th><th scope="col">evidence</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    told = table if limits else "<p>Nothing about the space was found to limit it.</p>"
    go_on = f"<p>The next sweep: <code>{escape(advice)}</code></p>" if advice and limits else ""
    flatters = f"<p>{escape(optimism[:1].upper() + optimism[1:])}.</p>" if optimism else ""
    return section("What limits this sweep", flatters, go_on, told)


def limits_note(limits: Sequence[Told], optimism: str) -> str:
    """Return the same for the page of the sweep's run, in Markdown; empty when nothing is known."""
    lines = [f"- {code} {name}: {because}" for code, name, because in limits]
    found = "**Limits**:\n\n" + "\n".join(lines) if lines else ""
    flatters = f"**Optimism**: {optimism}" if optimism else ""
    return "\n\n".join(part for part in (found, flatters) if part)
