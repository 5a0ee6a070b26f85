"""`sweepspot check`."""

from __future__ import annotations

import json

import typer

from sweepspot.cli.app import AsJson, File, make_console

__all__ = ["check"]


def check(file: File, as_json: AsJson = False) -> None:
    """Check a sweep file and its data, and show what the sweep will do."""
    from sweepspot.preview import preview_file
    from sweepspot.report.terminal import PlainTerminal

    plan = preview_file(file)
    if as_json:
        typer.echo(json.dumps({"sweep": plan.name, **plan.facts, "notes": list(plan.notes)}))
        return
    console = make_console()
    PlainTerminal(console).planned(plan.name, plan.facts, plan.notes)
    console.print(f"ready: sweepspot run {file}", highlight=False)
