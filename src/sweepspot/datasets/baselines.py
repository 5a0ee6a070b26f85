"""Baselines that are measured on the same rows: the best constant, and a competing algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import ThreadpoolController

from sweepspot.data import FloatArray, Split, Task, TrainingData
from sweepspot.spec import Algorithm

__all__ = ["PerExample", "algorithm", "naive"]

Predictions: TypeAlias = npt.NDArray[np.float64]

# As Keras clips probabilities, so that one sure mistake costs 16 and not infinity.
SMALLEST = 1e-7

LARGE = 10_000_000
"""Rows times columns times outputs from which boosting computes with more than one thread."""

_NUMERIC = (Task.REGRESSION, Task.NONNEGATIVE)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PerExample:
    """A baseline measured on both splits, in the task's loss and error.

    Attributes:
        J_train: Mean loss on the whole training split.
        J_cv: Mean loss on the whole cross-validation split.
        error_train: Mean error on the training split: share of wrong classes, or absolute
            difference in the target's units.
        error_cv: The same on the cross-validation split.
        train_losses: Loss of each kept training row, float32.
        cv_losses: Loss of each kept cross-validation row, float32.
        train_errors: Error of each kept training row, float32.
        cv_errors: Error of each kept cross-validation row, float32.
    """

    J_train: float
    J_cv: float
    error_train: float
    error_cv: float
    train_losses: FloatArray
    cv_losses: FloatArray
    train_errors: FloatArray
    cv_errors: FloatArray


def naive(training: TrainingData) -> PerExample:
    """Measure the best constant predictor: class frequencies, or the mean, of the training split.

    No constant has a lower mean loss on the training split, so its J there is the entropy of the
    classes, or the variance of the target.
    """
    y = training.train.y
    if training.task is Task.MULTICLASS:
        constant = np.bincount(y, minlength=training.n_outputs) / len(y)
    else:
        constant = np.atleast_1d(y.mean(axis=0, dtype=np.float64))
    train, cv = (
        np.broadcast_to(constant, (len(split), len(constant)))
        for split in (training.train, training.cv)
    )
    return _measured(training, train, cv)


def algorithm(training: TrainingData, name: Algorithm, seed: int) -> PerExample:
    """Train a competing algorithm on the training split and measure it on both.

    The number of threads, one on small data, changes no prediction.

    Args:
        training: Images are taken as rows of numbers.
        name: `hist_gradient_boosting`: scikit-learn's, with its defaults, early stopping included
            from 10,000 rows on; a model for each label.
        seed: Of its early-stopping split.
    """
    del name
    splits = (training.train, training.cv)
    inputs = [split.X.reshape(len(split), -1) for split in splits]
    targets = training.train.y.reshape(len(training.train), -1)
    libraries = ThreadpoolController()
    # Threads of OpenMP wait for one another without sleeping: decision 0075.
    with libraries.limit(limits=_threads(training, libraries), user_api="openmp"):
        columns = [
            _boosted(training.task, inputs, targets[:, k], seed) for k in range(targets.shape[1])
        ]
    train, cv = (np.column_stack([column[k] for column in columns]) for k in range(2))
    return _measured(training, train, cv)


def _threads(training: TrainingData, libraries: ThreadpoolController) -> int:
    """Return how many threads boosting may use: one, or on large data all but one."""
    if training.train.X.size * training.n_outputs < LARGE:
        return 1
    allowed = [
        int(library["num_threads"]) for library in libraries.select(user_api="openmp").info()
    ]
    return max([1, *(n - 1 for n in allowed)])


def _boosted(
    task: Task, inputs: list[FloatArray], y: npt.NDArray[np.generic], seed: int
) -> list[Predictions]:
    """Fit one model, and return its predictions for each split, `(examples, outputs)`."""
    if task in _NUMERIC:
        regressor = HistGradientBoostingRegressor(random_state=seed).fit(inputs[0], y)
        found = [regressor.predict(X)[:, None] for X in inputs]
        return [np.maximum(part, 0) for part in found] if task is Task.NONNEGATIVE else found
    if len(np.unique(y)) == 1:
        return [np.full((len(X), 1), float(y[0])) for X in inputs]
    classifier = HistGradientBoostingClassifier(random_state=seed).fit(inputs[0], y)
    found = [classifier.predict_proba(X) for X in inputs]
    return found if task is Task.MULTICLASS else [part[:, 1:] for part in found]


def _measured(training: TrainingData, train: Predictions, cv: Predictions) -> PerExample:
    train_losses, train_errors = _losses_and_errors(training, training.train, train)
    cv_losses, cv_errors = _losses_and_errors(training, training.cv, cv)
    return PerExample(
        J_train=float(train_losses.mean()),
        J_cv=float(cv_losses.mean()),
        error_train=float(train_errors.mean()),
        error_cv=float(cv_errors.mean()),
        train_losses=train_losses[training.kept_train].astype(np.float32),
        cv_losses=cv_losses[training.kept_cv].astype(np.float32),
        train_errors=train_errors[training.kept_train].astype(np.float32),
        cv_errors=cv_errors[training.kept_cv].astype(np.float32),
    )


def _losses_and_errors(
    training: TrainingData, split: Split, predicted: Predictions
) -> tuple[Predictions, Predictions]:
    """Return `(examples,)` float64 each, from probabilities or values `(examples, outputs)`."""
    if training.task in _NUMERIC:
        difference = predicted[:, 0] - split.y.astype(np.float64)
        return difference**2, np.abs(difference) * training.error_scale
    probabilities = np.clip(predicted, SMALLEST, 1 - SMALLEST)
    if training.task is Task.MULTICLASS:
        chosen = probabilities[np.arange(len(split)), split.y]
        return -np.log(chosen), (predicted.argmax(axis=1) != split.y).astype(np.float64)
    y = split.y.reshape(probabilities.shape)
    losses = -np.log(np.where(y > 0.5, probabilities, 1 - probabilities))
    wrong = (predicted > 0.5) != (y > 0.5)
    return losses.mean(axis=1), wrong.mean(axis=1)
