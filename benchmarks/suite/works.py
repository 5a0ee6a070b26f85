"""What is measured: data, space, epochs and sides of each work, and what is asked of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

__all__ = ["CHASES", "WORKS", "Job", "Work", "jobs", "quick"]

Job: TypeAlias = dict[str, Any]
"""What one process measures: JSON values alone."""

OURS = "sweepspot"
HAND = "by_hand"

TRAINING = {
    "learning_rate": {"float": [1e-4, 1e-1], "log": True},
    "optimizer": {"choice": ["adam", "rmsprop", "sgd"]},
}
PENALIZED = {
    "dropout": {"float": [0.0, 0.5]},
    "l2": {"float": [1e-6, 1e-2], "log": True},
}
MLP = {
    "layers": {"int": [1, 3]},
    "units": {"int": [16, 256], "log": True},
    **TRAINING,
    **PENALIZED,
}
CNN = {
    "blocks": {"int": [1, 2]},
    "filters": {"int": [8, 16], "log": True},
    "units": {"int": [16, 64], "log": True},
    "learning_rate": {"float": [1e-4, 1e-2], "log": True},
    "dropout": {"float": [0.1, 0.5]},
}
LSTM = {
    "units": {"int": [16, 64], "log": True},
    "learning_rate": {"float": [1e-4, 1e-2], "log": True},
    "dropout": {"float": [0.1, 0.5]},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One kind of measurement.

    Attributes:
        title: Its row in the table.
        data: Name of its data set.
        space: As in a sweep file.
        trials: Of each sweep.
        epochs: Of each trial, early stopping left aside.
        batch_size: Examples a gradient step.
        model: As in a sweep file.
        patience: Of the early stopping; None for none.
        asked: For each side that Sweepspot is measured against, how many times faster it must be
            and shall be.
        sides: Who is measured, in turn.
        variants: What differs from side to side, in works that do not compare tools.
        repeats: How often each side is measured unless another number is given.
    """

    title: str
    data: str
    space: Mapping[str, Any]
    trials: int
    epochs: int
    batch_size: int
    model: str = "mlp"
    patience: int | None = 5
    asked: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sides: tuple[str, ...] = (HAND, OURS)
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    repeats: int = 3


SHORT = {"finalists": 1, "repeats": 1}
"""The end of a sweep where only its search is of interest."""


def _arithmetic() -> dict[str, dict[str, Any]]:
    shapes = {"digits": (64, 32), "regression43k": (26, 256)}
    return {
        f"{data} {width}-{width}": {
            "data": data,
            "batch_size": batch_size,
            "space": {**MLP, "layers": 2, "units": width},
            "select": SHORT,
        }
        for data, (_, batch_size) in shapes.items()
        for width in (64, 256)
    }


def _growth() -> dict[str, dict[str, Any]]:
    """Return the points of the growth: one number at a time, both tiers."""
    grown: dict[str, dict[str, Any]] = {}
    for trials in (12, 48, 192):
        grown[f"trials={trials}"] = {"trials": trials, "data": "digits", "batch_size": 32}
    for rows in (1_000, 10_000, 100_000):
        grown[f"rows={rows}"] = {"trials": 8, "data": f"rows{rows}", "epochs": 4}
    for width in (32, 128, 512):
        space = {**MLP, "layers": 2, "units": width}
        grown[f"width={width}"] = {"trials": 8, "data": "rows10000", "epochs": 4, "space": space}
    points = {
        f"{name} {tier}": {**point, "trainer": tier, "select": SHORT}
        for name, point in grown.items()
        for tier in ("auto", "plain")
    }
    for workers in (1, 2, 4, 8, 16):
        if workers > max(2, os.cpu_count() or 1):
            break
        points[f"workers={workers} auto"] = {
            "trials": 48,
            "data": "digits",
            "batch_size": 32,
            "workers": workers,
            "select": SHORT,
        }
    return points


def _dropout() -> dict[str, dict[str, Any]]:
    return {tier: {"trainer": tier} for tier in ("plain", "auto")}


DIGITS = Work(
    title="digits, 48 trials, batch 32, 20 epochs",
    data="digits",
    space=MLP,
    trials=48,
    epochs=20,
    batch_size=32,
    asked={HAND: (8, 12), "keras_tuner": (10, 18), "ray_tune": (15, 25)},
    sides=(HAND, "keras_tuner", "ray_tune", OURS),
)

WORKS: Mapping[str, Work] = {
    "digits48": DIGITS,
    "digits200": replace(
        DIGITS,
        title="digits, 200 trials, batch 32, 20 epochs",
        trials=200,
        asked={HAND: (10, 20)},
        sides=(HAND, OURS),
    ),
    "regression43k": Work(
        title="43,000 x 26 regression, batch 256, 32 trials, 10 epochs",
        data="regression43k",
        space=MLP,
        trials=32,
        epochs=10,
        batch_size=256,
        asked={HAND: (3.5, 7)},
    ),
    "mnist": Work(
        title="MNIST MLP, 60,000 x 784, batch 128, 16 trials, 5 epochs",
        data="mnist",
        space=MLP,
        trials=16,
        epochs=5,
        batch_size=128,
        asked={HAND: (2, 3)},
    ),
    "cnn": Work(
        title="small CNN, 6,000 x 28 x 28, batch 128, 6 trials, 4 epochs",
        data="images",
        space=CNN,
        trials=6,
        epochs=4,
        batch_size=128,
        model="cnn",
        asked={HAND: (1, 1.3)},
    ),
    "lstm": Work(
        title="LSTM on text, 4,000 x 40 words, batch 64, 6 trials, 4 epochs",
        data="text",
        space=LSTM,
        trials=6,
        epochs=4,
        batch_size=64,
        model="suite.networks:build_lstm",
        asked={HAND: (1, 1.3)},
    ),
    "arithmetic": replace(
        DIGITS,
        title="arithmetic rate of the gradient steps",
        trials=16,
        epochs=10,
        patience=None,
        asked={},
        sides=(),
        variants=_arithmetic(),
    ),
    "identical": replace(
        DIGITS,
        title="losses with dropout off, every tier beside Keras",
        trials=30,
        asked={},
        sides=(),
        variants={"identical": {}},
        repeats=1,
    ),
    "dropout": replace(
        DIGITS,
        title="30 configurations x 3 seeds with dropout on, paired",
        trials=30,
        asked={},
        sides=(),
        variants=_dropout(),
    ),
    # Repeat k of digits48 is the same sweep: what was measured there counts here.
    "best": replace(
        DIGITS,
        title="best J_cv of a whole sweep",
        asked={},
        sides=(HAND, OURS),
        repeats=10,
    ),
    "chase_digits": replace(
        DIGITS,
        title="time to a good model, digits",
        trials=100,
        asked={HAND: (6, 10)},
        sides=(HAND, OURS),
        repeats=5,
    ),
    "chase_housing": replace(
        DIGITS,
        title="time to a good model, housing",
        data="housing",
        trials=100,
        epochs=10,
        batch_size=256,
        asked={HAND: (6, 6)},
        sides=(HAND, OURS),
        repeats=5,
    ),
    "chase_mnist": replace(
        DIGITS,
        title="time to a good model, 12,000 rows of MNIST",
        data="mnist12k",
        trials=100,
        epochs=5,
        batch_size=128,
        asked={HAND: (6, 6)},
        sides=(HAND, OURS),
        repeats=5,
    ),
    "growth": replace(
        DIGITS,
        title="how cost grows",
        batch_size=128,
        asked={},
        sides=(),
        variants=_growth(),
        repeats=1,
    ),
}

CHASES = ("chase_digits", "chase_housing", "chase_mnist")
"""Works that end as soon as J_cv is as low as that of the hand-written loop."""

MOST_CHASED = 4
"""Times the trials of the hand-written loop after which a chase is given up."""


def quick(work: Work) -> Work:
    """Return the same work, only so long that every part of it runs once."""
    return replace(
        work,
        trials=min(3, work.trials),
        epochs=min(2, work.epochs),
        repeats=1,
        variants={
            name: {
                **variant,
                **{k: min(3, variant[k]) for k in ("trials", "epochs") & variant.keys()},
            }
            for name, variant in work.variants.items()
        },
    )


def jobs(name: str, work: Work, repeats: int | None = None) -> Iterator[Job]:
    """Yield what is to be measured, each repeat with all its sides before the next."""
    for repeat in range(repeats or work.repeats):
        for side in (*work.sides, *work.variants):
            yield {
                "work": "digits48" if name == "best" else name,
                "side": side,
                "repeat": repeat,
                "data": work.data,
                "model": work.model,
                "space": dict(work.space),
                "trials": work.trials,
                "epochs": work.epochs,
                "batch_size": work.batch_size,
                "patience": work.patience,
                "trainer": "auto",
                **work.variants.get(side, {}),
            }
