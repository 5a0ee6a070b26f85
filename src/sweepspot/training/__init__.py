"""How trials are trained: one tier a file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from sweepspot.data import Split, TrainingData
from sweepspot.protocols import Trainer
from sweepspot.space import Params
from sweepspot.spec import SweepSpec

if TYPE_CHECKING:
    import keras

__all__ = ["SINGLE_THREADED", "build_model", "make_trainer", "measure", "restore_model"]

SINGLE_THREADED = ("linear", "mlp")
"""Families whose operations are shorter than handing them to another thread: decision 0051."""


def make_trainer(
    spec: SweepSpec, data: TrainingData, weights: Path, probed: Path | None = None
) -> Trainer:
    """Return the trainer of a sweep; imports TensorFlow.

    Args:
        spec: Says which tier, and how long.
        data: What is trained and measured on.
        weights: Folder of the weights that trials keep.
        probed: Folder in which the trainers of several processes tell one another which traces
            need no further comparison with Keras.
    """
    from sweepspot.quiet import load_tensorflow

    load_tensorflow()
    from sweepspot.training.threads import configure_threads

    if spec.model in SINGLE_THREADED:
        # Refused where this process has computed before, as in a notebook: then it is slower, and
        # as right.
        with contextlib.suppress(RuntimeError):
            configure_threads()
    from sweepspot.training.plain import PlainTrainer

    def build(params: Params) -> keras.Model:
        return build_model(spec, data, params)

    if spec.trainer == "plain":
        return PlainTrainer(data=data, build=build, settings=spec.train, weights=weights)
    from sweepspot.families import make_outline
    from sweepspot.training.compiled import CompiledTrainer
    from sweepspot.training.probe import Probed

    return CompiledTrainer(
        data=data,
        build=build,
        settings=spec.train,
        weights=weights,
        probed=Probed(probed),
        outline=make_outline(spec.model),
    )


def restore_model(
    spec: SweepSpec, data: TrainingData, params: Params, weights: Path
) -> keras.Model:
    """Build the network of a point with the best weights of a file."""
    from sweepspot.training.weights import load_best

    model = build_model(spec, data, params)
    load_best(weights, model)
    return model


def measure(model: keras.Model, data: TrainingData, split: Split) -> tuple[float, float]:
    """Return J and the mean error of a network on a split."""
    from sweepspot.training.evaluate import Evaluator

    measured = Evaluator.of(model, data).measure(split)
    return measured.J, measured.error


def build_model(spec: SweepSpec, data: TrainingData, params: Params) -> keras.Model:
    """Build the compiled network of a point."""
    from sweepspot.families import make_family

    family = make_family(spec.model)
    return family(params, data.input_shape, data.task, data.n_outputs)
