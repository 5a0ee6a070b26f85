"""`sweepspot diagnose`."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweepspot.cli.app import AsJson, make_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sweepspot.experiments import Assessed, AssessedGroup, AssessedRun

__all__ = ["diagnose"]

WORTH = (
    "These labels are from logged losses, which contain penalties and dropout noise. On 354 runs "
    "of known truth, 2 of the 272 with high bias or high variance got the opposite label and 46 % "
    "got one at all; so did 9 % of those that have neither."
)
LOSSES = "Labels marked * are from a sweep of ours, from the losses of each example."
WIDE = 160
"""Columns in a pipe or a file, where nobody wants a broken line."""

WRITTEN = "{written} runs got the tags sweepspot.label, .reason and .evidence=history"


def diagnose(
    experiment: Annotated[str, typer.Option("--experiment", help="Name of an MLflow experiment.")],
    uri: Annotated[str | None, typer.Option("--uri", help="MLflow tracking URI.")] = None,
    train_metric: Annotated[
        str | None, typer.Option("--train-metric", help="The train loss, if not found.")
    ] = None,
    cv_metric: Annotated[
        str | None, typer.Option("--cv-metric", help="The validation loss, if not found.")
    ] = None,
    naive: Annotated[
        float | None, typer.Option("--naive", help="Validation loss of the best constant guess.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the labels to the runs, as tags.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Label the runs of any MLflow experiment, as far as what was logged allows."""
    from sweepspot.experiments import ExperimentStore, assess_experiment, write_labels

    store = ExperimentStore(uri)
    assessed = assess_experiment(
        store, experiment, train_metric=train_metric, cv_metric=cv_metric, J_naive=naive
    )
    written = write_labels(store, assessed) if write else None
    if as_json:
        typer.echo(json.dumps(_plain(_record(assessed, written)), allow_nan=False))
        return
    console = make_console()
    if not console.is_terminal:
        console.width = WIDE
    for group in assessed.groups:
        _show_group(console, group)
    for line in _last_lines(assessed, naive, written):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _show_group(console: Console, group: AssessedGroup) -> None:
    from rich.text import Text

    counts = Counter(group.verdict.labels).most_common()
    labels = ", ".join(f"{n} {label}" for label, n in counts)
    console.print(Text(f"{len(group.runs)} runs: {group.by}", style="bold"), soft_wrap=True)
    console.print(_table(group))
    console.print(
        f"verdict   {group.verdict.reason}", markup=False, highlight=False, soft_wrap=True
    )
    console.print(f"labels    {labels}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def _table(group: AssessedGroup) -> Table:
    from rich.table import Table
    from rich.text import Text

    from sweepspot.report.terminal import STYLE

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    train, cv = (group.pair.train, group.pair.cv) if group.pair else ("J_train", "J_cv")
    for heading, justify in (("run", "left"), ("id", "left"), (train, "right"), (cv, "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("label", no_wrap=True)
    table.add_column("reason")
    for row in group.runs:
        label = str(row.verdict.label)
        star = "*" if row.evidence == "losses" else ""
        table.add_row(
            Text(row.run.name),
            row.run.id[:8],
            _number(row.J_train),
            _number(row.J_cv),
            Text(label + star, style=STYLE.get(label, "")),
            Text(_short(row)),
        )
    return table


def _short(row: AssessedRun) -> str:
    """Return the reason without what all rows of a table would repeat."""
    return row.verdict.reason.split("; from ")[0].replace(" of the unit", "")


def _last_lines(
    assessed: Assessed, naive: float | None, written: tuple[int, int] | None
) -> list[str]:
    rows = [row for group in assessed.groups for row in group.runs]
    lines = [f"left out  {n} {what}" for what, n in assessed.left_out.items()]
    if naive is None:
        lines.append(
            "unit      no --naive was stated, so one is the larger of the best validation loss "
            "and its distance from the first epoch"
        )
    lines.append(f"worth     {WORTH}")
    if any(row.evidence == "losses" for row in rows):
        lines.append(f"          {LOSSES}")
    if written is not None:
        lines.append(f"written   {WRITTEN.format(written=written[0])}; {written[1]} had them")
    return lines


def _record(assessed: Assessed, written: tuple[int, int] | None) -> dict[str, Any]:
    counts = {} if written is None else {"written": written[0], "unchanged": written[1]}
    return assessed.to_json() | {"worth": WORTH} | counts


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _plain(value: Any) -> Any:
    """Return a JSON value with null where a number is none that JSON knows."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
