"""Workers that die, hang, grow, or outlive their driver: real processes, a planned trainer."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sweepspot.errors import SweepspotError
from sweepspot.executors.forkserver import ForkServer
from sweepspot.executors.processes import Limits, ProcessExecutor
from sweepspot.executors.worker import Job
from sweepspot.trial import State, Trial

# Each starts processes that import what workers need.
pytestmark = pytest.mark.slow

sys.path.append(str(Path(__file__).parent))


def executor_in(
    folder, *, factory="make", workers=2, limits=None, adapts=False, takes_threads=False
):
    (folder / "workers").mkdir()
    return ProcessExecutor(
        folder=folder / "workers",
        log=folder / "workers.log",
        job=lambda threads: Job(
            f"planned_training:{factory}", {"threads": threads} if takes_threads else {}
        ),
        workers=workers,
        cores=2,
        preload=["planned_training", "sweepspot.executors.worker"],
        limits=limits or Limits(),
        adapts=adapts,
    )


@pytest.fixture
def make(tmp_path):
    """Return a function that makes an executor, closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def made(**options):
            return stack.enter_context(contextlib.closing(executor_in(tmp_path, **options)))

        yield made


def trial(number, epochs=3, **params):
    return Trial(number=number, params={"tells": True, **params}, seed=number, epochs=epochs)


def train_all(executor, asked):
    waiting, ended = list(asked), {}
    while waiting or len(ended) < len(asked):
        batch, waiting = waiting[: executor.free], waiting[executor.free :]
        executor.submit(batch)
        ended |= {r.number: r for r in executor.wait(lambda *epoch: False)}
    return ended


@pytest.mark.parametrize("does", ["die_once", "exit_once"])
def test_a_trial_whose_worker_dies_is_trained_again(make, tmp_path, does):
    asked = [trial(0), trial(1, does=does, marker=str(tmp_path / "marker")), trial(2), trial(3)]

    ended = train_all(make(), asked)

    assert {r.state for r in ended.values()} == {State.COMPLETE}
    assert ended[1].trial == asked[1]


@pytest.mark.parametrize(
    ("does", "cause"), [("die", "it was ended by SIGKILL"), ("exit", "it ended with exit code 3")]
)
def test_a_trial_that_costs_two_workers_has_failed_and_the_others_go_on(make, does, cause):
    ended = train_all(make(), [trial(0), trial(1, does=does), *map(trial, range(2, 6))])

    assert ended[1].state is State.FAILED
    assert f"its worker was lost 2 times, the last time: {cause}" in ended[1].reason
    assert {r.state for n, r in ended.items() if n != 1} == {State.COMPLETE}


def test_a_worker_that_hangs_is_ended_and_its_trial_asked_again(make, tmp_path):
    asked = [trial(0, does="hang_once", marker=str(tmp_path / "marker")), trial(1)]

    ended = train_all(make(limits=Limits(quiet_s=0.4)), asked)

    assert {r.state for r in ended.values()} == {State.COMPLETE}


def test_a_trial_that_hangs_twice_has_failed(make):
    ended = train_all(make(limits=Limits(quiet_s=0.4)), [trial(0, does="hang"), trial(1)])

    assert ended[0].state is State.FAILED
    assert "nothing was computed for" in ended[0].reason
    assert ended[1].state is State.COMPLETE


def test_a_worker_that_computes_in_silence_does_not_hang(make):
    (result,) = train_all(
        make(limits=Limits(quiet_s=0.5)), [trial(0, epochs=1, epoch_s=2.0)]
    ).values()

    assert result.state is State.COMPLETE


def test_a_worker_that_computes_for_ever_is_ended_too(make):
    limits = Limits(quiet_s=0.2, busy_s=0.5)

    (result,) = train_all(make(limits=limits), [trial(0, epochs=1, epoch_s=60.0)]).values()

    assert result.state is State.FAILED
    assert "no epoch ended in" in result.reason


def test_a_worker_that_has_grown_is_replaced_after_its_trial(make):
    kept = train_all(make(workers=1), [trial(n) for n in range(3)])

    assert len({r.reason for r in kept.values()}) == 1


def test_a_worker_over_its_memory_makes_room_for_another(make):
    replaced = train_all(make(workers=1, limits=Limits(memory=1)), [trial(n) for n in range(3)])

    assert len({r.reason for r in replaced.values()}) == 3


def test_a_worker_that_grows_makes_room_for_another(make):
    step = 20 * 2**20
    trials = [trial(n, keeps_bytes=step) for n in range(6)]

    # The fourth trial leaves it three steps above the first.
    grown = train_all(make(workers=1, limits=Limits(growth=int(2.5 * step))), trials)

    workers = [grown[n].reason for n in range(6)]
    assert workers[:4] == workers[:1] * 4
    assert workers[4:] == workers[5:] * 2
    assert workers[0] != workers[5]


def test_workers_that_cannot_start_stop_the_sweep(make):
    executor = make(factory="make_never", workers=2)

    with pytest.raises(SweepspotError, match=r"must start, got 3 in a row.*exit code 7; see .*log"):
        train_all(executor, [trial(n) for n in range(9)])


def test_a_system_without_room_for_another_process_is_named(tmp_path):
    with contextlib.closing(ForkServer(tmp_path / "workers.log", ["unforkable"])) as server:
        for _ in range(2):
            with pytest.raises(
                SweepspotError, match=r"Resource temporarily unavailable; see .*log"
            ):
                server.fork()


def test_what_a_trainer_refuses_is_said_without_a_traceback(make):
    executor = make(factory="make_refused")

    with pytest.raises(SweepspotError, match=r"^data: must be there$"):
        train_all(executor, [trial(0)])


def test_a_trainer_that_is_not_there_is_named(make):
    executor = make(factory="make_up")

    with pytest.raises(RuntimeError, match="has no attribute 'make_up'"):
        train_all(executor, [trial(0)])


def test_what_a_trainer_raises_is_our_mistake_with_its_traceback(make):
    with pytest.raises(RuntimeError, match=r"(?s)ValueError: a mistake.*planned_training.py"):
        train_all(make(), [trial(0, does="err")])


def test_workers_are_started_again_when_what_forks_them_is_killed(make):
    executor = make()
    train_all(executor, [trial(0)])
    (server,) = forkservers(os.getpid())
    server.kill()
    server.wait()

    ended = train_all(executor, [trial(n) for n in range(1, 5)])

    assert {r.state for r in ended.values()} == {State.COMPLETE}


def test_closing_leaves_no_process_and_no_file(make, tmp_path):
    executor = make()
    executor.submit([trial(0, does="hang"), trial(1, does="hang")])
    (server,) = forkservers(os.getpid())
    family = [server, *server.children(recursive=True)]

    executor.close()

    assert len(family) == 3
    assert not [process for process in family if process.is_running()]
    assert not (tmp_path / "workers").exists()


STOPPED = """
import sys
from pathlib import Path
sys.path.append({tests!r})
from test_processes import Limits, executor_in, train_all, trial
executor = executor_in(Path({folder!r}), workers=1, limits=Limits(quiet_s=1.0))
executor.submit([trial(0, epochs=1, epoch_s=2.0)])
print("submitted", flush=True)
(result,) = executor.wait(lambda *epoch: False)
print(result.reason, flush=True)
executor.close()
"""


def test_workers_that_were_stopped_with_their_driver_do_not_hang(tmp_path):
    script = STOPPED.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    driver = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert driver.stdout.readline() == "submitted\n"
    (server,) = forkservers(driver.pid)
    (worker,) = server.children()
    time.sleep(0.6)

    for stopped in (driver, server, worker):
        os.kill(stopped.pid, signal.SIGSTOP)
    time.sleep(3)
    for stopped in (worker, server, driver):
        os.kill(stopped.pid, signal.SIGCONT)
    out, _ = driver.communicate()

    assert out == f"{worker.pid}\n"


DRIVER = """
import sys
from pathlib import Path
sys.path.append({tests!r})
from test_processes import executor_in, trial
executor = executor_in(Path({folder!r}))
executor.submit([trial(0, does="hang"), trial(1, epochs=1, epoch_s=600.0)])
print("submitted", flush=True)
executor.wait(lambda *epoch: False)
"""


@pytest.mark.parametrize("killed", ["driver", "driver and forkserver"])
def test_a_killed_driver_leaves_no_workers(tmp_path, killed):
    script = DRIVER.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    driver = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert driver.stdout.readline() == "submitted\n"
    (server,) = forkservers(driver.pid)
    workers = server.children()

    driver.kill()
    if "forkserver" in killed:
        server.kill()
    driver.communicate()

    assert len(workers) == 2
    _, alive = psutil.wait_procs([server, *workers], timeout=60)
    assert not alive


def test_an_interrupt_of_the_whole_group_is_for_the_driver_alone(tmp_path):
    script = DRIVER.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    driver = subprocess.Popen(
        [sys.executable, "-c", f"import signal\n{INTERRUPTIBLE}{script}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert driver.stdout.readline() == "submitted\n"
    (server,) = forkservers(driver.pid)
    family = [server, *server.children()]

    os.killpg(driver.pid, signal.SIGINT)
    _, err = driver.communicate()

    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert "Traceback" not in (tmp_path / "workers.log").read_text()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive


# A shell starts its background jobs with interrupts ignored, and tests may be one of those.
INTERRUPTIBLE = "signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def forkservers(pid):
    return [p for p in psutil.Process(pid).children() if "forkserver" in "".join(p.cmdline())]


def test_what_workers_gain_is_measured_on_the_way(make):
    executor = make(adapts=True)

    ended = train_all(executor, [trial(n, epochs=25, wait_s=0.05) for n in range(20)])

    assert len(ended) == 20
    # Waiting takes no core, so two wait nearly twice as much as one.
    assert executor.summary.startswith("2, measured")


@pytest.mark.parametrize(("takes_threads", "processes"), [(False, 2), (True, 3)])
def test_of_workers_that_wait_for_one_another_one_goes_on(make, tmp_path, takes_threads, processes):
    executor = make(adapts=True, takes_threads=takes_threads)
    in_turns = str(tmp_path / "turn")

    ended = train_all(executor, [trial(n, epochs=25, in_turns=in_turns) for n in range(30)])

    assert len(ended) == 30
    assert executor.summary.startswith("1, because 2 measured")
    # With threads, the one that goes on is a new one that computes with all the cores.
    assert len({result.reason for result in ended.values()}) == processes
