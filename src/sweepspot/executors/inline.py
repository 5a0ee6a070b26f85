"""The inline executor: trials are trained in the driver, one group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sweepspot.protocols import Report, Trainer
from sweepspot.trial import Trial, TrialResult

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """Trains in the calling thread, so a sweep is serial and repeatable."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._waiting: list[Trial] = []
        self._running: Iterator[TrialResult] = iter(())
        self._in_flight = 0
        self._broken: Exception | None = None

    @property
    def free(self) -> int:
        """One when nothing is in flight, else none."""
        return 0 if self._in_flight else 1

    @property
    def summary(self) -> str:
        """One, in the driver."""
        return "1, in the driver"

    def submit(self, trials: Sequence[Trial]) -> None:
        """Take on trials; they are trained by the next `wait`."""
        self._waiting.extend(trials)
        self._in_flight += len(trials)

    def wait(self, report: Report) -> list[TrialResult]:
        """Train until one trial has ended, and return it; empty when nothing was submitted."""
        if not self._in_flight:
            return []
        if self._waiting:
            self._running = iter(self._trainer.train(self._waiting, self._noticing(report)))
            self._waiting = []
        result = next(self._running)
        if self._broken is not None:
            raise self._broken
        self._in_flight -= 1
        if not self._in_flight:
            # Let the trainer finish what it does after its last result.
            next(self._running, None)
        return [result]

    def close(self) -> None:
        """Forget what is in flight."""
        self._waiting, self._running, self._in_flight = [], iter(()), 0

    def _noticing(self, report: Report) -> Report:
        """Keep what `report` raises: to the trainer it is one more failure of the trial's code."""

        def hear(number: int, epoch: int, J_cv: float) -> bool:
            try:
                return report(number, epoch, J_cv)
            except Exception as exc:
                self._broken = exc
                raise

        return hear
