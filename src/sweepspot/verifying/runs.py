"""Which run is to be verified: found by its name, with its sweep, its data and its verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweepspot.advice import Remembered, load_sweep
from sweepspot.advice.remembering import judged
from sweepspot.datasets import Dataset, load_dataset
from sweepspot.diagnosis import Verdict
from sweepspot.errors import SpecError
from sweepspot.folders import HOME, JOURNAL
from sweepspot.preview import with_space
from sweepspot.provenance import changed_parts
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import read_spec
from sweepspot.trial import TrialResult, run_id

__all__ = ["SweptTrial", "find_trial"]

_NAMED = re.compile(r"(?P<sweep>[A-Za-z0-9][A-Za-z0-9_.-]*)[#/](?P<number>\d+)")
_TRACKED = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SweptTrial:
    """A trial of a sweep that was run here, with all that is needed to train it again.

    Attributes:
        spec: The sweep, as its file is now.
        folder: `mlruns/<sweep>`.
        dataset: What the sweep is about.
        result: What came of the trial.
        verdict: Its verdict.
        sweep_id: Under which its runs are tracked.
    """

    spec: SweepSpec
    folder: Path
    dataset: Dataset
    result: TrialResult
    verdict: Verdict
    sweep_id: str

    @property
    def name(self) -> str:
        """How the trial is named: `digits#017`."""
        return f"{self.spec.name}{run_id(self.result.number)}"


def find_trial(run: str, home: Path = HOME) -> SweptTrial:
    """Return the trial that a person named.

    Args:
        run: `digits#17`, `digits/17`, or the id of the trial's run in MLflow.
        home: The folder in which sweeps keep their journals.

    Raises:
        SpecError: There is no such sweep or trial, or its sweep file or data are not as they were.
        TrackingError: The tracking store does not answer.
    """
    sweep, number = _named(run, home)
    folder = home / sweep
    if not (folder / JOURNAL).exists():
        raise SpecError(
            f"{run}: must name a sweep that was run here, got {sweep!r}; {_there_are(home)}"
        )
    remembered, dataset = _as_it_was(run, load_sweep(folder), folder)
    if number not in remembered.results:
        raise SpecError(
            f"{run}: must be a trial that has ended, {_numbers(sorted(remembered.results))}, "
            f"got {run_id(number)}; choose one of them"
        )
    return SweptTrial(
        spec=remembered.spec,
        folder=folder,
        dataset=dataset,
        result=remembered.results[number],
        verdict=judged(remembered)[run_id(number)],
        sweep_id=remembered.notes["sweep_id"],
    )


def _named(run: str, home: Path) -> tuple[str, int]:
    if named := _NAMED.fullmatch(run):
        return named["sweep"], int(named["number"])
    if not _TRACKED.fullmatch(run):
        raise SpecError(
            f"{run}: must be SWEEP#NUMBER, as digits#17, or the id of a trial's run in MLflow; "
            f"{_there_are(home)}"
        )
    # Imported here: MLflow takes seconds, and most runs are named by their sweep.
    from sweepspot.tracking.lookup import trial_of_run  # noqa: PLC0415

    return trial_of_run(run)


def _as_it_was(run: str, remembered: Remembered, folder: Path) -> tuple[Remembered, Dataset]:
    """Return the sweep by its file as it is now, and its data, if both fit its trials."""
    if not {"file", "fingerprint"} <= remembered.notes.keys():
        raise SpecError(
            f"{run}: its journal must say where the sweep file is, got one of an earlier version; "
            "run sweepspot run on the file once more, which adds it"
        )
    file = remembered.notes["file"]
    if file is not None:
        if not Path(file).exists():
            raise SpecError(
                f"{run}: its sweep file must be at {file}, got no such file; "
                "put it back, or run the sweep from where it is now"
            )
        remembered = replace(remembered, spec=with_space(read_spec(Path(file))))
    spec = remembered.spec
    dataset = load_dataset(
        spec.data, task=spec.task, folder=Path(file).parent if file is not None else Path()
    )
    if changed := changed_parts(spec, dataset, remembered.notes["fingerprint"]):
        raise SpecError(
            f"{run}: {', '.join(changed)} must be as when {folder / JOURNAL} was written, "
            f"got something else; put {'the data' if changed == ['data'] else file} back as before"
        )
    return remembered, dataset


def _there_are(home: Path) -> str:
    names = sorted(path.parent.name for path in home.glob(f"*/{JOURNAL}"))
    return f"there are {', '.join(names)}" if names else f"there is none in {home}"


def _numbers(ended: Sequence[int]) -> str:
    if not ended:
        return "of which there are none yet"
    gaps = len(ended) < ended[-1] - ended[0] + 1
    return f"{run_id(ended[0])} to {run_id(ended[-1])}" + (" with gaps" if gaps else "")
