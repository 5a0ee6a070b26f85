"""What every command shares: the application, exit codes and the options they have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "KEPT",
    "NO_CHAMPION",
    "AsJson",
    "File",
    "Quiet",
    "app",
    "make_console",
]

BAD_INPUT, NO_CHAMPION, KEPT, INTERRUPTED = 2, 3, 4, 130

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


def make_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Return the terminal that is written to."""
    from rich.console import Console

    return Console(stderr=stderr, quiet=quiet)
