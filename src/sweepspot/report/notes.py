"""What the pages of runs say in words: the verdict of a trial, and of the sweep."""

from __future__ import annotations

from collections.abc import Sequence

from sweepspot.diagnosis import Diagnosis, Verdict

__all__ = ["shares", "sweep_note", "trial_note"]


def trial_note(verdict: Verdict) -> str:
    """Describe a trial in two lines of Markdown: its diagnosis, and what to try."""
    steps = "; ".join(step.text for step in verdict.next_steps[:3])
    lines = [f"**{verdict.label}**: {verdict.reason}"]
    if steps:
        lines.append(f"Next: {steps}.")
    lines += [
        f"Against {name}: {baseline.label}."
        for name, baseline in verdict.baselines.items()
        if name != "naive"
    ]
    return "\n\n".join(lines)


def shares(verdict: Verdict) -> dict[str, float]:
    """Return the numbers of a verdict as metrics: shares of the range from naive to frontier."""
    found = {
        f"diagnosis/{name}": interval.value
        for name, interval in verdict.numbers.items()
        if name in ("excess", "bias", "variance")
    }
    for name, baseline in verdict.baselines.items():
        found[f"baseline/{name}/avoidable_bias"] = baseline.avoidable_bias.value
        found[f"baseline/{name}/excess_variance"] = baseline.excess_variance.value
    return found


def sweep_note(
    diagnosis: Diagnosis,
    because: str,
    go_on: str,
    *,
    details: Sequence[str] = (),
    limits: str = "",
) -> str:
    """Describe a finished sweep on its page, in Markdown.

    Args:
        diagnosis: Of the sweep.
        because: Why there is this champion, or none.
        go_on: How to go on: a command.
        details: What the champion is and how it scores, a fact a line: one word, then text.
        limits: What limits the sweep, in Markdown.
    """
    sweep = diagnosis.sweep
    counts = ", ".join(f"{count} {label}" for label, count in sweep.labels.items() if count)
    lines = [
        f"**Verdict**: {sweep.reason}",
        f"**Champion**: {because}",
        "\n".join(_item(detail) for detail in details),
        f"**Labels**: {counts}",
    ]
    lines += [f"**Next**: {step.text}" for step in sweep.next_steps[:3]]
    lines += [limits] if limits else []
    lines.append(f"**Go on**: `{go_on}`")
    return "\n\n".join(line for line in lines if line)


def _item(line: str) -> str:
    heading, _, text = line.partition(" ")
    return f"- *{heading}*: {text.strip()}"
