"""`sweepspot run`."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepspot.cli.app import NO_CHAMPION, AsJson, File, Quiet, make_console
from sweepspot.cli.ending import show_end

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
    show_end(result, file, as_json=as_json)
    if result.outcome.status == "none":
        raise typer.Exit(NO_CHAMPION)
