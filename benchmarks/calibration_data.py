"""Make a folder of labelled runs with Keras, in the form that `calibration.py` scores.

    python benchmarks/calibration_data.py --out DIR --minutes 45 --mnist mnist.npz

Each configuration is trained by the package's compiled tier with several seeds, each on rows of
its own; then again with more capacity or less regularization, and with less capacity or more
regularization. The direction that lowers J on hidden rows is its truth. One JSON file a
configuration is kept, so an interrupted run goes on; `runs.csv` and the `.npz` files are written
from whatever is there: in DIR from the weights of the last epoch, in DIR/kept from those of the
epoch with the lowest J_cv, which is what a sweep keeps.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn import datasets

from sweepspot.data import Split, Task, TrainingData
from sweepspot.families import make_family
from sweepspot.spec import Train
from sweepspot.training.arrays import Arrays
from sweepspot.training.compiled import CompiledTrainer, batch_order
from sweepspot.training.evaluate import per_example_losses, unreduced
from sweepspot.training.reading import fill, start_of
from sweepspot.training.seeds import start_afresh
from sweepspot.training.threads import configure_threads
from sweepspot.training.trace import Trace
from sweepspot.trial import Trial

Config = dict[str, Any]
Rows = tuple[np.ndarray, np.ndarray]

SEEN, HIDDEN = 2, 8
EPOCHS, BATCH = 40, 32
SIZES, N_CV, N_HIDDEN = (150, 500), 300, 3000
BIAS_STEPS = ("wider", "freer")
VARIANCE_STEPS = ("narrower", "stricter")
# One-sided 5 % point of t with HIDDEN - 1 degrees of freedom.
T_05 = 1.895


def _digits(mnist: Path | None) -> Rows:
    X, y = datasets.load_digits(return_X_y=True)
    return X / 16, y


def _digit_images(mnist: Path | None) -> Rows:
    X, y = _digits(mnist)
    return X.reshape(-1, 8, 8, 1), y


def _mnist_images(mnist: Path | None) -> Rows:
    if mnist is None:
        raise SystemExit("the mnist sets need --mnist FILE")
    with np.load(mnist) as kept:
        X, y = kept["x_train"][:6000], kept["y_train"][:6000]
    return X.reshape(-1, 14, 2, 14, 2, 1).mean(axis=(2, 4)) / 255, y


def _mnist(mnist: Path | None) -> Rows:
    X, y = _mnist_images(mnist)
    return X.reshape(len(X), -1), y


def _friedman(mnist: Path | None) -> Rows:
    return datasets.make_friedman1(5000, noise=1.0, random_state=1)


def _clusters(mnist: Path | None) -> Rows:
    return datasets.make_classification(
        5000, 20, n_informative=8, n_classes=5, n_clusters_per_class=2, flip_y=0.05, random_state=2
    )


def _hastie(mnist: Path | None) -> Rows:
    X, y = datasets.make_hastie_10_2(5000, random_state=3)
    return X, y > 0


def _mnist_five(mnist: Path | None) -> Rows:
    X, y = _mnist_images(mnist)
    few = y < 5
    return X[few].reshape(-1, 7, 2, 7, 2).mean(axis=(2, 4)).reshape(-1, 49), y[few]


def _friedman_2(mnist: Path | None) -> Rows:
    return datasets.make_friedman2(5000, noise=60.0, random_state=4)


@dataclass(frozen=True)
class Kind:
    """A data set, the family that is trained on it, and how its configurations are drawn."""

    load: Callable[[Path | None], Rows]
    task: Task
    family: str = "mlp"
    scaled: bool = True


SETS = {
    "digits": Kind(_digits, Task.MULTICLASS, scaled=False),
    "friedman": Kind(_friedman, Task.REGRESSION),
    "mnist": Kind(_mnist, Task.MULTICLASS, scaled=False),
    "clusters": Kind(_clusters, Task.MULTICLASS),
    "hastie": Kind(_hastie, Task.BINARY),
    "digits_cnn": Kind(_digit_images, Task.MULTICLASS, family="cnn", scaled=False),
    "mnist_cnn": Kind(_mnist_images, Task.MULTICLASS, family="cnn", scaled=False),
    "mnist_five": Kind(_mnist_five, Task.MULTICLASS, scaled=False),
    "friedman_2": Kind(_friedman_2, Task.REGRESSION),
}


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw(family: str, rng: np.random.Generator) -> Config:
    """Return a random configuration."""
    config: Config = {
        "l2": float(rng.choice([0.0, _log_uniform(rng, 1e-5, 6e-2)])),
        "dropout": float(rng.choice([0.0, rng.uniform(0.1, 0.6)])),
    }
    if family == "cnn":
        return config | {
            "blocks": int(rng.integers(1, 3)),
            "filters": int(_log_uniform(rng, 2, 16)),
            "units": int(_log_uniform(rng, 4, 64)),
            "learning_rate": _log_uniform(rng, 1e-3, 3e-2),
        }
    return config | {
        "layers": int(rng.integers(1, 3)),
        "units": int(_log_uniform(rng, 2, 128)),
        "learning_rate": _log_uniform(rng, 3e-4, 2e-2),
    }


def _resized(config: Config, factor: float) -> Config:
    most = {"filters": 48, "units": 384}
    return {
        key: int(np.clip(value * factor, 2, most[key]))
        for key, value in config.items()
        if key in most
    }


def steps(config: Config) -> dict[str, Config]:
    """Return the four prescriptions, two in each direction."""
    wider = config | _resized(config, 4)
    return {
        "wider": wider,
        "freer": wider | {"l2": 0.0, "dropout": 0.0},
        "narrower": config | _resized(config, 1 / 4),
        "stricter": config
        | {"l2": max(10 * config["l2"], 1e-3), "dropout": min(config["dropout"] + 0.2, 0.7)},
    }


class _Changing(Arrays):
    """Arrays whose rows are assigned anew."""

    def parts(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Return the rows that every epoch measures, as they are now."""
        return self.cut()


class Bench:
    """Trains configurations on one data set at one size; every seed has rows of its own."""

    def __init__(self, kind: Kind, mnist: Path | None, n_train: int) -> None:
        X, y = kind.load(mnist)
        X = np.asarray(X, np.float32)
        if kind.scaled:
            X = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
        order = np.random.default_rng(0).permutation(len(X))
        self._X, self._y = X[order], _targets(y, kind.task)[order]
        n_hidden = min(N_HIDDEN, len(X) - N_CV - n_train)
        self._hidden = self._X[-n_hidden:], self._y[-n_hidden:]
        self._pool = len(X) - n_hidden
        self._n_train, self._task = n_train, kind.task
        train, cv = self.rows(0)
        n_outputs = int(y.max()) + 1 if kind.task is Task.MULTICLASS else 1
        data = TrainingData(
            train=Split(X=train[0], y=train[1]),
            cv=Split(X=cv[0], y=cv[1]),
            task=kind.task,
            n_outputs=n_outputs,
            error_scale=1.0,
            kept_train=np.arange(n_train),
            kept_cv=np.arange(N_CV),
        )
        # Variables, so that one trace serves the rows of every seed.
        X_train, y_train, X_cv, y_cv = (tf.Variable(part) for part in (*train, *cv))
        self._splits = X_train, y_train, X_cv, y_cv
        family = make_family(kind.family)
        self._trainer = CompiledTrainer(
            data=data,
            build=lambda params: family(params, data.input_shape, data.task, data.n_outputs),
            settings=Train(batch_size=BATCH),
            weights=Path("unused"),
            arrays=[
                _Changing(
                    X=X_train, y=y_train, X_cv=X_cv, y_cv=y_cv, X_kept=X_train, y_kept=y_train
                )
            ],
        )

    def rows(self, seed: int) -> tuple[Rows, Rows]:
        """Return the train and cv rows of a seed; the cv rows are the same at every size."""
        drawn = np.random.default_rng([1, seed]).permutation(self._pool)
        cv, train = drawn[:N_CV], drawn[N_CV : N_CV + self._n_train]
        return (self._X[train], self._y[train]), (self._X[cv], self._y[cv])

    def J_naive(self, seed: int) -> float:
        """Return J on the cv rows of the constant that is best on the train rows."""
        (_, train), (_, cv) = self.rows(seed)
        if self._task is Task.REGRESSION:
            return float(np.mean((cv - train.mean()) ** 2))
        counts = np.bincount(train.astype(int), minlength=int(self._y.max()) + 1) + 1
        return float(-np.mean(np.log((counts / counts.sum())[cv.astype(int)])))

    def measure(self, config: Config) -> dict[str, Any]:
        """Return the runs that rules may see, and J on hidden rows of the run and each step."""
        hidden: dict[str, Any] = {"last": {}, "kept": {}}
        for step, changed in {"as_is": config, **steps(config)}.items():
            runs = [self._train(changed, seed) for seed in range(SEEN, SEEN + HIDDEN)]
            for weights, by_step in hidden.items():
                by_step[step] = [run[weights]["J_hidden"] for run in runs]
        seen = [self._train(config, seed) for seed in range(SEEN)]
        return {"config": config, "seen": seen, "hidden": hidden}

    def _train(self, config: Config, seed: int) -> dict[str, Any]:
        start_afresh(seed)
        trial = Trial(number=0, params=config, seed=seed, epochs=EPOCHS)
        network = self._trainer._read(trial)
        start = start_of(network, goes_on=False)
        # A new trace is compared with `fit` on the rows that the trainer was given.
        self._assign(0)
        trace = self._trainer._trace_of(network)
        self._assign(seed)
        trace.start(start)
        curve: list[tuple[float, float]] = []
        best = last = trace.snapshot()
        for epoch in range(EPOCHS):
            last = trace.snapshot()
            values = trace.epoch(batch_order(seed, epoch, self._n_train))
            curve.append((values.J_train, values.J_cv))
            if values.J_cv <= min(J_cv for _, J_cv in curve):
                best = trace.snapshot()
        ends = last, trace.snapshot()
        found: dict[str, Any] = {"last": self._losses(trace, seed)}
        trace.restore(*best)
        found["kept"] = self._losses(trace, seed)
        if seed < SEEN:
            found["curve"] = np.array(curve).round(6).T.tolist()
            train = self.rows(seed)[0]
            found |= _history(network.model, network.point.l2, ends, train, curve[-1][1])
        return found

    def _assign(self, seed: int) -> None:
        train, cv = self.rows(seed)
        for variable, values in zip(self._splits, (*train, *cv), strict=True):
            variable.assign(values)

    def _losses(self, trace: Trace, seed: int) -> dict[str, Any]:
        train, cv = self.rows(seed)

        def measured(rows: Rows) -> np.ndarray:
            return trace.measure(*rows)[0]

        found = {"J_hidden": float(np.mean(measured(self._hidden), dtype=np.float64))}
        if seed < SEEN:
            # Float32 keeps seven digits; so does the file.
            found |= {
                "train": [float(f"{v:.7g}") for v in measured(train)],
                "cv": [float(f"{v:.7g}") for v in measured(cv)],
            }
        return found


def _targets(y: np.ndarray, task: Task) -> np.ndarray:
    if task is Task.REGRESSION:
        return ((y - y.mean()) / y.std()).astype(np.float32)
    return y.astype(np.int32 if task is Task.MULTICLASS else np.float32)


def _history(
    model: keras.Model, l2: tuple[float, ...], ends: tuple[Any, Any], train: Rows, J_cv: float
) -> dict[str, float]:
    """Return what Keras would have logged for the last epoch, to a close approximation.

    `loss` is the mean over both ends of the epoch of the training-mode loss with its penalty,
    where Keras averages over the steps between them; `val_loss` is exact.
    """
    noisy, penalties = [], []
    for end in ends:
        fill(model, end)
        outputs = model(train[0], training=True).numpy()
        noisy.append(np.mean(per_example_losses(unreduced(model.loss), train[1], outputs)))
        penalties.append(sum(f * float((w**2).sum()) for f, w in zip(l2, end[0], strict=True)))
    return {
        "history_loss": float(np.mean(noisy) + np.mean(penalties)),
        "history_val_loss": float(J_cv + penalties[-1]),
    }


def name_truth(hidden: dict[str, list[float]], z: float) -> tuple[str, float, float]:
    """Return the direction that gains significantly, with both gains as shares of z."""
    as_is = np.array(hidden["as_is"])

    def best(names: tuple[str, ...]) -> np.ndarray:
        return max(((as_is - hidden[name]) / z for name in names), key=np.mean)

    def gains(values: np.ndarray) -> bool:
        return bool(values.mean() - T_05 * values.std(ddof=1) / np.sqrt(len(values)) > 0)

    bias, variance = best(BIAS_STEPS), best(VARIANCE_STEPS)
    helps = gains(bias), gains(variance)
    if helps[0] and (not helps[1] or gains(bias - variance)):
        truth = "bias"
    elif helps[1] and (not helps[0] or gains(variance - bias)):
        truth = "variance"
    else:
        truth = "tie" if all(helps) else "neither"
    return truth, float(bias.mean()), float(variance.mean())


def collect(out: Path, names: list[str], mnist: Path | None, weights: str) -> None:
    """Write `runs.csv` and one `.npz` a data set from the configurations that are there.

    Args:
        out: The folder.
        names: Data sets.
        mnist: The file of MNIST.
        weights: Of the `last` epoch, or those `kept` as the best by J_cv.
    """
    rows: list[dict[str, Any]] = []
    target = out if weights == "last" else out / weights
    target.mkdir(exist_ok=True)
    for name in names:
        losses: dict[str, np.ndarray] = {}
        for n_train in SIZES:
            paths = sorted((out / "configs").glob(f"{name}-{n_train}-*.json"))
            measured = [json.loads(path.read_text()) for path in paths]
            if measured:
                bench = Bench(SETS[name], mnist, n_train)
                rows += _labelled(name, n_train, measured, bench, weights, losses)
        if losses:
            np.savez_compressed(target / f"{name}.npz", **losses)
    pd.DataFrame(rows).to_csv(target / "runs.csv", index=False)


def _labelled(
    name: str,
    n_train: int,
    measured: list[dict[str, Any]],
    bench: Bench,
    weights: str,
    losses: dict[str, np.ndarray],
) -> list[dict[str, Any]]:
    best = np.sort([np.mean(m["hidden"][weights]["as_is"]) for m in measured])[:3].mean()
    rows = []
    for seed in range(SEEN):
        sweep, J_naive = f"{name}-{n_train}-seed{seed}", bench.J_naive(seed)
        runs = [m["seen"][seed] for m in measured]
        for split in ("train", "cv"):
            kept = [run[weights][split] for run in runs]
            losses[f"{sweep}.{split}_losses"] = np.array(kept, np.float32)
        for place, split in enumerate(("train", "cv")):
            curves = [run["curve"][place] for run in runs]
            losses[f"{sweep}.{split}_curves"] = np.array(curves, np.float32)
        for row, (one, run) in enumerate(zip(measured, runs, strict=True)):
            hidden = one["hidden"][weights]
            truth, bias, variance = name_truth(hidden, max(J_naive - best, 1e-9))
            halves = [
                name_truth({k: v[half::2] for k, v in hidden.items()}, 1.0)[0] for half in (0, 1)
            ]
            rows.append(
                {"dataset": name, "sweep": sweep, "row": row, "n_train": n_train}
                | one["config"]
                | {f"J_{split}": np.mean(run[weights][split]) for split in ("train", "cv")}
                | {key: run[key] for key in ("history_loss", "history_val_loss")}
                | {"J_naive": J_naive, "truth": truth, "halves_agree": halves[0] == halves[1]}
                | {"gain_bias_steps": bias, "gain_variance_steps": variance}
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--configs", type=int, default=30)
    parser.add_argument("--mnist", type=Path, help="mnist.npz, for the sets made of it")
    parser.add_argument("--datasets", nargs="+", choices=SETS)
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=SIZES)
    args = parser.parse_args()
    names = args.datasets or [n for n in SETS if args.mnist or not n.startswith("mnist")]
    configure_threads()
    deadline = time.monotonic() + 60 * args.minutes
    folder = args.out / "configs"
    folder.mkdir(parents=True, exist_ok=True)
    benches: dict[tuple[str, int], Bench] = {}
    todo = [(c, n, s) for c in range(args.configs) for n in names for s in args.sizes]
    for number, name, n_train in todo:
        path = folder / f"{name}-{n_train}-{number:03d}.json"
        if path.exists() or time.monotonic() > deadline:
            continue
        kind = SETS[name]
        if (name, n_train) not in benches:
            benches[name, n_train] = Bench(kind, args.mnist, n_train)
        config = draw(kind.family, np.random.default_rng([list(SETS).index(name), n_train, number]))
        begun = time.monotonic()
        measured = benches[name, n_train].measure(config)
        print(f"{path.stem} {time.monotonic() - begun:.1f} s {config}", flush=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(measured))
        part.rename(path)
    for weights in ("last", "kept"):
        collect(args.out, names, args.mnist, weights)


if __name__ == "__main__":
    main()
