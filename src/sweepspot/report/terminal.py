"""The terminal: a live table while a sweep runs, the leaderboard and the verdict at its end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Self

import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sweepspot.diagnosis import Verdict
from sweepspot.trial import TrialResult, run_id

__all__ = ["STYLE", "LiveTerminal", "PlainTerminal", "leaderboard"]

STYLE = {
    "good_fit": "green",
    "high_bias": "yellow",
    "high_variance": "magenta",
    "high_bias_high_variance": "yellow",
    "under_trained": "cyan",
    "inconclusive": "dim",
    "not_assessed": "dim",
}
"""The colour of each label."""

LAST, BEST = 6, 3
"""How many trials the live table shows."""

MEASURES_WIDTH = 72
"""What the leaderboard needs for its measures and labels."""

_Row = tuple[TrialResult, Verdict]


class PlainTerminal:
    """One line a trial, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._best = float("inf")

    def planned(self, name: str, facts: Mapping[str, str], notes: Sequence[str]) -> None:
        """Print what the sweep will do."""
        self._console.print(Text(name, style="bold"))
        self._console.print(_facts_table(facts))
        for note in notes:
            self.say(f"note: {note}")

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def ended(self, result: TrialResult, verdict: Verdict, done: int, trials: int) -> None:
        """Print a trial."""
        self._best = min(self._best, _J_cv(result))
        outcome = f"J_cv {_J_cv(result):.4f}" if result.J_cv is not None else result.reason
        self.say(
            f"[{done}/{trials}] {run_id(result.number)} {result.state} {outcome} "
            f"best {_shown(self._best)} {verdict.label} (provisional) {result.elapsed_s:.1f} s"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""


class LiveTerminal(PlainTerminal):
    """A progress bar and a table of the last and the best trials, redrawn as they end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._last: deque[_Row] = deque(maxlen=LAST)
        self._top: list[_Row] = []
        # Of the first trial, so that libraries being loaded are not expected again.
        self._began_s = float("inf")
        self._trained = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("best J_cv {task.fields[best]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=console,
        )
        self._task = self._progress.add_task("trials", total=None, best="-", eta="")
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def say(self, text: str) -> None:
        """Show a phase above the table."""
        self._live.console.print(Text(text, style="dim"))

    def ended(self, result: TrialResult, verdict: Verdict, done: int, trials: int) -> None:
        """Redraw with one more trial."""
        self._best = min(self._best, _J_cv(result))
        self._trained += 1
        self._last.append((result, verdict))
        self._top = sorted([*self._top, (result, verdict)], key=lambda row: _J_cv(row[0]))[:BEST]
        self._began_s = min(self._began_s, result.started_s)
        left = (time.time() - self._began_s) / self._trained * (trials - done)
        self._progress.update(
            self._task,
            completed=done,
            total=trials,
            best=_shown(self._best),
            eta=f"about {_duration(left)} left" if done < trials else "",
        )
        self._live.update(self._picture())

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the table away."""
        self._live.stop()

    def _picture(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for heading in ("", "trial", "J_train", "J_cv", "weights", "epochs", "label, so far"):
            table.add_column(heading, justify="right" if heading[:1] == "J" else "left")
        for heading, rows in (("best", self._top), ("last", list(self._last))):
            for k, (result, verdict) in enumerate(rows):
                table.add_row(heading if k == 0 else "", *_cells(result, verdict))
        return Group(table, self._progress)


def _facts_table(facts: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for heading, text in facts.items():
        table.add_row(heading, text)
    return table


def leaderboard(
    frame: pd.DataFrame, *, champion: int | None, width: int = 120, rows: int = 10
) -> Table:
    """Return the best trials of a sweep, the champion marked.

    Args:
        frame: `SweepResult.frame`.
        champion: Number of the champion's trial.
        width: Columns of the terminal; hyperparameters that do not fit are left out.
        rows: How many trials at most.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    searched = [c for c in frame.columns if c.startswith("params.") and len(frame[c].unique()) > 1]
    best = frame.dropna(subset=["J_cv"]).nsmallest(rows, "J_cv")
    room = max(0, width - MEASURES_WIDTH)
    while sum(_column_width(best[name]) for name in searched) > room:
        searched.pop()
    for heading in ("", "trial", "J_cv", "J_train", "error", "weights", "label"):
        left = heading in ("", "trial", "label")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for name in searched:
        table.add_column(name.removeprefix("params."), justify="right", no_wrap=True)
    for _, row in best.iterrows():
        table.add_row(
            "*" if row["number"] == champion else "",
            run_id(row["number"]),
            f"{row['J_cv']:.4f}",
            f"{row['J_train']:.4f}",
            f"{row['error_cv']:.4g}",
            f"{row['n_weights']:,}",
            Text(row["label"], style=STYLE.get(row["label"], "")),
            *(_value(row[name]) for name in searched),
        )
    return table


def _cells(result: TrialResult, verdict: Verdict) -> tuple[str | Text, ...]:
    measured = result.J_cv is not None and result.J_train is not None
    return (
        run_id(result.number),
        f"{result.J_train:.4f}" if measured else "",
        f"{result.J_cv:.4f}" if measured else "",
        f"{result.n_weights:,}",
        str(result.epochs),
        Text(
            str(verdict.label) if measured else f"{result.state}: {result.reason}"[:48],
            style=STYLE.get(str(verdict.label), "") if measured else "red",
        ),
    )


def _J_cv(result: TrialResult) -> float:
    return float("inf") if result.J_cv is None else result.J_cv


def _shown(best: float) -> str:
    return "-" if best == float("inf") else f"{best:.4f}"


def _column_width(column: pd.Series[Any]) -> int:
    heading = str(column.name).removeprefix("params.")
    return max(len(text) for text in (heading, *map(_value, column))) + 2


def _value(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}"
    return str(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {rest} s" if minutes else f"{rest} s"
