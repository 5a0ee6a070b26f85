"""The outbox: order, patience, and a sweep that goes on whatever the store does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sweepspot.errors import TrackingError
from sweepspot.protocols import Plan, RegisteredModel
from sweepspot.tracking.memory import MemoryTracker
from sweepspot.tracking.outbox import Outbox
from sweepspot.tracking.refused import RefusedError
from sweepspot.trial import Losses, State, Trial, TrialResult

PLAN = Plan(sweep="digits", experiment="demo")


class Store(MemoryTracker):
    """A store that is away while it has `failures` left, one for each call of record."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = list(failures)
        self.results: list[TrialResult] = []
        self.open = threading.Event()
        self.open.set()
        self.before_each: Callable[[], object] = lambda: None

    def record(self, result: TrialResult, name: str) -> None:
        self.open.wait(timeout=10)
        self.before_each()
        if self.failures:
            raise self.failures.pop(0)
        self.results.append(result)
        super().record(result, name)


def result(number: int) -> TrialResult:
    trial = Trial(number=number, params={}, seed=0, epochs=1)
    return TrialResult(trial=trial, state=State.COMPLETE)


def away(times: int) -> list[TrackingError]:
    return [TrackingError("tracking: the store does not answer")] * times


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def outbox(store: Store) -> Iterator[Outbox]:
    with Outbox(store, first_wait_s=0.01, longest_wait_s=0.05) as outbox:
        outbox.start(PLAN)
        yield outbox
        store.open.set()


def test_calls_arrive_in_order(store: Store, outbox: Outbox) -> None:
    for number in range(20):
        outbox.record(result(number), f"#{number}")
    outbox.annotate(19, tags={"sweepspot.label": "good_fit"})
    outbox.finish(State.COMPLETE)

    undelivered = outbox.drain(timeout_s=10)

    assert undelivered == 0
    assert outbox.problem is None
    assert [r.number for r in store.results] == list(range(20))
    assert list(store.runs.values())[-1].tags["sweepspot.label"] == "good_fit"
    assert next(iter(store.runs.values())).status == "FINISHED"


def test_the_driver_does_not_wait_for_a_slow_store(store: Store, outbox: Outbox) -> None:
    store.open.clear()
    started = time.monotonic()

    for number in range(100):
        outbox.record(result(number), f"#{number}")
    waiting = outbox.drain(timeout_s=0)

    assert time.monotonic() - started < 1
    assert waiting == 100


def test_a_store_that_comes_back_gets_everything_in_order(store: Store, outbox: Outbox) -> None:
    store.failures += away(4)

    outbox.record(result(0), "#0")
    outbox.record(result(1), "#1")

    assert outbox.drain(timeout_s=10) == 0
    assert [r.number for r in store.results] == [0, 1]
    assert outbox.problem == "tracking: the store does not answer"


def test_a_store_that_goes_on_is_waited_for(store: Store, outbox: Outbox) -> None:
    pauses = threading.Event()
    store.before_each = lambda: pauses.wait(timeout=0.05)
    for number in range(20):
        outbox.record(result(number), f"#{number}")

    # All of it takes a second, each call less than the patience.
    assert outbox.deliver(patience_s=0.5) == 0
    assert [r.number for r in store.results] == list(range(20))


def test_a_store_that_stands_still_is_given_up(store: Store, outbox: Outbox) -> None:
    store.open.clear()
    for number in range(3):
        outbox.record(result(number), f"#{number}")

    assert outbox.deliver(patience_s=0.05) == 3


def test_draining_asks_again_soon() -> None:
    store = Store(*away(1))
    with Outbox(store, first_wait_s=0.01, longest_wait_s=60) as outbox:
        outbox.start(PLAN)
        store.failures += away(12)
        outbox.record(result(0), "#0")

        assert outbox.drain(timeout_s=10) == 0


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (RefusedError("tracking: refused"), "tracking: refused"),
        (KeyError("units"), "tracking: KeyError: 'units'"),
    ],
)
def test_a_call_that_is_refused_is_counted_and_the_rest_goes_on(
    store: Store, outbox: Outbox, failure: Exception, problem: str
) -> None:
    store.failures.append(failure)

    outbox.record(result(0), "#0")
    outbox.record(result(1), "#1")

    assert outbox.drain(timeout_s=10) == 1
    assert [r.number for r in store.results] == [1]
    assert outbox.problem == problem


def test_arrays_do_not_wait_with_their_result(store: Store, outbox: Outbox) -> None:
    row = np.zeros(1, np.float32)
    losses = Losses(train=row, cv=row, train_errors=row, cv_errors=row)
    trial = result(0).trial

    outbox.record(TrialResult(trial=trial, state=State.COMPLETE, losses=losses), "#0")

    outbox.drain(timeout_s=10)
    assert store.results[0].losses is None


def model(folder: Path) -> RegisteredModel:
    code = folder / "code.py"
    code.write_text("")
    return RegisteredModel(
        name="digits",
        code=code,
        artifacts={},
        requirements=(),
        input_example=None,
        columns=(),
        output="integer",
        tags={},
        description="",
    )


def test_registering_comes_after_what_waits(store: Store, outbox: Outbox, tmp_path: Path) -> None:
    outbox.record(result(0), "#0")

    version = outbox.register(model(tmp_path), 0)

    assert version == "1"
    assert store.champions["digits"].output == "integer"


def test_registering_with_a_store_that_is_away_says_so(
    store: Store, outbox: Outbox, tmp_path: Path
) -> None:
    store.failures += away(1000)
    outbox.record(result(0), "#0")

    with pytest.raises(TrackingError, match="does not answer"):
        outbox.register(model(tmp_path), 0)


def test_registering_does_not_wait_for_what_is_posted_meanwhile(
    store: Store, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.record(result(0), "#0")
    deliver = outbox.deliver
    painter = threading.Thread(target=outbox.record, args=(result(1), "#1"))

    def deliver_and_paint(patience_s: float) -> int:
        waiting = deliver(patience_s)
        store.failures += away(10)
        painter.start()
        painter.join(timeout=0.1)
        return waiting

    monkeypatch.setattr(outbox, "deliver", deliver_and_paint)

    assert outbox.register(model(tmp_path), 0) == "1"
    painter.join()


def test_a_closed_outbox_delivers_no_more(store: Store) -> None:
    store.failures += away(1000)
    with Outbox(store, first_wait_s=0.01) as outbox:
        outbox.start(PLAN)
        outbox.record(result(0), "#0")

    assert outbox.drain(timeout_s=0) == 1
    assert store.results == []
