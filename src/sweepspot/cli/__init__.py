"""The command line: parse, wire, show, exit code; one command a file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import typer

from sweepspot.cli.app import BAD_INPUT, INTERRUPTED, app
from sweepspot.cli.check import check
from sweepspot.cli.diagnose import diagnose
from sweepspot.cli.next import next_
from sweepspot.cli.run import run
from sweepspot.cli.select import select
from sweepspot.cli.ui import ui
from sweepspot.cli.verify import verify
from sweepspot.errors import SweepspotError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: dict[str, Callable[..., None]] = {
    "check": check,
    "run": run,
    "select": select,
    "next": next_,
    "verify": verify,
    "diagnose": diagnose,
    "ui": ui,
}
"""By name, in the order in which `--help` shows them."""

for name, command in COMMANDS.items():
    app.command(name)(command)


def main() -> None:
    """Run the command line; our own errors are one line and exit code 2."""
    # A terminated sweep ends as an interrupted one: finished work is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except SweepspotError as exc:
        typer.echo(str(exc), err=True)
        sys.exit(BAD_INPUT)
    except SystemExit as exc:
        # Typer ends an interrupted command with this code, and says nothing.
        if exc.code == INTERRUPTED:
            typer.echo("interrupted; run the same command again to go on", err=True)
        raise
