"""`sweepspot select`."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepspot.cli.app import KEPT, NO_CHAMPION, AsJson, File, Quiet, make_console
from sweepspot.cli.ending import show_end

__all__ = ["select"]


def select(
    file: File,
    quiet: Quiet = False,
    as_json: AsJson = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with 4 where the reigning champion is kept.")
    ] = False,
) -> None:
    """Choose the champion of a sweep that has been run; no trial is added."""
    from sweepspot.report.terminal import PlainTerminal
    from sweepspot.sweep import Sweep

    sweep = Sweep.from_file(file)
    with PlainTerminal(make_console(stderr=as_json, quiet=quiet or as_json)) as watcher:
        result = sweep.select(watcher)
    show_end(result, file, as_json=as_json)
    if result.outcome.status == "none":
        raise typer.Exit(NO_CHAMPION)
    if gate and result.outcome.status == "kept":
        raise typer.Exit(KEPT)
