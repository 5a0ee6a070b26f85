"""A tracker's calls, delivered in order from a thread of their own: a sweep waits for no store."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from sweepspot.errors import TrackingError
from sweepspot.protocols import Plan, RegisteredModel, Reigning, Tracker
from sweepspot.tracking.refused import RefusedError
from sweepspot.trial import State, TrialResult

__all__ = ["Outbox"]


class Outbox:
    """Takes a tracker's calls at once and makes them later, each until the store has answered.

    A call that the store refuses is given up and counted; one that it does not answer is tried
    again, and what comes after it waits. `start`, `register` and `reigning` return something, so
    they wait their turn and raise.

    Example:
        >>> from sweepspot.tracking.memory import MemoryTracker
        >>> with Outbox(MemoryTracker()) as outbox:
        ...     run_id = outbox.start(Plan(sweep="digits", experiment="demo"))
        ...     outbox.finish(State.COMPLETE)
        ...     outbox.drain(timeout_s=5)
        0
    """

    def __init__(
        self, tracker: Tracker, *, first_wait_s: float = 0.5, longest_wait_s: float = 30.0
    ) -> None:
        """Begin to deliver.

        Args:
            tracker: Its calls are made by one thread at a time, never two.
            first_wait_s: Pause after a store has not answered; doubled each time.
            longest_wait_s: No pause is longer.
        """
        self._tracker = tracker
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._calls: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._answers = 0
        self._refused = 0
        self._problem: str | None = None
        self._drains = 0
        self._closed = False
        self._thread = threading.Thread(target=self._deliver, name="outbox", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """What the store last said or failed to say, in one line; None when all went well."""
        return self._problem

    def start(self, plan: Plan) -> str:
        """Find or make the parent run now, and return its id.

        Raises:
            TrackingError: The store cannot be used, or does not answer.
        """
        with self._turn:
            return self._tracker.start(plan)

    def record(self, result: TrialResult, name: str) -> None:
        """Write one trial, or one repeat of a finalist, in its turn."""
        # Its arrays would stay in memory for as long as the store is away.
        self._post(partial(self._tracker.record, result.without_losses(), name))

    def annotate(
        self,
        number: int | None,
        *,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        description: str | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> None:
        """Add to a trial's run, or to the parent run, in its turn; files are read then."""
        self._post(
            partial(
                self._tracker.annotate,
                number,
                tags=tags,
                metrics=metrics,
                description=description,
                files=files,
            )
        )

    def register(self, model: RegisteredModel, number: int) -> str:
        """Deliver what waits, then register the model now.

        Returns:
            The version in the registry.

        Raises:
            TrackingError: Calls wait for a store that does not answer, or it refuses the model.
        """
        with self._changed:
            # One lock for both: what another thread posts meanwhile comes after.
            self.deliver(patience_s=self._longest_wait_s)
            if self._calls:
                raise TrackingError(f"{self._problem or 'tracking: the store is slow'}")
        with self._turn:
            return self._tracker.register(model, number)

    def reigning(self, name: str) -> Reigning | None:
        """Ask now which version of a registered name is the champion.

        Raises:
            TrackingError: The store does not answer, or refuses.
        """
        with self._turn:
            return self._tracker.reigning(name)

    def finish(self, state: State | None) -> None:
        """Close the parent run, in its turn."""
        self._post(partial(self._tracker.finish, state))

    def drain(self, timeout_s: float) -> int:
        """Wait until everything is delivered, at most so long.

        Args:
            timeout_s: Seconds; 0 only counts.

        Returns:
            How many calls were not delivered: those that wait, and those that were refused.
        """
        with self._changed:
            self._wait(lambda: not self._calls, timeout_s)
            return len(self._calls) + self._refused

    def deliver(self, patience_s: float) -> int:
        """Wait until everything is delivered, however much it is, while the store goes on.

        Args:
            patience_s: Seconds without an answer after which it is given up.

        Returns:
            As `drain`.
        """
        with self._changed:
            answers = -1
            while self._calls and answers != self._answers:
                answers = self._answers
                self._wait(lambda: self._answers != answers, patience_s)  # noqa: B023 - called now
        return self.drain(timeout_s=0)

    def close(self) -> None:
        """Stop delivering; what waits is dropped, and the journal still has it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=self._first_wait_s)

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, what: Callable[[], bool], timeout_s: float) -> None:
        self._drains += 1
        self._changed.notify_all()
        self._changed.wait_for(what, timeout=timeout_s)
        self._drains -= 1

    def _post(self, call: Callable[[], None]) -> None:
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def _deliver(self) -> None:
        wait_s = self._first_wait_s
        while (call := self._next()) is not None:
            if self._answered(call):
                wait_s = self._first_wait_s
                with self._changed:
                    self._calls.popleft()
                    self._answers += 1
                    self._changed.notify_all()
            else:
                self._pause(wait_s)
                wait_s = min(2 * wait_s, self._longest_wait_s)

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closed)
            return None if self._closed else self._calls[0]

    def _answered(self, call: Callable[[], None]) -> bool:
        try:
            with self._turn:
                call()
        except RefusedError as exc:
            self._give_up(str(exc))
        except TrackingError as exc:
            self._problem = str(exc)
            return False
        except Exception as exc:
            # Whatever is wrong with one call, the sweep and the other calls go on.
            self._give_up(f"tracking: {type(exc).__name__}: {exc}")
        return True

    def _give_up(self, problem: str) -> None:
        self._problem = problem
        self._refused += 1

    def _pause(self, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        with self._changed:
            # Somebody who waits for us would rather have the store asked again soon.
            while (left := deadline - time.monotonic()) > 0 and not self._closed:
                self._changed.wait(min(left, self._first_wait_s) if self._drains else left)
                if self._drains:
                    return
