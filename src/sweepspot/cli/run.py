"""`sweepspot run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweepspot.cli.app import NO_CHAMPION, AsJson, File, Quiet, make_console

if TYPE_CHECKING:
    from rich.console import Console

    from sweepspot.sweep import SweepResult

__all__ = ["run"]


def run(
    file: File,
    quiet: Quiet = False,
    as_json: AsJson = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew; set an earlier sweep aside.")
    ] = False,
) -> None:
    """Run a sweep, or go on with it where it was stopped."""
    from sweepspot.report.terminal import LiveTerminal, PlainTerminal
    from sweepspot.sweep import Sweep

    sweep = Sweep.from_file(file)
    console = make_console(stderr=as_json, quiet=quiet or as_json)
    terminal = LiveTerminal if console.is_terminal and not quiet else PlainTerminal
    with terminal(console) as watcher:
        result = sweep.run(watcher, fresh=fresh)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        _show_end(make_console(), result, file)
    if result.champion is None:
        raise typer.Exit(NO_CHAMPION)


def _show_end(console: Console, result: SweepResult, file: Path) -> None:
    from sweepspot.report.terminal import leaderboard

    champion = result.champion
    console.print()
    number = champion.number if champion else None
    console.print(leaderboard(result.frame, champion=number, width=console.width))
    console.print()
    lines = [f"verdict   {result.diagnosis.sweep.reason}", *result.champion_lines]
    lines.append(f"look      {result.report}, and the runs: sweepspot ui")
    if result.unsent:
        lines.append(
            f"not sent  {result.unsent} records did not reach the tracking store "
            f"({result.trouble}); sweepspot run {file} sends them"
        )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
