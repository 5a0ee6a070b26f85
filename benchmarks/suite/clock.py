"""Wall and CPU seconds, those of the whole process tree."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psutil

__all__ = ["Clock", "tree_cpu_s"]


def tree_cpu_s() -> float:
    """Return the CPU seconds of this process, of those that it started, and of those in turn.

    Processes that have ended count from when their parent has waited for them.
    """
    here = psutil.Process()
    total = 0.0
    for process in (here, *here.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


class Clock:
    """Marks moments of one process's measurement; what is paused counts for nothing."""

    def __init__(self) -> None:
        self.marks: dict[str, tuple[float, float, float]] = {}
        self._paused = (0.0, 0.0)

    def mark(self, name: str) -> None:
        """Remember this moment; a later one of the same name replaces it."""
        wall, cpu = self._paused
        self.marks[name] = (time.perf_counter() - wall, tree_cpu_s() - cpu, time.time())

    def once(self, name: str) -> None:
        """Remember this moment, unless there is one of this name."""
        if name not in self.marks:
            self.mark(name)

    def now(self) -> float:
        """Return the seconds on the clock."""
        return time.perf_counter() - self._paused[0]

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what only the measurement needs."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._paused = (
            self._paused[0] + time.perf_counter() - wall,
            self._paused[1] + time.process_time() - cpu,
        )

    def between(self, start: str, end: str) -> tuple[float, float]:
        """Return wall and CPU seconds from one mark to another."""
        first, last = self.marks[start], self.marks[end]
        return last[0] - first[0], last[1] - first[1]

    def times(self, began: str = "asked") -> dict[str, Any]:
        """Return what every side states: imports, search and whole, in seconds.

        Args:
            began: The mark at which the search began.
        """
        search, whole = self.between(began, "last"), self.between("began", "ended")
        return {
            "import_s": self.between("started", "imported")[0],
            "search_s": search[0],
            "search_cpu_s": search[1],
            "whole_s": whole[0],
            "whole_cpu_s": whole[1],
        }
