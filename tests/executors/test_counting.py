"""How many workers a sweep gets, and how many threads each of them."""

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest

from sweepspot import executors
from sweepspot.data import Split, Task, TrainingData
from sweepspot.executors import (
    DATA_COPIES,
    LEAST_MEMORY,
    MEMORY_SHARE,
    count_workers,
    starts_at_once,
)
from sweepspot.executors.processes import Limits, ProcessExecutor
from sweepspot.executors.sharing import write_shared
from sweepspot.executors.worker import Job
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import Trial

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Return a function that says what there is; in the beginning 8 cores and much memory."""

    def has(*, cores=8, memory=2**40, platform="linux", gpu=False):
        monkeypatch.setattr(executors, "usable_cores", lambda: cores)
        monkeypatch.setattr(executors, "usable_memory", lambda: int(memory))
        monkeypatch.setattr(executors.sys, "platform", platform)
        monkeypatch.setattr(executors, "_has_device", lambda: gpu)
        monkeypatch.setattr(executors, "_has_gpu", lambda: gpu)

    has()
    return has


def spec(*, trials=100, finalists=2, repeats=3, **keys):
    return parse_spec(
        {
            "name": "counted",
            "data": {"source": "sklearn:iris"},
            "space": {"learning_rate": {"float": [1e-3, 1e-1], "log": True}},
            "search": {"trials": trials},
            "select": {"finalists": finalists, "repeats": repeats},
            **keys,
        }
    )


def data(shape=(10, 3)):
    split = Split(X=np.zeros(shape, np.float32), y=np.zeros(shape[0], np.int32))
    return TrainingData(
        train=split,
        cv=split,
        task=Task.MULTICLASS,
        n_outputs=3,
        error_scale=1.0,
        kept_train=np.arange(len(split)),
        kept_cv=np.arange(len(split)),
    )


def test_there_is_a_worker_for_each_core(machine):
    machine(cores=5)

    assert count_workers(spec(), data()) == 5
    assert starts_at_once(spec(), data())


def test_one_core_trains_in_the_driver(machine):
    machine(cores=1)

    assert count_workers(spec(), data()) == 1
    assert not starts_at_once(spec(), data())


@pytest.mark.parametrize(("trials", "finalists", "workers"), [(3, 1, 3), (1, 2, 6), (1, 1, 3)])
def test_no_worker_is_without_a_training(trials, finalists, workers):
    # Three repeats of each finalist are trained at once as well.
    asked = spec(trials=trials, finalists=finalists)

    assert count_workers(asked, data()) == workers


@pytest.mark.parametrize(("fitting", "workers"), [(0.9, 1), (1.9, 1), (3.1, 3), (99.0, 8)])
def test_memory_bounds_the_workers(machine, fitting, workers):
    rows = data((1000, 250))
    # Both splits have a million bytes of inputs and 4,000 of targets.
    each = LEAST_MEMORY + DATA_COPIES * 2 * 1_004_000
    machine(memory=fitting * each / MEMORY_SHARE)

    assert count_workers(spec(), rows) == workers


def test_larger_data_leave_room_for_fewer(machine):
    machine(memory=5 * LEAST_MEMORY / MEMORY_SHARE)

    # Zeros that nobody has looked at take no memory.
    large = data((10 * 2**20, 10))

    assert count_workers(spec(), data()) == 4
    assert count_workers(spec(), large) == 1


def test_a_gpu_is_not_shared(machine):
    machine(gpu=True)

    assert count_workers(spec(), data()) == 1
    assert not starts_at_once(spec(), data())


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_systems_where_forking_is_not_known_to_be_safe_get_one(machine, platform):
    machine(platform=platform)

    assert count_workers(spec(), data()) == 1


@pytest.mark.parametrize("there", [{"cores": 1}, {"memory": 0}, {"gpu": True}])
def test_a_number_is_taken_as_it_is(machine, there):
    machine(**there)

    assert count_workers(spec(workers=3), data()) == 3
    assert starts_at_once(spec(workers=3), data())


def threads_of_a_worker(folder, *, model, workers, cores):
    """Return what TensorFlow computes with in a worker, within and between operations."""
    (folder / "workers").mkdir()
    write_shared(data(), folder / "workers" / "data.bin")
    sweep = {"data": str(folder / "workers" / "data.bin"), "weights": str(folder / "weights")}
    executor = ProcessExecutor(
        folder=folder / "workers",
        log=folder / "workers.log",
        job=lambda threads: Job(
            "telling_threads:make", {"spec": spec(model=model), "threads": threads, **sweep}
        ),
        workers=workers,
        cores=cores,
        preload=["sweepspot.executors.worker"],
        limits=Limits(),
        adapts=False,
    )
    with contextlib.closing(executor):
        executor.submit([Trial(number=0, params={}, seed=0, epochs=1)])
        (told,) = executor.wait(lambda *epoch: False)
    return told.reason


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "workers", "threads"), [("cnn", 2, "2 2"), ("cnn", 1, "5 5"), ("mlp", 1, "1 1")]
)
def test_workers_share_the_cores_as_threads(tmp_path, model, workers, threads):
    assert threads_of_a_worker(tmp_path, model=model, workers=workers, cores=5) == threads
