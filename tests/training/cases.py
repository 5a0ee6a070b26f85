"""Small data sets and a plain reference for the tests of the tiers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from sweepspot.data import Split, Task, TrainingData
from sweepspot.families import make_family
from sweepspot.protocols import Trainer
from sweepspot.space import Params
from sweepspot.spec import EarlyStopping, Train
from sweepspot.training.compiled import CompiledTrainer, batch_order
from sweepspot.training.evaluate import Evaluator
from sweepspot.trial import Trial, TrialResult

N_OUTPUTS = {Task.MULTICLASS: 4, Task.MULTILABEL: 3}


def make_data(task: Task = Task.MULTICLASS, *, rows: int = 150, features: int = 6) -> TrainingData:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows + 60, features)).astype(np.float32)
    score = (X @ rng.normal(size=(features, 4)) + 0.3 * rng.normal(size=(rows + 60, 4))).astype(
        np.float32
    )
    match task:
        case Task.MULTICLASS:
            y = score.argmax(axis=1).astype(np.int32)
        case Task.BINARY:
            y = (score[:, 0] > 0).astype(np.float32)
        case Task.MULTILABEL:
            y = (score[:, :3] > 0).astype(np.float32)
        case Task.NONNEGATIVE:
            y = np.exp(score[:, 0] / 4)
        case _:
            y = score[:, 0]
    return TrainingData(
        train=Split(X=X[:rows], y=y[:rows]),
        cv=Split(X=X[rows:], y=y[rows:]),
        task=task,
        n_outputs=N_OUTPUTS.get(task, 1),
        error_scale=1.0,
        kept_train=np.arange(0, rows, 2),
        kept_cv=np.arange(60),
    )


def make_trainer(
    data: TrainingData,
    tmp_path: Path,
    *,
    family: str = "mlp",
    patience: int | None = None,
    batch_size: int = 32,
) -> CompiledTrainer:
    build = make_family(family)
    return CompiledTrainer(
        data=data,
        build=lambda params: build(params, data.input_shape, data.task, data.n_outputs),
        settings=Train(
            batch_size=batch_size,
            early_stopping=EarlyStopping(patience=patience) if patience else None,
        ),
        weights=tmp_path,
    )


def train(trainer: Trainer, params: Params, *, number: int = 0, epochs: int = 3) -> TrialResult:
    trial = Trial(number=number, params=params, seed=7, epochs=epochs)
    (result,) = trainer.train([trial], lambda number, epoch, J_cv: False)
    return result


def reference(trainer: CompiledTrainer, params: Params, *, epochs: int = 3) -> list[float]:
    """J_cv by epoch of Keras's own training steps, on the batches of the compiled tier."""
    keras.utils.set_random_seed(7)
    model = trainer.build(params)
    evaluator = Evaluator.of(model, trainer.data)
    X, y = trainer.data.train.X, trainer.data.train.y
    size = int(params.get("batch_size", trainer.settings.batch_size))
    curve = []
    for epoch in range(epochs):
        order = batch_order(7, epoch, len(X))
        for start in range(0, len(X), size):
            rows = order[start : start + size]
            model.train_on_batch(X[rows], y[rows])
        curve.append(evaluator.J_cv())
    return curve
