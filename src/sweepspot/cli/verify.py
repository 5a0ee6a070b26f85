"""`sweepspot verify`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sweepspot.cli.app import AsJson, make_console

if TYPE_CHECKING:
    from rich.console import Console

    from sweepspot.advice_ledger import AdviceLedger, Answer
    from sweepspot.trial import TrialResult
    from sweepspot.verifying import Arm, Prescription, SweptTrial

__all__ = ["verify"]

_LIMITS = (
    "J_cv is measured on the rows that also stop each training, so it flatters every way of "
    "training a little; {n} seeds; this data, this split. The test split stayed closed"
)


def verify(
    run: Annotated[
        str,
        typer.Argument(help="The trial: digits#17, digits/17, or the id of its run in MLflow."),
    ],
    repeats: Annotated[int, typer.Option(min=2, help="Fresh seeds of each way of training.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Train a trial again as it was, as its verdict prescribes, and the opposite way."""
    from sweepspot.advice_ledger import AdviceLedger, tally
    from sweepspot.folders import ADVICE_LEDGER, HOME
    from sweepspot.verifying import find_trial, prescribe

    console = make_console(stderr=as_json, quiet=as_json)
    trial = find_trial(run, HOME)
    prescription = prescribe(trial.result, trial.verdict, run)
    _show_plan(console, trial, prescription)
    ledger = AdviceLedger(HOME / ADVICE_LEDGER)
    answer = _answer(console, trial, prescription, ledger, repeats)
    record = tally(ledger.answers())
    if as_json:
        typer.echo(json.dumps({**answer.to_json(), "advice": record.to_json()}))
        return
    _show_answer(console, answer)
    _say(console, "so far", f"{record}, in this project")


def _answer(
    console: Console,
    trial: SweptTrial,
    prescription: Prescription,
    ledger: AdviceLedger,
    repeats: int,
) -> Answer:
    from sweepspot.datasets.baselines import naive
    from sweepspot.executors.workers import Workers
    from sweepspot.verifying import Verifier

    # Not the sweep's own folder: the sweep may be running, with workers of its own.
    workers = Workers(trial.spec, trial.dataset.training, trial.folder / "verified")
    progress = _progress(console, repeats * len(prescription.arms))
    with progress as hear, contextlib.closing(workers):
        verifier = Verifier(
            trial.spec,
            trial.dataset,
            trial.folder,
            naive=naive(trial.dataset.training),
            ledger=ledger,
            hear=hear,
        )
        stored = verifier.known(prescription, repeats)
        if stored is not None:
            _say(console, "known", "verified before; nothing is trained or counted again")
            return stored
        answer = verifier.verify(prescription, workers.executor, repeats)
    _send(console, trial, answer)
    return answer


@contextlib.contextmanager
def _progress(
    console: Console, total: int
) -> Iterator[Callable[[Arm, TrialResult, int, int], None]]:
    """Show the trainings: a bar in a terminal, a line each in a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("training"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[last]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=total, last="loading TensorFlow")

        def hear(arm: Arm, result: TrialResult, done: int, of: int) -> None:
            outcome = result.reason if result.J_cv is None else f"J_cv {result.J_cv:.4f}"
            last = f"{arm.name}, seed {result.trial.repeat}: {outcome}"
            bar.update(task, completed=done, total=of, last=last)
            if not console.is_terminal:
                _say(console, f"[{done}/{of}]", last)

        yield hear


def _show_plan(console: Console, trial: SweptTrial, prescription: Prescription) -> None:
    from sweepspot.preview import run_name

    name = run_name(prescription.number, prescription.params, trial.spec.model)
    _say(console, "trial", f"{trial.spec.name}{name}")
    _say(console, "label", f"{prescription.label}: {trial.verdict.reason}")
    for text in prescription.skipped:
        _say(console, "not tried", text)
    rate = prescription.step.hit_rate
    measured = f"   (lowered J_cv in {rate:.0%} of measured cases)" if rate else ""
    _say(console, "prescribed", f"{prescription.step.text}{measured}")
    _say(
        console, "opposite", prescription.opposite or "none; it is compared with the run as it was"
    )


def _show_answer(console: Console, answer: Answer) -> None:
    from rich.table import Table

    changes = {"prescribed": answer.change, "opposite": answer.opposite_change}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    table.add_column("mean J_cv", justify="right")
    table.add_column("minus as it was, 90 % interval")
    if answer.failed:
        table.add_column("failed", justify="right")
    for name, J in answer.J_cv.items():
        change = changes.get(name)
        text = f"{change.value:+.4f} ({change.low:+.4f} to {change.high:+.4f})" if change else ""
        failed = (str(answer.failed.get(name, 0)),) if answer.failed else ()
        table.add_row(name, f"{J:.4f}", text, *failed)
    console.print()
    console.print(table)
    console.print()
    _say(console, "answer", f"{answer.outcome}: {answer.because}")
    if answer.failed:
        _say(console, "failed", "a training that fails counts as the constant guess")
    _say(console, "limits", _LIMITS.format(n=answer.repeats))


def _send(console: Console, trial: SweptTrial, answer: Answer) -> None:
    """Put the answer on the trial's run; a store that is away loses nothing."""
    from sweepspot.errors import TrackingError
    from sweepspot.report.advice import advice_note, advice_tags
    from sweepspot.report.notes import trial_note

    if trial.spec.tracking.uri == "memory:":
        return
    from sweepspot.tracking.lookup import annotate_trial

    try:
        annotate_trial(
            trial.sweep_id,
            answer.number,
            tags=advice_tags(answer),
            description=f"{trial_note(trial.verdict)}\n\n{advice_note(answer)}",
            uri=trial.spec.tracking.uri,
        )
    except TrackingError as exc:
        _say(console, "not sent", f"{exc}; the next sweepspot run of this sweep sends it")


def _say(console: Console, heading: str, text: str) -> None:
    line = f"{heading:<10}  {text}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)
