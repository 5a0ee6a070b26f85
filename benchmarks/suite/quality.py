"""Whether the fast tiers train as well as Keras does: speed that fails here does not count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from suite.clock import Clock
from suite.ours import declare

__all__ = ["dropout", "identical"]

STEPS, BATCH, PARTIAL = 20, 32, 13


def identical(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Compare J_cv after 20 steps, with dropout off, at equal weights and equal batches.

    Once with mini-batches and a partial last one, against Keras's `fit` on the rows in the order
    that the tiers take them in; once with a single batch of all rows, where no order matters but
    for rounding, against the plain tier itself. How much rounding matters is seen from the plain
    tier on the same rows in another order.
    """
    import keras

    from sweepspot.data import Split
    from sweepspot.training import build_model
    from sweepspot.training.compiled import batch_order
    from sweepspot.training.evaluate import Evaluator

    clock.mark("imported")
    spec, data = _parts(job)
    points = [{**point, "dropout": 0.0} for point in job["points"]]
    rows = min(STEPS * BATCH + PARTIAL, len(data.train))
    part = replace(
        data,
        train=Split(X=data.train.X[:rows], y=data.train.y[:rows]),
        kept_train=np.arange(rows),
    )
    ours, tiers = _train(_trainer(spec, part, "auto", BATCH), points, epochs=1)
    theirs = []
    for number, point in enumerate(points):
        keras.backend.clear_session()
        keras.utils.set_random_seed(number)
        model = build_model(spec, part, point)
        order = batch_order(number, 0, rows)
        X, y = part.train.X[order], part.train.y[order]
        model.fit(X, y, batch_size=BATCH, shuffle=False, verbose=0)
        theirs.append(Evaluator.of(model, part).J_cv())
    n_rows = len(data.train)
    whole, whole_tiers = _train(_trainer(spec, data, "auto", n_rows, STEPS), points, epochs=STEPS)
    plain, _ = _train(_trainer(spec, data, "plain", n_rows, STEPS), points, epochs=STEPS)
    mixed = _mixed(data)
    again, _ = _train(_trainer(spec, mixed, "plain", n_rows, STEPS), points, epochs=STEPS)
    return {
        "mini_batches": _differences(ours, theirs),
        "one_batch": _differences(whole, plain),
        "keras_beside_itself": _differences(again, plain),
        "learning_rates": [point["learning_rate"] for point in points],
        "optimizers": [point["optimizer"] for point in points],
        "tiers": {**tiers, **whole_tiers},
    }


def dropout(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Train the same configurations with one tier and one seed, dropout on."""
    clock.mark("imported")
    spec, data = _parts(job)
    points = [{**point, "dropout": max(0.05, point["dropout"])} for point in job["points"]]
    trainer = _trainer(spec, data, job["trainer"], job["batch_size"], job["epochs"], stop=True)
    J_cv, tiers = _train(trainer, points, epochs=job["epochs"], seed=job["repeat"])
    return {"J_cv": J_cv, "tiers": tiers}


def _mixed(data: Any) -> Any:
    """Return the same training rows in another order."""
    from sweepspot.data import Split

    order = np.random.default_rng(0).permutation(len(data.train))
    return replace(data, train=Split(X=data.train.X[order], y=data.train.y[order]))


def _parts(job: Mapping[str, Any]) -> tuple[Any, Any]:
    from sweepspot.datasets import load_dataset

    spec = declare(job).spec
    return spec, load_dataset(spec.data, task=spec.task, folder=Path()).training


def _trainer(
    spec: Any, data: Any, tier: str, batch_size: int, epochs: int = 1, *, stop: bool = False
) -> Any:
    from sweepspot.training import make_trainer

    return make_trainer(_with(spec, tier, batch_size, epochs, stop=stop), data, Path("weights"))


def _with(spec: Any, tier: str, batch_size: int, epochs: int, *, stop: bool = False) -> Any:
    settings = {"epochs": epochs, "batch_size": batch_size}
    if not stop:
        settings["early_stopping"] = None
    train = spec.train.model_copy(update=settings)
    return spec.model_copy(update={"trainer": tier, "train": train})


def _train(
    trainer: Any, points: list[dict[str, Any]], *, epochs: int, seed: int | None = None
) -> tuple[list[float], dict[str, int]]:
    """Return the last J_cv of each point, or the one kept where trials are seeded anew."""
    from sweepspot.trial import Trial, trial_seed

    trials = [
        Trial(
            number=number,
            params=point,
            seed=number if seed is None else trial_seed(seed, number),
            epochs=epochs,
        )
        for number, point in enumerate(points)
    ]
    results = {r.number: r for r in trainer.train(trials, lambda *_: False)}
    ordered = [results[number] for number in range(len(points))]
    J_cv = [r.J_cv if seed is not None else r.curve.J_cv[-1] for r in ordered]
    return J_cv, dict(Counter(r.trainer for r in ordered))


def _differences(ours: list[float], theirs: list[float]) -> list[float]:
    return [
        abs(a - b) / max(abs(b), float(np.finfo(np.float32).tiny))
        for a, b in zip(ours, theirs, strict=True)
    ]
