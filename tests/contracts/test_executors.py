"""What every executor keeps to, whatever trains and wherever."""

import sys
from pathlib import Path

import numpy as np
import pytest

from sweepspot.executors.inline import InlineExecutor
from sweepspot.executors.processes import Limits, ProcessExecutor
from sweepspot.executors.worker import Job
from sweepspot.trial import State, Trial

# Workers import the trainer by name, from the path that they are given.
sys.path.append(str(Path(__file__).parents[1] / "executors"))


def inline(folder):
    from planned_training import make

    return InlineExecutor(make())


def processes(folder):
    (folder / "workers").mkdir()
    return ProcessExecutor(
        folder=folder / "workers",
        log=folder / "workers.log",
        job=lambda threads: Job("planned_training:make", {}, prunes=True),
        workers=2,
        cores=2,
        preload=["planned_training", "sweepspot.executors.worker"],
        limits=Limits(),
        adapts=False,
    )


@pytest.fixture(params=[inline, pytest.param(processes, marks=pytest.mark.slow)])
def executor(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


def trials(count, **params):
    return [Trial(number=n, params={"x": n / 10, **params}, seed=n, epochs=3) for n in range(count)]


def go_on(number, epoch, J_cv):
    return False


def train_all(executor, asked, report=go_on):
    """Train trials as the loop does, and return their results by number."""
    waiting, ended = list(asked), {}
    while waiting or len(ended) < len(asked):
        batch, waiting = waiting[: executor.free], waiting[executor.free :]
        executor.submit(batch)
        for result in executor.wait(report):
            assert result.number not in ended
            ended[result.number] = result
    return ended


def test_each_trial_comes_back_once_with_all_that_was_found(executor):
    asked = trials(7)

    ended = train_all(executor, asked)

    for trial in asked:
        result = ended[trial.number]
        assert (result.trial, result.state) == (trial, State.COMPLETE)
        assert result.J_cv == (trial.params["x"] - 0.3) ** 2 + 1 / 3
        drawn = np.random.default_rng(trial.seed).random(10_000, dtype=np.float32)
        assert np.array_equal(result.losses.cv, drawn)


def test_every_epoch_is_reported_in_order_before_the_result(executor):
    heard = {n: [] for n in range(4)}

    def report(number, epoch, J_cv):
        heard[number].append((epoch, J_cv))
        return False

    ended = train_all(executor, trials(4), report)

    for number, result in ended.items():
        assert heard[number] == list(enumerate(result.curve.J_cv, start=1))


def test_a_trial_that_is_pruned_stops_at_that_epoch(executor):
    ended = train_all(executor, trials(4), lambda number, epoch, J: number == 2 and epoch == 2)

    assert ended[2].state is State.PRUNED
    assert ended[2].epochs == 2
    assert {r.state for n, r in ended.items() if n != 2} == {State.COMPLETE}


def test_it_is_free_for_as_many_as_it_trains_at_once(executor):
    free = executor.free
    executor.submit(trials(free))

    busy = executor.free
    ended = executor.wait(go_on)

    assert free >= 1
    assert busy == 0
    assert executor.free == len(ended)


def test_without_a_trial_there_is_nothing_to_wait_for(executor):
    assert executor.wait(go_on) == []


def test_closing_drops_what_is_in_flight(executor):
    executor.submit(trials(1, does="hang"))

    executor.close()

    assert executor.wait(go_on) == []


def test_it_says_how_many_train(executor):
    assert executor.summary.split(",")[0].isdigit()
