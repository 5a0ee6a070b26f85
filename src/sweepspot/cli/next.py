"""`sweepspot next`."""

from __future__ import annotations

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
