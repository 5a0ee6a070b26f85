"""How a command that ran a sweep ends: what it shows, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sweepspot.cli.app import make_console

if TYPE_CHECKING:
    from sweepspot.sweep import SweepResult

__all__ = ["show_end"]


def show_end(result: SweepResult, file: Path, *, as_json: bool) -> None:
    """Print the leaderboard, the verdict and the champion; or one JSON object."""
    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    from sweepspot.report.terminal import leaderboard

    console = make_console()
    champion = result.champion
    console.print()
    number = champion.number if champion else None
    console.print(leaderboard(result.frame, champion=number, width=console.width))
    console.print()
    lines = [f"verdict   {result.diagnosis.sweep.reason}", *result.limit_lines]
    lines += [*result.champion_lines, *result.advice_lines]
    lines.append(f"look      {result.report}, and the runs: sweepspot ui")
    if result.unsent:
        lines.append(
            f"not sent  {result.unsent} records did not reach the tracking store "
            f"({result.trouble}); sweepspot run {file} sends them"
        )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
