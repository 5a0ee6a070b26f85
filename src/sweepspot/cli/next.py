"""`sweepspot next`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sweepspot.cli.app import File
from sweepspot.errors import SweepspotError

__all__ = ["next_"]


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

    if output is not None:
        _check_new(output)
    spec = with_space(read_spec(file)) if file.is_file() else None
    proposal = next_sweep(file, into=output.parent if output else None, spec=spec)
    if output is None:
        typer.echo(proposal.text)
        return
    _write(output, proposal.text)
    typer.echo(proposal.because)
    for change in proposal.changes:
        typer.echo(f"- {change.text}  ({change.code} {change.because})")
    typer.echo(f"wrote {output}; run it: sweepspot run {output}")


def _check_new(output: Path) -> None:
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise SweepspotError(
            f"{output}: must be in a folder that can be written, got {output.parent}; "
            "make it, or choose another"
        )
    if output.exists():
        raise SweepspotError(f"{output}: must be a new file, got one that exists; choose another")


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        raise SweepspotError(
            f"{output}: must be a new file that can be written, got {exc.strerror}; choose another"
        ) from exc
