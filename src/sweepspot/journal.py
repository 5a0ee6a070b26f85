"""The journal: a sweep's only memory, one JSON object a line, on disk before anyone hears of it."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from sweepspot.errors import SweepspotError
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

__all__ = ["Journal", "StoredLosses", "StoredRows", "locked"]


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
        self.asked: dict[int, Trial] = {}
        self.results: dict[int, TrialResult] = {}
        self.repeats: dict[tuple[int, int], TrialResult] = {}
        self.notes: dict[str, Any] = {}
        self._file = _open(folder)
        try:
            self._read()
        except SweepspotError:
            self._file.close()
            raise

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
        self._index(result.without_losses())

    def note(self, name: str, value: Any) -> None:
        """Remember one thing about the sweep, a JSON value; the latest of a name counts."""
        if name in self.notes and self.notes[name] == value:
            return
        self._append({"event": "note", "name": name, "value": value})
        self.notes[name] = value

    def losses(self, result: TrialResult) -> Losses | None:
        """Read the per-example values of a result back, None when it has none."""
        path = self._losses_path(result.trial)
        if result.J_cv is None or not path.exists():
            return None
        with np.load(path) as arrays:
            return Losses(**{name: arrays[name] for name in _NAMES})

    def stored_losses(self, result: TrialResult) -> StoredLosses | None:
        """Find the per-example values of a result, None when it has none.

        They are read each time they are looked at, so those of a whole sweep, 160 kB a trial at
        the most rows, need not be in memory at once.
        """
        path = self._losses_path(result.trial)
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

    def _read(self) -> None:
        """Read every line; a torn last one, of a crash while writing, is cut off."""
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                break
            self._relive(line, number)
            end += len(line)
        self._file.truncate(end)
        self._file.seek(end)

    def _relive(self, line: bytes, number: int) -> None:
        try:
            record = json.loads(line)
            match record["event"]:
                case "ask":
                    trial = trial_from_json(record["trial"])
                    self.asked[trial.number] = trial
                case "result":
                    self._index(result_from_json(record["result"]))
                case _:
                    self.notes[record["name"]] = record["value"]
        except (ValueError, KeyError, TypeError) as exc:
            raise SweepspotError(
                f"{self.path}:{number}: must be a line of a journal, got {line[:40]!r}; "
                "restore it, or start over with --fresh"
            ) from exc

    def _index(self, result: TrialResult) -> None:
        if result.trial.repeat:
            self.repeats[result.number, result.trial.repeat] = result
        else:
            self.results[result.number] = result

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

    def _losses_path(self, trial: Trial) -> Path:
        return self.folder / "losses" / f"{trial.key}.npz"

    def _save_losses(self, result: TrialResult) -> None:
        path = self._losses_path(result.trial)
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
