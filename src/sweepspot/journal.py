"""The journal: a sweep's only memory, one JSON object a line, on disk before anyone hears of it."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from sweepspot.errors import SpecError, SweepspotError
from sweepspot.folders import JOURNAL
from sweepspot.trial import (
    Losses,
    Trial,
    TrialResult,
    result_from_json,
    result_to_json,
    trial_from_json,
    trial_to_json,
)

__all__ = [
    "Journal",
    "Memory",
    "StoredLosses",
    "StoredRows",
    "locked",
    "read_losses",
    "relive",
]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StoredRows(Sequence[float]):
    """A vector that stays in its file: it is read when it becomes an array.

    Attributes:
        path: Of the `.npz`.
        offset: Of its first byte.
        shape: `(n_rows,)`.
        dtype: Of its values.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __array__(
        self,
        dtype: npt.DTypeLike | None = None,
        copy: bool | None = None,  # noqa: FBT001 - NumPy's own signature
    ) -> npt.NDArray[Any]:
        rows = np.fromfile(self.path, self.dtype, count=len(self), offset=self.offset)
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self)[index]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StoredLosses:
    """As `Losses`, each vector read when it is looked at."""

    train: StoredRows
    cv: StoredRows
    train_errors: StoredRows
    cv_errors: StoredRows


_NAMES = tuple(Losses.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What the lines of a journal say.

    Attributes:
        asked: Every trial asked, by number.
        results: Every result, by number, without its arrays.
        repeats: Results of finalists on fresh seeds, by `(number, repeat)`.
        notes: The latest value of each other thing remembered, by name.
    """

    asked: dict[int, Trial] = field(default_factory=dict)
    results: dict[int, TrialResult] = field(default_factory=dict)
    repeats: dict[tuple[int, int], TrialResult] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, result: TrialResult) -> None:
        """Remember a result, a trial's own or that of a repeat."""
        if result.trial.repeat:
            self.repeats[result.number, result.trial.repeat] = result
        else:
            self.results[result.number] = result


class Journal:
    """The journal of one sweep, held open by the one driver that may write it.

    Attributes:
        folder: `mlruns/<sweep>`: the journal, the losses and the weights.
        asked: Every trial asked so far, by number.
        results: Every result so far, by number, without its arrays.
        repeats: Results of finalists on fresh seeds, by `(number, repeat)`.
        notes: The latest value of each other thing remembered, by name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = _open(folder)
        try:
            self._memory = self._read()
        except SweepspotError:
            self._file.close()
            raise
        self.asked, self.results = self._memory.asked, self._memory.results
        self.repeats, self.notes = self._memory.repeats, self._memory.notes

    @property
    def path(self) -> Path:
        """Where the lines are."""
        return self.folder / JOURNAL

    @property
    def in_flight(self) -> list[Trial]:
        """Trials asked whose result is not known, in the order of their numbers."""
        return [trial for number, trial in sorted(self.asked.items()) if number not in self.results]

    def ask(self, trial: Trial) -> None:
        """Remember that a trial was asked."""
        self._append({"event": "ask", "trial": trial_to_json(trial)})
        self.asked[trial.number] = trial

    def result(self, result: TrialResult) -> None:
        """Remember a result: first its arrays, then its line."""
        if result.losses is not None:
            self._save_losses(result)
        self._append({"event": "result", "result": result_to_json(result)})
        self._memory.add(result.without_losses())

    def note(self, name: str, value: Any) -> None:
        """Remember one thing about the sweep, a JSON value; the latest of a name counts."""
        if name in self.notes and self.notes[name] == value:
            return
        self._append({"event": "note", "name": name, "value": value})
        self.notes[name] = value

    def losses(self, result: TrialResult) -> Losses | None:
        """Read the per-example values of a result back, None when it has none."""
        return read_losses(self.folder, result)

    def stored_losses(self, result: TrialResult) -> StoredLosses | None:
        """Find the per-example values of a result, None when it has none.

        They are read each time they are looked at, so those of a whole sweep, 160 kB a trial at
        the most rows, need not be in memory at once.
        """
        path = _losses_path(self.folder, result.trial)
        if result.J_cv is None or not path.exists():
            return None
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            starts = {name: archive.getinfo(f"{name}.npy").header_offset for name in _NAMES}
            return StoredLosses(**{name: _stored(file, start) for name, start in starts.items()})

    def close(self) -> None:
        """Let the next driver in."""
        # What a full disk refused is still in the buffer, and closing tries it once more; whoever
        # appended has been told.
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Memory:
        """Read every line; a torn last one, of a crash while writing, is cut off."""
        self._file.seek(0)
        data = self._file.read()
        memory = relive(self.path, data)
        self._file.truncate(data.rfind(b"\n") + 1)
        self._file.seek(0, os.SEEK_END)
        return memory

    def _append(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise SweepspotError(
                f"{self.path}: must be written before the sweep goes on, got {exc.strerror}; "
                "make room and run the same command again"
            ) from exc

    def _save_losses(self, result: TrialResult) -> None:
        path = _losses_path(self.folder, result.trial)
        half = path.with_suffix(".part")
        try:
            path.parent.mkdir(exist_ok=True)
            with half.open("wb") as file:
                np.savez(file, **_arrays(result.losses))
                file.flush()
                os.fsync(file.fileno())
            half.replace(path)
        except OSError as exc:
            raise SweepspotError(
                f"{path}: must be written before the sweep goes on, got {exc.strerror}; "
                "make room and run the same command again"
            ) from exc


def relive(path: Path, data: bytes) -> Memory:
    """Return what a journal says, also while its driver writes it.

    Args:
        path: Of the journal.
        data: What it holds; a last line without an end, torn or still being written, is left out.

    Raises:
        SpecError: A line is not one of a journal.
    """
    memory = Memory()
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            _remember(json.loads(line), memory)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise SpecError(
                f"{path}:{number}: must be a line of a journal, got {line[:40]!r}; "
                "restore it, or start over with run --fresh"
            ) from exc
    return memory


def _remember(record: Mapping[str, Any], memory: Memory) -> None:
    match record["event"]:
        case "ask":
            trial = trial_from_json(record["trial"])
            memory.asked[trial.number] = trial
        case "result":
            memory.add(result_from_json(record["result"]))
        case _:
            memory.notes[record["name"]] = record["value"]


def read_losses(folder: Path, result: TrialResult) -> Losses | None:
    """Read the per-example values of a result back, None when it has none.

    Args:
        folder: `mlruns/<sweep>`.
        result: One that its journal remembers.
    """
    path = _losses_path(folder, result.trial)
    if result.J_cv is None or not path.exists():
        return None
    with np.load(path) as arrays:
        return Losses(**{name: arrays[name] for name in _NAMES})


def _losses_path(folder: Path, trial: Trial) -> Path:
    return folder / "losses" / f"{trial.key}.npz"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every driver out of a sweep's folder, without a look at what its journal holds.

    Args:
        folder: `mlruns/<sweep>`; made when missing, with an empty journal.

    Raises:
        SweepspotError: A driver is at work there, or its file cannot be opened or locked.
    """
    with _open(folder):
        yield


def _open(folder: Path) -> BinaryIO:
    path = folder / JOURNAL
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as exc:
        raise SweepspotError(
            f"{path}: must be writable, got {exc.strerror}; free it or run elsewhere"
        ) from exc
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        raise SweepspotError(f"{path}: {_unlocked(exc)}") from exc
    return file


def _unlocked(exc: OSError) -> str:
    if isinstance(exc, BlockingIOError):
        return "only one driver at a time, another one is running; wait for it"
    return (
        "must be on a file system that can lock a file (flock), so that no second driver writes "
        f"it, got {exc.strerror}; run in a folder of a local disk"
    )


def _stored(file: BinaryIO, start: int) -> StoredRows:
    # `savez` does not compress, so an array lies in the file as it is, after the local header of
    # its member: 30 bytes, of which the last four say how long a name and an extra field follow.
    file.seek(start + 26)
    start += 30 + sum(struct.unpack("<HH", file.read(4)))
    file.seek(start)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return StoredRows(path=Path(file.name), offset=file.tell(), shape=shape, dtype=dtype)


def _arrays(losses: Losses | None) -> dict[str, Any]:
    return {name: getattr(losses, name) for name in _NAMES}
