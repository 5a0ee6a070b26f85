"""What a worker process does: build a trainer once, then train one trial after another."""

from __future__ import annotations

import faulthandler
import importlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from sweepspot.errors import SweepspotError
from sweepspot.executors.sharing import read_shared
from sweepspot.protocols import Trainer
from sweepspot.spec import SweepSpec
from sweepspot.trial import Trial, TrialResult

__all__ = [
    "Answer",
    "Epoch",
    "Gate",
    "Job",
    "Paused",
    "Ready",
    "Result",
    "Train",
    "Trouble",
    "sweep_trainer",
    "work",
]


@dataclass(frozen=True, slots=True)
class Job:
    """To a worker, first: how to make its trainer.

    Attributes:
        factory: `package.module:function`, which returns a trainer.
        arguments: Of the function, by name.
        prunes: Whether an epoch's report waits for the answer.
    """

    factory: str
    arguments: dict[str, Any]
    prunes: bool = False


@dataclass(frozen=True, slots=True)
class Train:
    """To a worker: a trial."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class Answer:
    """To a worker: whether to prune."""

    prune: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """To a worker: pause at the end of an epoch, or go on."""

    is_open: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: its trainer is made."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """From a worker: one epoch of a trial, at `at_s` of `time.monotonic`."""

    number: int
    epoch: int
    J_cv: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Paused:
    """From a worker: it waits at a closed gate."""


@dataclass(frozen=True, slots=True)
class Result:
    """From a worker: a trial has ended; `memory` is what the worker alone now takes, in bytes."""

    result: TrialResult
    memory: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """From a worker, last: an exception that is no trial's result, with its traceback.

    Attributes:
        text: Of the exception.
        traceback: As Python prints it; empty for an error that the user can mend.
    """

    text: str
    traceback: str


def work(connection: Connection) -> int:
    """Train what the driver sends, until it closes the connection.

    Returns:
        The exit code.
    """
    # An interrupt is for the driver, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    mail = _Mail(connection)
    try:
        job: Job = connection.recv()
        trainer = _make_trainer(job)
        connection.send(Ready())
        mail.listen()
        while True:
            for result in trainer.train([mail.trials.get()], mail.reporter(prunes=job.prunes)):
                connection.send(Result(result, _memory()))
    except (EOFError, BrokenPipeError):
        return 0
    except SweepspotError as exc:
        connection.send(Trouble(str(exc), ""))
    except Exception as exc:
        connection.send(Trouble(f"{type(exc).__name__}: {exc}", traceback.format_exc()))
    return 1


def sweep_trainer(spec: SweepSpec, data: str, weights: str, threads: int) -> Trainer:
    """Return the trainer of a sweep, in a worker.

    Args:
        spec: The sweep.
        data: File of the training data, as `write_shared` left it.
        weights: Folder of the weights that trials keep.
        threads: How many threads an operation may use.
    """
    # Here, so that a worker of any other trainer loads no TensorFlow.
    import tensorflow as tf

    from sweepspot.training import make_trainer  # noqa: PLC0415

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    shared = Path(data)
    return make_trainer(spec, read_shared(shared), Path(weights), shared.parent / "probed")


class _Mail:
    """What the driver sends, sorted by a thread that listens while the trainer computes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._gate = threading.Event()
        self._gate.set()
        self.trials: queue.SimpleQueue[Trial] = queue.SimpleQueue()

    def listen(self) -> None:
        threading.Thread(target=self._sort, name="mail", daemon=True).start()

    def reporter(self, *, prunes: bool) -> Callable[[int, int, float], bool]:
        def report(number: int, epoch: int, J_cv: float) -> bool:
            self._connection.send(Epoch(number, epoch, J_cv, time.monotonic()))
            if not self._gate.is_set():
                self._connection.send(Paused())
                self._gate.wait()
            return self._answers.get() if prunes else False

        return report

    def _sort(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                # The driver is done with this worker, or gone; a long epoch does not matter then.
                os._exit(0)
            match message:
                case Train(trial):
                    self.trials.put(trial)
                case Answer(prune):
                    self._answers.put(prune)
                case Gate(is_open):
                    (self._gate.set if is_open else self._gate.clear)()


def _make_trainer(job: Job) -> Trainer:
    module, _, name = job.factory.partition(":")
    trainer: Trainer = getattr(importlib.import_module(module), name)(**job.arguments)
    return trainer


def _memory() -> int:
    process = psutil.Process()
    # What it shares with the others is no reason to start it anew.
    if sys.platform == "linux":
        return int(process.memory_full_info().uss)
    return int(process.memory_info().rss)
