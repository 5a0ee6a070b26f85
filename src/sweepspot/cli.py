"""The command line: parse, wire, show, exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweepspot.errors import SweepspotError

if TYPE_CHECKING:
    from rich.console import Console

    from sweepspot.sweep import SweepResult

__all__ = ["app", "main"]

BAD_INPUT, NO_CHAMPION, INTERRUPTED = 2, 3, 130

OPENS_AFTER_S = 12.0
"""When `ui` opens the browser: the server needs about ten seconds to start."""

app = typer.Typer(
    name="sweepspot",
    help="Hyperparameter sweeps for Keras: one file, one command, a verdict and a champion.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

File = Annotated[Path, typer.Argument(help="The sweep file.", show_default=False)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show the end alone.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Check a sweep file and its data, and show what the sweep will do."""
    from sweepspot.preview import preview_file
    from sweepspot.report.terminal import PlainTerminal

    plan = preview_file(file)
    if as_json:
        typer.echo(json.dumps({"sweep": plan.name, **plan.facts, "notes": list(plan.notes)}))
        return
    console = _console()
    PlainTerminal(console).planned(plan.name, plan.facts, plan.notes)
    console.print(f"ready: sweepspot run {file}", highlight=False)


@app.command()
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
    console = _console(stderr=as_json, quiet=quiet or as_json)
    terminal = LiveTerminal if console.is_terminal and not quiet else PlainTerminal
    with terminal(console) as watcher:
        result = sweep.run(watcher, fresh=fresh)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        _show_end(_console(), result, file)
    if result.champion is None:
        raise typer.Exit(NO_CHAMPION)


@app.command("next")
def next_(
    file: File,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; shown if left out.")
    ] = None,
) -> None:
    """Propose the sweep to run next, each change with the finding behind it."""
    from sweepspot.advice import next_sweep
    from sweepspot.preview import with_space
    from sweepspot.sweepfile import read_spec

    spec = with_space(read_spec(file)) if file.is_file() else None
    proposal = next_sweep(file, into=output.parent if output else None, spec=spec)
    if output is None:
        typer.echo(proposal.text)
        return
    if output.exists():
        raise SweepspotError(f"{output}: must be a new file, got one that exists; choose another")
    output.write_text(proposal.text, encoding="utf-8")
    typer.echo(proposal.because)
    for change in proposal.changes:
        typer.echo(f"- {change.text}  ({change.code} {change.because})")
    typer.echo(f"wrote {output}; run it: sweepspot run {output}")


@app.command()
def ui(
    uri: Annotated[str | None, typer.Option(help="MLflow tracking URI.")] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Show the sweeps in the MLflow UI, on 127.0.0.1."""
    from sweepspot.tracking.mlflow_store import resolve
    from sweepspot.tracking.views import views

    store = resolve(uri)
    is_server = store.startswith(("http:", "https:"))
    root = store.rstrip("/") if is_server else f"http://127.0.0.1:{port}"
    found = views(store)
    typer.echo(f"MLflow UI: {root}" + ("" if is_server else "   (Ctrl-C ends it)"))
    for sweep, path in found.items():
        typer.echo(f"  {sweep}: {root}{path}")
    newest = root + next(iter(found.values()), "")
    if is_server:
        webbrowser.open(newest)
        return
    # It takes some seconds until the server answers; the browser asks again by itself.
    timer = threading.Timer(OPENS_AFTER_S, webbrowser.open, [newest])
    timer.daemon = True
    timer.start()
    arguments = ["-m", "mlflow", "ui", "--backend-store-uri", store]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    subprocess.run([sys.executable, *arguments], env=quiet, check=False)


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


def _console(*, stderr: bool = False, quiet: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, quiet=quiet)


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
