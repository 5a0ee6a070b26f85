"""What several workers gain over one, measured while they train."""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable

__all__ = ["ALIKE", "MEASUREMENTS", "MOST_ATTEMPTS", "MOST_MEASUREMENTS", "WORTH", "Gain"]

WORTH = 1.1
"""Workers that together are not this many times as fast as one are more trouble than they save."""

MOST_EPOCHS = 4
"""Epochs timed with the others at work, and again with the others paused, where they are short."""

LONG_S = 0.25
"""Seconds of epochs that are enough; a longer one is timed by itself."""

MEASUREMENTS = 3
"""Times that is done at least; the median counts."""

MOST_MEASUREMENTS = 15
"""Times that is done at most, where epochs are so short that chance has a say in each."""

ENOUGH_S = 1.0
"""Seconds timed alone, in all, after which chance has none."""

ALIKE = 5
"""Measurements that suffice if all say that the workers are worth it, or all that they are not.

Where half of them would say the one and half the other, as many agree once in sixteen times.
"""

MOST_ATTEMPTS = 20
"""Trials may end before they are timed; then it is tried again, this often."""

TRAINING = 0.75
"""Share of the workers that must be past the first epoch of their trials."""


class Gain:
    """Times the epochs of one trial with the other workers at work, then with these paused.

    Both times are of the same network, data and process, so their ratio is what the workers cost
    one another: cores that are not there, memory that is too slow, another job's load. `n` workers
    train `n * alone / together` times as fast as one. A trial needs five epochs to be timed where
    one takes a quarter of a second, else up to fourteen.

    Args:
        workers: How many train at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._stamps: dict[Hashable, list[float]] = {}
        self._subject: Hashable | None = None
        self._awaited: set[Hashable] = set()
        self._epochs = MOST_EPOCHS
        self._together_s = 0.0
        self._gains: list[float] = []
        self._alone_s = 0.0
        self._attempts = 0
        self._results_to_come = 0

    @property
    def measured(self) -> float | None:
        """How many times as fast as one worker; None until that is known."""
        count, worth = len(self._gains), sum(gain >= WORTH for gain in self._gains)
        enough = self._alone_s >= ENOUGH_S and count >= MEASUREMENTS
        alike = count >= ALIKE and worth in (0, count)
        if enough or alike or count == MOST_MEASUREMENTS:
            return statistics.median(self._gains)
        return None

    @property
    def subject(self) -> Hashable | None:
        """The worker that trains alone at the moment, if one does: the others are to pause."""
        return self._subject

    def started(self, worker: Hashable) -> None:
        """Hear that a worker has been given a trial."""
        self._stamps[worker] = []

    def epoch(self, worker: Hashable, at_s: float, *, left: int) -> None:
        """Hear of an epoch.

        Args:
            worker: Which one trained it.
            at_s: When it ended.
            left: How many epochs the trial may still train.
        """
        stamps = self._stamps.setdefault(worker, [])
        stamps.append(at_s)
        if self._subject is None:
            self._perhaps_begin(worker, stamps, left)
        elif worker == self._subject and not self._awaited and len(stamps) > self._epochs:
            alone_s = stamps[-1] - stamps[-1 - self._epochs]
            self._gains.append(self._workers * alone_s / self._together_s)
            self._alone_s += alone_s
            self._end()

    def paused(self, worker: Hashable) -> None:
        """Hear that a worker pauses."""
        self._awaited.discard(worker)
        if self._subject is not None and not self._awaited:
            self._stamps[self._subject] = []

    def ended(self, worker: Hashable) -> None:
        """Hear that a worker's trial, or the worker, has ended."""
        self._results_to_come -= 1
        self._stamps.pop(worker, None)
        if worker == self._subject:
            self._end()
        elif worker in self._awaited:
            self.paused(worker)

    def _perhaps_begin(self, worker: Hashable, stamps: list[float], left: int) -> None:
        done = self.measured is not None or self._attempts == MOST_ATTEMPTS
        epochs = _epochs_to_time(stamps)
        if done or self._results_to_come > 0 or left < 2 * epochs or len(stamps) < epochs + 2:
            return
        # The others compute too while they build and trace, but not long, and in another way.
        training = sum(len(seen) > 1 for seen in self._stamps.values())
        if len(self._stamps) < self._workers or training < TRAINING * self._workers:
            return
        self._attempts += 1
        self._subject = worker
        self._awaited = self._stamps.keys() - {worker}
        self._epochs = epochs
        self._together_s = max(1e-9, stamps[-1] - stamps[-1 - epochs])

    def _end(self) -> None:
        self._subject = None
        self._awaited = set()
        self._results_to_come = self._workers
        # What was timed with others paused, or across a pause, is no pace.
        self._stamps = {worker: [] for worker in self._stamps}


def _epochs_to_time(stamps: list[float]) -> int:
    """Return how many epochs are enough, by one that is not timed: else slow ones would be."""
    if len(stamps) < 2:
        return MOST_EPOCHS
    return min(MOST_EPOCHS, math.ceil(LONG_S / max(1e-9, stamps[1] - stamps[0])))
