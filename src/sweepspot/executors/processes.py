"""The process executor: trials are trained by worker processes that stay warm between them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_any
from pathlib import Path
from typing import cast

import psutil

from sweepspot.errors import SweepspotError
from sweepspot.executors.forkserver import ForkServer
from sweepspot.executors.gain import WORTH, Gain
from sweepspot.executors.worker import (
    Answer,
    Epoch,
    Gate,
    Job,
    Paused,
    Ready,
    Result,
    Train,
    Trouble,
)
from sweepspot.protocols import Report
from sweepspot.trial import State, Trial, TrialResult

__all__ = ["Limits", "ProcessExecutor"]

MOST_DEATHS = 2
"""Workers that a trial may cost before it counts as failed."""

MOST_FAILED_STARTS = 3
"""Workers in a row that end before they are ready."""

COMPUTING = 0.01
"""Share of a core above which a silent worker counts as computing; a busy machine leaves little."""

MANY_TIMES = 20
"""A worker may be silent this many times as long as the longest epoch so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When a worker is ended.

    Attributes:
        quiet_s: Seconds without an epoch or a result, and without computing: it hangs.
        busy_s: Seconds without either while it computes; longer where epochs are.
        memory: Bytes that it may hold after a trial and stay, None for any.
        growth: Bytes that it may hold more of than after its first trial and stay.
    """

    quiet_s: float = 600.0
    busy_s: float = 6 * 3600.0
    memory: int | None = None
    growth: int = 512 * 2**20

    def is_over(self, first: int, now: int) -> bool:
        """Tell whether a worker holds too much, in bytes after its first trial and now."""
        return now - first > self.growth or (self.memory is not None and now > self.memory)


@dataclass(kw_only=True, eq=False)
class _Worker:
    """A worker as the driver sees it.

    Attributes:
        pid: Its process.
        connection: To it.
        prunes: Whether it waits for an answer after each epoch.
        trial: What it trains, None when it is idle.
        ready: Whether its trainer is made.
        outdated: Whether it is ended after its trial.
        paused: Whether its gate is closed.
        first_memory: Bytes that it held after its first trial, None before that.
        heard_s: When it last said something.
        looked: When its use of the processor was last read, and the seconds used by then.
    """

    pid: int
    connection: Connection
    prunes: bool
    trial: Trial | None = None
    ready: bool = False
    outdated: bool = False
    paused: bool = False
    first_memory: int | None = None
    heard_s: float = field(default_factory=time.monotonic)
    looked: tuple[float, float] | None = None

    def heard(self) -> None:
        """Remember that it lives."""
        self.heard_s, self.looked = time.monotonic(), None

    def why_stuck(self, limits: Limits, longest_s: float) -> str | None:
        """Say why it counts as stuck, None while it does not."""
        now = time.monotonic()
        silent_s = now - self.heard_s
        if self.paused or not (self.trial or not self.ready) or silent_s < limits.quiet_s / 4:
            return None
        if silent_s > max(limits.busy_s, MANY_TIMES * longest_s):
            return f"no epoch ended in {silent_s:.0f} s"
        used_s = _processor_s(self.pid)
        if self.looked is None:
            self.looked = now, used_s
        since_s, used_before_s = self.looked
        if now - since_s < limits.quiet_s:
            return None
        if used_s - used_before_s < COMPUTING * (now - since_s):
            return f"nothing was computed for {now - since_s:.0f} s"
        self.looked = now, used_s
        return None


class ProcessExecutor:
    """Trains in worker processes; results come in the order in which trials end.

    A trial whose worker dies or hangs is trained once more, under its own number and seed, and
    has failed when that happens again.

    Args:
        folder: Of the workers' files; removed at the end.
        log: Is given what the workers print.
        job: Says for a number of threads how a worker makes its trainer.
        workers: How many train at once.
        cores: How many cores they share.
        preload: Modules that all workers need.
        limits: When a worker is ended.
        adapts: Whether to go on with one worker, should several not gain enough.
    """

    def __init__(
        self,
        *,
        folder: Path,
        log: Path,
        job: Callable[[int], Job],
        workers: int,
        cores: int,
        preload: Sequence[str],
        limits: Limits,
        adapts: bool,
    ) -> None:
        self._folder = folder
        self._job = job
        self._asked = workers
        self._count = workers
        self._cores = cores
        self._limits = limits
        self._gain = Gain(workers) if adapts else None
        self._server = ForkServer(log, preload)
        self._workers: list[_Worker] = []
        self._waiting: list[Trial] = []
        self._ended: list[TrialResult] = []
        self._deaths: dict[str, int] = {}
        self._failed_starts = 0
        self._longest_s = 0.0
        self._looked_s = time.monotonic()

    @property
    def free(self) -> int:
        """How many more trials find an idle worker; 0 while what they gain is measured."""
        if self._gain and self._gain.subject:
            return 0
        return max(0, self._count - self._in_flight)

    @property
    def summary(self) -> str:
        """How many workers trained, and what they gained."""
        if self._gain is None:
            return f"{self._asked}, as asked"
        gained = self._gain.measured
        if gained is None:
            return f"{self._asked}, trials too short to measure what they gain"
        if self._count < self._asked:
            return f"1, because {self._asked} measured {gained:.1f}x one"
        return f"{self._asked}, measured {gained:.1f}x one"

    def submit(self, trials: Sequence[Trial]) -> None:
        """Hand trials to idle workers."""
        self._waiting.extend(trials)
        self._assign()

    def wait(self, report: Report) -> list[TrialResult]:
        """Answer the workers until at least one trial has ended; empty when none is in flight.

        Raises:
            SweepspotError: No worker can be started.
            RuntimeError: A trainer raised, which is a mistake of ours.
        """
        while self._in_flight and not self._ended:
            self._assign()
            by_connection = {worker.connection: worker for worker in self._workers}
            patience_s = min(30.0, self._limits.quiet_s / 4)
            for connection in wait_for_any(list(by_connection), timeout=patience_s):
                worker = by_connection[cast("Connection", connection)]
                # What another one has said may have been the end of this one.
                if worker in self._workers:
                    self._hear(worker, report)
            self._end_the_stuck()
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """End the workers, whatever they are at, and remove their files."""
        self._server.close()
        for worker in self._workers:
            worker.connection.close()
        self._workers, self._waiting = [], []
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _in_flight(self) -> int:
        return len(self._waiting) + sum(worker.trial is not None for worker in self._workers)

    def _assign(self) -> None:
        """Give what waits to idle workers, and start those that are missing."""
        if self._gain and self._gain.subject:
            return
        while self._waiting and (worker := self._idle()):
            worker.trial = self._waiting.pop(0)
            worker.heard()
            self._send(worker, Train(worker.trial))
            if self._gain:
                self._gain.started(worker.pid)

    def _idle(self) -> _Worker | None:
        found = next((worker for worker in self._workers if worker.trial is None), None)
        if found is None and len(self._workers) < self._count:
            found = self._start()
        return found

    def _start(self) -> _Worker:
        pid, connection = self._server.fork()
        job = self._job_of_each()
        worker = _Worker(pid=pid, connection=connection, prunes=job.prunes)
        self._workers.append(worker)
        self._send(worker, job)
        return worker

    def _hear(self, worker: _Worker, report: Report) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if worker.ready and worker.trial:
            self._longest_s = max(self._longest_s, time.monotonic() - worker.heard_s)
        worker.heard()
        match message:
            case Ready():
                worker.ready, self._failed_starts = True, 0
            case Epoch():
                self._hear_epoch(worker, message, report)
            case Paused():
                self._measure(lambda gain: gain.paused(worker.pid))
            case Result(result, memory):
                self._hear_result(worker, result, memory)
            case Trouble(text, traceback):
                raise (
                    RuntimeError(f"in a worker: {text}\n{traceback}")
                    if traceback
                    else (SweepspotError(text))
                )

    def _hear_epoch(self, worker: _Worker, seen: Epoch, report: Report) -> None:
        prune = report(seen.number, seen.epoch, seen.J_cv)
        if worker.prunes:
            self._send(worker, Answer(prune))
        left = worker.trial.epochs - seen.epoch if worker.trial else 0
        self._measure(lambda gain: gain.epoch(worker.pid, seen.at_s, left=left))

    def _hear_result(self, worker: _Worker, result: TrialResult, memory: int) -> None:
        self._ended.append(result)
        worker.trial = None
        self._measure(lambda gain: gain.ended(worker.pid))
        if worker.first_memory is None:
            worker.first_memory = memory
        if worker.outdated or self._limits.is_over(worker.first_memory, memory):
            self._let_go(worker)

    def _measure(self, tell: Callable[[Gain], None]) -> None:
        """Tell of something, and open or close the gates accordingly."""
        if self._gain is None or self._gain.measured:
            return
        tell(self._gain)
        subject = self._gain.subject
        for worker in self._workers:
            pauses = subject is not None and worker.pid != subject
            if pauses != worker.paused:
                worker.paused = pauses
                worker.heard()
                self._send(worker, Gate(not pauses))
        if (self._gain.measured or WORTH) < WORTH:
            self._go_on_with_one()

    def _go_on_with_one(self) -> None:
        before = self._job_of_each()
        self._count = 1
        # One that computes with all the cores has to be another one.
        kept = self._workers[:1] if self._job_of_each() == before else []
        for worker in [w for w in self._workers if w not in kept]:
            worker.outdated = True
            if worker.trial is None:
                self._let_go(worker)

    def _job_of_each(self) -> Job:
        return self._job(max(1, self._cores // self._count))

    def _let_go(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        self._server.exit_code(worker.pid)

    def _end_the_stuck(self) -> None:
        slept_s = time.monotonic() - self._looked_s
        self._looked_s += slept_s
        if slept_s > self._limits.quiet_s / 2:
            # The driver was stopped itself, as by Ctrl-Z, and its workers with it.
            for worker in self._workers:
                worker.heard()
        for worker in list(self._workers):
            if because := worker.why_stuck(self._limits, self._longest_s):
                os.kill(worker.pid, signal.SIGKILL)
                self._bury(worker, because)

    def _bury(self, worker: _Worker, because: str = "") -> None:
        """Take note of a worker's death: its trial waits again, or has failed."""
        self._workers.remove(worker)
        worker.connection.close()
        self._measure(lambda gain: gain.ended(worker.pid))
        because = because or _cause(self._server.exit_code(worker.pid))
        if not worker.ready:
            self._failed_starts += 1
        if self._failed_starts == MOST_FAILED_STARTS:
            raise SweepspotError(
                f"workers: must start, got {MOST_FAILED_STARTS} in a row that did not, of the last "
                f"{because}; see {self._server.log}, or train in the driver with workers: 1"
            )
        if worker.trial is None:
            return
        key = worker.trial.key
        self._deaths[key] = self._deaths.get(key, 0) + 1
        if self._deaths[key] < MOST_DEATHS:
            self._waiting.insert(0, worker.trial)
            return
        self._ended.append(
            TrialResult(
                trial=worker.trial,
                state=State.FAILED,
                reason=f"its worker was lost {MOST_DEATHS} times, the last time: {because}",
            )
        )

    def _send(self, worker: _Worker, message: object) -> None:
        # One that has died is noticed when it is read from.
        try:
            worker.connection.send(message)
        except OSError:
            return


def _processor_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _cause(code: int | None) -> str:
    if code is None:
        return "it is not known why"
    if code >= 0:
        return f"it ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"it was ended by {name}{hint}"
