"""The plain tier: one trial, one Keras `fit`; every other tier is measured against it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from sweepspot.data import TrainingData
from sweepspot.errors import first_line
from sweepspot.protocols import Report
from sweepspot.space import Params
from sweepspot.spec import Train
from sweepspot.training.evaluate import Evaluator
from sweepspot.training.forgetting import forget_derivatives
from sweepspot.training.progress import Progress, measured
from sweepspot.training.weights import (
    load_last,
    parent_path,
    save_weights,
    trainable,
    weights_path,
)
from sweepspot.trial import State, Trial, TrialResult

__all__ = ["OUT_OF_MEMORY", "BuildModel", "PlainTrainer", "failed", "one_line"]

BuildModel = Callable[[Params], keras.Model]
"""Builds the compiled network of a point."""

OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)
"""What NumPy and TensorFlow raise when a network or a batch is too large."""

_WHERE = re.compile(r"^\{\{function_node .*?\}\} ?")
"""What TensorFlow puts before a message, for those who write TensorFlow."""


@dataclass(frozen=True, kw_only=True)
class PlainTrainer:
    """Trains each trial by itself with `keras.Model.fit`.

    Attributes:
        data: The training and cross-validation splits.
        build: Builds the compiled network of a point.
        settings: Epochs, batch size and early stopping.
        weights: Folder of the weights that trials keep.
        reason: Why this tier trains, for the trial's record.
    """

    data: TrainingData
    build: BuildModel
    settings: Train
    weights: Path
    reason: str = "asked for"

    def train(self, group: Sequence[Trial], report: Report) -> Iterator[TrialResult]:
        """Train each trial in turn, and yield its result."""
        for trial in group:
            yield self._train_one(trial, report)
            # Keras's global state grows with every model. This collects the garbage as well, at the
            # price of 0.1 s or more: once is enough, after all else has been let go.
            forget_derivatives()
            keras.backend.clear_session()

    def _train_one(self, trial: Trial, report: Report) -> TrialResult:
        started, clock = time.time(), time.perf_counter()
        possible, remark = trainable(trial, self.weights)
        try:
            result = self._fit(possible, report)
        # Whatever the user's code, Keras or TensorFlow raises is this trial's result.
        except Exception as exc:
            result = failed(trial, exc)
        return replace(
            result,
            trial=trial,
            started_s=started,
            elapsed_s=time.perf_counter() - clock,
            trainer="plain",
            trainer_reason=f"{self.reason}{remark}",
        )

    def _fit(self, trial: Trial, report: Report) -> TrialResult:
        keras.utils.set_random_seed(trial.seed)
        model = self.build(trial.params)
        evaluator = Evaluator.of(model, self.data)
        if trial.continues:
            load_last(parent_path(self.weights, trial), model)
        elif model.built and not model.optimizer.built:
            # Made while `fit` traces they would cost a second trace, and a graph each.
            model.optimizer.build(model.trainable_variables)
        progress = Progress(trial=trial, settings=self.settings, report=report)
        watch = Watch(evaluator=evaluator, progress=progress)
        model.fit(
            self.data.train.X,
            self.data.train.y,
            batch_size=self.settings.batch_size_of(trial.params),
            initial_epoch=trial.first_epoch,
            epochs=trial.epochs,
            callbacks=[watch],
            verbose=0,
        )
        digest = None
        if trial.keeps_weights and progress.state is not State.FAILED:
            path = weights_path(self.weights, trial)
            digest = save_weights(path, model, watch.best_weights)
        result = watch.result(model)
        return replace(result, weights=digest)


@dataclass(kw_only=True, eq=False)
class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures J after each epoch, keeps the best weights, and stops a trial that should stop."""

    evaluator: Evaluator
    progress: Progress
    best_weights: list[np.ndarray] = field(default_factory=list)
    train_s: float = 0.0
    _clock: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Start the clock of the gradient steps."""
        self._clock = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Measure, keep, report, and decide whether to go on."""
        self.train_s += time.perf_counter() - self._clock
        decision = self.progress.after_epoch(
            self.evaluator.J_train(), self.evaluator.J_cv(), finite=all_finite(self.model)
        )
        if decision.keep:
            self.best_weights = self.model.get_weights()
        self.model.stop_training = decision.stop

    def result(self, model: keras.Model) -> TrialResult:
        """Measure the best weights on both splits, and say how the trial ended."""
        result = self.progress.result(
            n_weights=sum(int(np.prod(w.shape)) for w in model.trainable_variables),
            train_s=self.train_s,
        )
        if self.progress.state is State.FAILED:
            return result
        model.set_weights(self.best_weights)
        at_best = self.evaluator.everything()
        return measured(result, at_best, at_best.kept(self.evaluator.data))


def all_finite(model: keras.Model) -> bool:
    """Whether every weight is finite: with oneDNN a relu can hide a NaN from the loss."""
    return all(bool(np.isfinite(w).all()) for w in model.get_weights())


def failed(trial: Trial, exc: Exception) -> TrialResult:
    """Return the result of a trial that raised: the trial's, never the sweep's."""
    cause = "out of memory: " if isinstance(exc, OUT_OF_MEMORY) else ""
    return TrialResult(trial=trial, state=State.FAILED, reason=f"{cause}{one_line(exc)}")


def one_line(exc: Exception) -> str:
    """Name an exception and what it says first, for the record of a failed trial."""
    said = _WHERE.sub("", first_line(exc)) if str(exc).strip() else "no message"
    return f"{type(exc).__name__}: {said}"
