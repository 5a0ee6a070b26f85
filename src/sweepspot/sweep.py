"""A sweep from file to champion."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Self

from sweepspot.datasets import Dataset, load_dataset
from sweepspot.driver import Driver, Nobody, Watcher
from sweepspot.errors import SpecError
from sweepspot.folders import BEFORE, HOME, JOURNAL
from sweepspot.journal import Journal, locked
from sweepspot.preview import Preview, preview, with_space
from sweepspot.provenance import check_fingerprint
from sweepspot.results import SweepResult
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import parse_spec, read_spec

__all__ = ["Sweep", "SweepResult", "Watcher"]


class Sweep:
    """One sweep: its declaration and the folder that its paths are relative to.

    Example:
        >>> sweep = Sweep(
        ...     name="quick",
        ...     data={"source": "sklearn:iris"},
        ...     space={"units": {"int": [4, 32]}},
        ...     search={"trials": 5},
        ... )
        >>> sweep.spec.search.trials
        5
    """

    def __init__(self, spec: SweepSpec | None = None, **keys: Any) -> None:
        """Declare a sweep by the keys of a sweep file.

        Args:
            spec: An already checked declaration; then no keys.
            **keys: As in a sweep file; the dimensions may be `Float`, `Int` and `Choice`.

        Raises:
            SpecError: Anything is wrong; all problems are in it. Or there are keys beside `spec`.
        """
        if spec is not None and keys:
            raise SpecError(
                f"Sweep: must be given a spec or keys, got both ({', '.join(keys)}); leave one out"
            )
        self.spec = spec or parse_spec(keys)
        self.path: Path | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a sweep file.

        Raises:
            SpecError: Anything is wrong with it; each problem with its line.
        """
        sweep = cls(read_spec(Path(path)))
        sweep.path = Path(path)
        return sweep

    def preview(self) -> Preview:
        """Load the data and say what the sweep will do, without TensorFlow.

        Raises:
            SpecError: The data cannot be used.
        """
        return preview(with_space(self.spec), self._dataset())

    def run(self, watcher: Watcher | None = None, *, fresh: bool = False) -> SweepResult:
        """Run the sweep, or go on with it, or show again what came of it.

        Args:
            watcher: Is shown the sweep while it runs.
            fresh: Whether to begin anew; what is journaled of a sweep of this name is set aside as
                `mlruns/<name>.before`, in place of what an earlier `fresh` set aside there.

        Raises:
            SpecError: The data cannot be used, or the journal is of a different sweep.
            TrialError: Trials keep failing for one reason.
            TrackingError: The tracking store cannot be used at all.
        """
        self.spec = with_space(self.spec)
        dataset = self._dataset()
        folder = HOME / self.spec.name
        if fresh and folder.exists():
            _set_aside(folder)
        with Journal(folder) as journal:
            check_fingerprint(self.spec, dataset, journal)
            watching = watcher or Nobody()
            shown = preview(self.spec, dataset)
            watching.planned(shown.name, shown.facts, shown.notes)
            return Driver(self.spec, self.path, dataset, journal, watching).run()

    def select(self, watcher: Watcher | None = None) -> SweepResult:
        """Choose the champion of a sweep that has been run, with `select` as it is now.

        No further trial is asked; finalists that lack a repeat are trained.

        Args:
            watcher: Is shown what is done.

        Raises:
            SpecError: The data cannot be used, or no trial of this sweep has ended.
            TrackingError: The tracking store cannot be used at all.
        """
        self.spec = with_space(self.spec)
        folder = HOME / self.spec.name
        if not (folder / JOURNAL).exists():
            raise SpecError(_nothing_to_select(folder, self.path))
        dataset = self._dataset()
        with Journal(folder) as journal:
            if not journal.results:
                raise SpecError(_nothing_to_select(folder, self.path))
            check_fingerprint(self.spec, dataset, journal)
            return Driver(self.spec, self.path, dataset, journal, watcher or Nobody()).select()

    def _dataset(self) -> Dataset:
        folder = self.path.parent if self.path else Path()
        return load_dataset(self.spec.data, task=self.spec.task, folder=folder)


def _nothing_to_select(folder: Path, path: Path | None) -> str:
    again = f"sweepspot run {path}" if path else "run()"
    return f"{folder}: must hold trials that have ended, got none; {again} trains them"


def _set_aside(folder: Path) -> None:
    """Put what a sweep remembers into `<name>.before`, while no other driver is at it."""
    before = folder.with_name(f"{folder.name}{BEFORE}")
    # Not by a `Journal`, which refuses one that is broken: starting over is the cure of that.
    with locked(folder):
        shutil.rmtree(before, ignore_errors=True)
        folder.rename(before)
