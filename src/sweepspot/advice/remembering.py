"""What a sweep remembers, read while its driver may still write: no lock, nothing changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sweepspot.advice.advising import advise
from sweepspot.advice.proposing import propose
from sweepspot.advice.records import Proposal
from sweepspot.diagnosis import Diagnosis
from sweepspot.errors import SpecError
from sweepspot.folders import HOME, JOURNAL
from sweepspot.journal import Memory, read_losses, relive
from sweepspot.judging import Competitor, Judge
from sweepspot.spec import COMPETITOR, SweepSpec
from sweepspot.sweepfile import parse_spec, read_spec
from sweepspot.trial import Losses, TrialResult, run_id

__all__ = ["Remembered", "judged", "load_sweep", "next_sweep"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """A sweep as far as it got.

    Attributes:
        spec: Its declaration.
        results: Its results, by number, without their arrays.
        repeats: Its finalists on fresh seeds, by number and repeat.
        notes: What else its journal holds, the latest of each name.
        losses: Reads the per-example values of a result, None when it has none.
    """

    spec: SweepSpec
    results: dict[int, TrialResult]
    repeats: dict[tuple[int, int], TrialResult]
    notes: dict[str, Any]
    losses: Callable[[TrialResult], Losses | None]


def load_sweep(path: Path, home: Path = HOME, *, spec: SweepSpec | None = None) -> Remembered:
    """Read what a sweep remembers, without its lock.

    Args:
        path: Its sweep file; or its folder `mlruns/<name>`, when its journal holds the declaration.
        home: The folder in which sweeps keep their journals.
        spec: Its declaration, for a file that leaves the space to `build(hp)`.

    Raises:
        SpecError: There is no such sweep, or its journal cannot be read or is of another space.
    """
    if path.is_dir():
        folder, memory = path, _read(path / JOURNAL)
        spec = spec or _declared(memory, path)
    else:
        spec = spec or read_spec(path)
        folder = home / spec.name
        memory = _read(folder / JOURNAL)
    _check_points(spec, memory, path)
    return Remembered(
        spec=spec,
        results=memory.results,
        repeats=memory.repeats,
        notes=memory.notes,
        losses=partial(read_losses, folder),
    )


def next_sweep(
    file: Path,
    home: Path = HOME,
    *,
    into: Path | None = None,
    spec: SweepSpec | None = None,
) -> Proposal:
    """Return the sweep to run after another one, from what that one remembers.

    Args:
        file: The sweep file, or the folder, of a sweep that ran or still runs.
        home: The folder in which sweeps keep their journals.
        into: The folder in which the proposal will be written, that of `file` when left out; a
            data file is named relative to it.
        spec: As for `load_sweep`.

    Raises:
        SpecError: As by `load_sweep`; or the journal lacks the naive baseline.
    """
    sweep = load_sweep(file, home, spec=spec)
    if "naive" not in sweep.notes:
        raise SpecError(
            f"{file}: its journal has no naive baseline yet; run sweepspot run {file}, "
            "which adds it, and ask again"
        )
    diagnosis = judged(sweep)
    advice = advise(sweep.spec, sweep.results, diagnosis, repeats=sweep.repeats)
    return propose(
        sweep.spec,
        advice,
        text=file.read_text(encoding="utf-8") if file.is_file() else None,
        taken={folder.name for folder in home.glob("*")},
        source=_source_from(into, file, sweep.spec) if into else None,
    )


def judged(sweep: Remembered) -> Diagnosis:
    """Return the verdicts of a sweep whose journal holds the naive baseline."""
    stated, name = sweep.notes.get("algorithm"), sweep.spec.baseline.algorithm or COMPETITOR
    judge = Judge(
        sweep.spec,
        J_naive=sweep.notes["naive"]["J_cv"],
        algorithm=Competitor(name=name, J_train=stated[0], J_cv=stated[1]) if stated else None,
        losses=sweep.losses,
        error_naive=sweep.notes["naive"].get("error_cv"),
    )
    return judge.all(sweep.results.values())


def _declared(memory: Memory, path: Path) -> SweepSpec:
    if "spec" not in memory.notes:
        raise SpecError(f"{path}: its journal holds no declaration; name the sweep file instead")
    return parse_spec(memory.notes["spec"])


def _source_from(into: Path, file: Path, spec: SweepSpec) -> str | None:
    """Return the path of a data file as seen from another folder, None when it need not change."""
    source = Path(spec.data.source)
    here = file.parent.resolve()
    if ":" in spec.data.source or source.is_absolute() or into.resolve() == here:
        return None
    return Path(os.path.relpath(here / source, into.resolve())).as_posix()


def _read(path: Path) -> Memory:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise SpecError(
            f"{path}: must be the journal of a sweep that ran, got {exc.strerror}"
        ) from exc
    return relive(path, data)


def _check_points(spec: SweepSpec, memory: Memory, path: Path) -> None:
    space = spec.points
    for number, result in sorted(memory.results.items()):
        problems = space.problems(result.trial.params)
        if problems:
            raise SpecError(
                f"{path}: must declare the space that trial {run_id(number)} was drawn from; "
                f"{problems[0]}; use the file as it was run"
            )
