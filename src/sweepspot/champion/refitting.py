"""A chosen point trained once more on the training and cv rows together."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np

from sweepspot.data import Split, TrainingData
from sweepspot.errors import TrialError
from sweepspot.spec import SweepSpec
from sweepspot.training import build_model
from sweepspot.training.weights import save_weights
from sweepspot.trial import Trial, run_id

__all__ = ["gradient_steps", "refit"]


def gradient_steps(rows: int, batch_size: int, epochs: int) -> int:
    """Return the steps of some epochs, the partial last batch of each included.

    Example:
        >>> gradient_steps(rows=100, batch_size=32, epochs=3)
        12
    """
    return epochs * math.ceil(rows / batch_size)


def refit(spec: SweepSpec, data: TrainingData, trial: Trial, *, best_epoch: int, path: Path) -> str:
    """Train a point on train and cv at as many gradient steps as led to the epoch kept.

    More rows make more steps of an epoch, and a network that was stopped at its best would be
    trained too long. What is left after whole epochs is a part of one, on rows drawn by the seed.

    Args:
        spec: Of the sweep.
        data: Preprocessed as for the sweep: by what was fitted on the training rows.
        trial: The repeat that was chosen; its point and its seed.
        best_epoch: The epoch whose weights were kept.
        path: Of the weights file to write.

    Returns:
        SHA-256 of that file.

    Raises:
        TrialError: The weights are not finite.
    """
    both = Split(
        X=np.concatenate([data.train.X, data.cv.X]), y=np.concatenate([data.train.y, data.cv.y])
    )
    batch_size = spec.train.batch_size_of(trial.params)
    wanted = gradient_steps(len(data.train), batch_size, best_epoch)
    whole, rest = divmod(wanted, gradient_steps(len(both), batch_size, 1))
    keras.utils.set_random_seed(trial.seed)
    model = build_model(spec, data, trial.params)
    if whole:
        model.fit(both.X, both.y, batch_size=batch_size, epochs=whole, verbose=0)
    if rest:
        order = np.random.default_rng(trial.seed).permutation(len(both))[: rest * batch_size]
        model.fit(both.X[order], both.y[order], batch_size=batch_size, verbose=0)
    weights = model.get_weights()
    if not all(np.isfinite(w).all() for w in weights):
        raise TrialError(
            f"select.refit: trial {run_id(trial.number)} diverged on train and cv; "
            "set refit: none, or rule out its learning rate"
        )
    return save_weights(path, model, weights)
