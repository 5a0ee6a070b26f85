"""A trainer that does what each trial's parameters plan, for workers that are real processes."""

import fcntl
import os
import signal
import time
from pathlib import Path

import numpy as np

from sweepspot.errors import SweepspotError
from sweepspot.trial import Curve, Losses, State, TrialResult


class PlannedTrainer:
    """Trains by closed form, or ends its process, or hangs, as `params["does"]` says."""

    def __init__(self):
        self.kept = []

    def train(self, group, report):
        for trial in group:
            self._mishap(trial.params)
            self.kept.append(b"1" * trial.params.get("keeps_bytes", 0))
            yield _trained(trial, report)

    def _mishap(self, params):
        does = params.get("does", "train")
        if does.endswith("_once"):
            marker = Path(params["marker"])
            if marker.exists():
                return
            marker.touch()
        match does.removesuffix("_once"):
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(3)
            case "hang":
                time.sleep(3600)
            case "err":
                raise ValueError("a mistake of ours")


def make(threads=1):
    return PlannedTrainer()


def make_never():
    """Stand for a trainer that cannot be made."""
    os._exit(7)


def make_refused():
    raise SweepspotError("data: must be there")


def _trained(trial, report):
    curve = []
    for epoch in range(trial.first_epoch + 1, trial.epochs + 1):
        _work(trial.params)
        curve.append((trial.params.get("x", 0.0) - 0.3) ** 2 + 1 / epoch)
        if report(trial.number, epoch, curve[-1]):
            return TrialResult(
                trial=trial, state=State.PRUNED, J_cv=curve[-1], curve=Curve(J_cv=tuple(curve))
            )
    drawn = np.random.default_rng(trial.seed).random(10_000, dtype=np.float32)
    return TrialResult(
        trial=trial,
        state=State.COMPLETE,
        reason=f"{os.getpid()}" if trial.params.get("tells") else None,
        J_cv=curve[-1],
        curve=Curve(J_cv=tuple(curve)),
        losses=Losses(train=drawn, cv=drawn, train_errors=drawn, cv_errors=drawn),
    )


def _work(params):
    if "in_turns" in params:
        with Path(params["in_turns"]).open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            time.sleep(0.03)
        # Long enough for the one that waits to take its turn.
        time.sleep(0.001)
    end = time.process_time() + params.get("epoch_s", 0.0)
    while time.process_time() < end:
        pass
    time.sleep(params.get("wait_s", 0.0))
