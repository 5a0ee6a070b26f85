"""Where trials run: in the driver, or in worker processes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sweepspot.data import TrainingData
from sweepspot.executors.cores import usable_cores, usable_memory
from sweepspot.protocols import Executor
from sweepspot.spec import SweepSpec

if TYPE_CHECKING:
    from sweepspot.executors.worker import Job

__all__ = ["count_workers", "make_executor", "starts_at_once"]

LEAST_MEMORY = 400 * 2**20
"""Bytes that a worker takes beside its data: TensorFlow's threads, traces and buffers."""

DATA_COPIES = 3
"""How often a worker may hold the data: as tensors, in batches, in predictions."""

MEMORY_SHARE = 0.8
"""Share of the memory that is free at the start which all workers together may fill."""

PRELOAD = (
    "sweepspot.training.compiled",
    "sweepspot.training.plain",
    "sweepspot.families.mlp",
    "sweepspot.executors.worker",
)


def make_executor(spec: SweepSpec, data: TrainingData, folder: Path) -> Executor:
    """Return the executor of a sweep; imports TensorFlow where trials are trained in the driver.

    Args:
        spec: The sweep.
        data: What is trained and measured on.
        folder: `mlruns/<sweep>`, where weights are kept.
    """
    workers = count_workers(spec, data)
    if workers > 1:
        return _processes(spec, data, folder, workers)
    from sweepspot.executors.inline import InlineExecutor
    from sweepspot.training import make_trainer

    return InlineExecutor(make_trainer(spec, data, folder / "weights"))


def count_workers(spec: SweepSpec, data: TrainingData) -> int:
    """Return how many trials are trained at once.

    `auto` is one for each core that may be used, as far as there are trials and memory for them;
    one where TensorFlow sees a GPU, which workers would have to share, and where forking a process
    that has imported TensorFlow is not known to be safe, as on macOS.
    """
    if spec.workers != "auto":
        return spec.workers
    if sys.platform != "linux":
        return 1
    trainings = max(spec.search.trials, spec.select.finalists * spec.repeats)
    fitting = int(MEMORY_SHARE * usable_memory() // (LEAST_MEMORY + DATA_COPIES * _size(data)))
    workers = min(usable_cores(), trainings, fitting)
    return 1 if workers <= 1 or _has_gpu() else workers


def starts_at_once(spec: SweepSpec, data: TrainingData) -> bool:
    """Tell whether `make_executor` makes processes, without asking TensorFlow for a GPU first."""
    if spec.workers == "auto" and _has_device():
        return False
    return count_workers(spec, data) > 1


def _processes(spec: SweepSpec, data: TrainingData, folder: Path, workers: int) -> Executor:
    from sweepspot.executors.processes import Limits, ProcessExecutor
    from sweepspot.executors.sharing import write_shared

    shared = folder / "workers"
    # A driver that was killed leaves its behind.
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir(parents=True)
    write_shared(data, shared / "data.bin")
    log = folder / "workers.log"
    log.unlink(missing_ok=True)
    return ProcessExecutor(
        folder=shared,
        log=log,
        job=lambda threads: _job(spec, shared / "data.bin", folder / "weights", threads),
        workers=workers,
        cores=usable_cores(),
        preload=PRELOAD,
        limits=Limits(memory=int(MEMORY_SHARE * usable_memory() / workers)),
        adapts=spec.workers == "auto",
    )


def _job(spec: SweepSpec, data: Path, weights: Path, threads: int) -> Job:
    from sweepspot.executors.worker import Job
    from sweepspot.training import SINGLE_THREADED

    return Job(
        factory="sweepspot.executors.worker:sweep_trainer",
        arguments={
            "spec": spec,
            "data": str(data.absolute()),
            "weights": str(weights.absolute()),
            "threads": 1 if spec.model in SINGLE_THREADED else threads,
        },
        prunes=spec.search.pruner != "none",
    )


def _has_gpu() -> bool:
    # Asking TensorFlow takes seconds; without a device of any maker there is nothing to ask.
    if not _has_device():
        return False
    from sweepspot.quiet import load_tensorflow

    load_tensorflow()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _has_device() -> bool:
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))


def _size(data: TrainingData) -> int:
    return sum(array.nbytes for split in (data.train, data.cv) for array in (split.X, split.y))
