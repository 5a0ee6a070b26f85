"""Trials a minute beside a hand-written Optuna + Keras + MLflow loop, on the same configurations.

Both sides train the same points of the digits sweep for the same epochs with early stopping, and
track each trial with its curves in a new SQLite store. They run in turn, each time in a process of
its own; imports are left out on both sides and stated beside. Prints a table, and writes the same
as JSON beside this file.

    python benchmarks/speed.py [--trials 24] [--epochs 20] [--rounds 3]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SPACE = {
    "layers": {"int": [1, 3]},
    "units": {"int": [16, 256], "log": True},
    "learning_rate": {"float": [1e-4, 1e-1], "log": True},
    "dropout": {"float": [0.0, 0.5]},
    "l2": {"float": [1e-6, 1e-2], "log": True},
    "optimizer": {"choice": ["adam", "rmsprop", "sgd"]},
}
PATIENCE = 5


def points(trials: int) -> list[dict]:
    from sweepspot.sweepfile import parse_spec

    spec = parse_spec({"name": "x", "data": {"source": "sklearn:digits"}, "space": SPACE})
    rng = np.random.default_rng(0)
    return [spec.points.sample(rng) for _ in range(trials)]


def sweepspot_side(trials: int, epochs: int, trainer: str) -> dict:
    started = time.perf_counter()
    import keras  # noqa: F401
    import mlflow  # noqa: F401
    import optuna  # noqa: F401

    from sweepspot.driver import Nobody
    from sweepspot.sweep import Sweep

    class Clock(Nobody):
        searched = 0.0

        def ended(self, result, verdict, done, trials):
            self.searched = time.perf_counter()

    import_s = time.perf_counter() - started
    sweep = Sweep(
        name="speed",
        data={"source": "sklearn:digits"},
        space=SPACE,
        train={"epochs": epochs, "early_stopping": {"patience": PATIENCE}},
        search={"trials": trials, "sampler": "random", "start": points(trials)},
        select={"finalists": 1, "repeats": 1},
        baseline={"target_error": 0.02},
        trainer=trainer,
    )
    clock, began = Clock(), time.perf_counter()
    cpu = time.process_time()
    result = sweep.run(clock)
    return {
        "import_s": import_s,
        "search_s": clock.searched - began,
        "whole_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "best": float(result.frame["J_cv"].min()),
        "epochs": int(result.frame["epochs"].sum()),
    }


def by_hand(trials: int, epochs: int) -> dict:
    started = time.perf_counter()
    import keras
    import mlflow
    import optuna

    from sweepspot.datasets import load_dataset
    from sweepspot.spec import Data

    import_s = time.perf_counter() - started
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = load_dataset(Data(source="sklearn:digits"), task=None, folder=Path()).training
    chosen = points(trials)
    counted = 0

    def objective(trial):
        nonlocal counted
        hp = {
            "layers": trial.suggest_int("layers", 1, 3),
            "units": trial.suggest_int("units", 16, 256, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
            "l2": trial.suggest_float("l2", 1e-6, 1e-2, log=True),
            "optimizer": trial.suggest_categorical("optimizer", ["adam", "rmsprop", "sgd"]),
        }
        with mlflow.start_run(nested=True):
            mlflow.log_params(hp)
            keras.utils.set_random_seed(trial.number)
            model = keras.Sequential([keras.Input(data.input_shape)])
            for _ in range(hp["layers"]):
                penalty = keras.regularizers.L2(hp["l2"])
                model.add(keras.layers.Dense(hp["units"], "relu", kernel_regularizer=penalty))
                model.add(keras.layers.Dropout(hp["dropout"]))
            model.add(keras.layers.Dense(data.n_outputs))
            optimizer = keras.optimizers.get(hp["optimizer"])
            optimizer.learning_rate = hp["learning_rate"]
            model.compile(
                optimizer,
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
            )
            stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
            log = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: mlflow.log_metrics(logs, step=epoch)
            )
            fitted = model.fit(
                data.train.X,
                data.train.y,
                validation_data=(data.cv.X, data.cv.y),
                epochs=epochs,
                batch_size=32,
                callbacks=[stop, log],
                verbose=0,
            )
            counted += len(fitted.history["loss"])
            return min(fitted.history["val_loss"])

    began, cpu = time.perf_counter(), time.process_time()
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("by hand")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for point in chosen:
        study.enqueue_trial(point)
    with mlflow.start_run():
        study.optimize(objective, n_trials=trials)
    took = time.perf_counter() - began
    return {
        "import_s": import_s,
        "search_s": took,
        "whole_s": took,
        "cpu_s": time.process_time() - cpu,
        "best": study.best_value,
        "epochs": counted,
    }


SIDES = {
    "by hand": by_hand,
    "sweepspot plain": lambda t, e: sweepspot_side(t, e, "plain"),
    "sweepspot auto": lambda t, e: sweepspot_side(t, e, "auto"),
}


def measure(side: str, trials: int, epochs: int) -> dict:
    command = [sys.executable, str(Path(__file__).resolve()), "--side", side]
    command += ["--trials", str(trials), "--epochs", str(epochs)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            command, cwd=folder, env=quiet, capture_output=True, text=True, check=False
        )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])
    return json.loads(ran.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.trials, options.epochs)))
        return
    seen: dict[str, list[dict]] = {side: [] for side in SIDES}
    for number in range(options.rounds):
        for side, rounds in seen.items():
            rounds.append(measure(side, options.trials, options.epochs))
            print(f"round {number + 1} {side}: {rounds[-1]['search_s']:.1f} s", file=sys.stderr)
    report(seen, options)


def report(seen: dict[str, list[dict]], options: argparse.Namespace) -> None:
    keys = ("search_s", "whole_s", "cpu_s", "import_s", "best", "epochs")
    medians = {
        side: {key: statistics.median(r[key] for r in rounds) for key in keys}
        for side, rounds in seen.items()
    }
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"digits, {options.trials} trials, {options.epochs} epochs, batch 32; {machine}")
    print(f"medians of {options.rounds} rounds, sides in turn\n")
    print("| side | search s | trials/min | ratio | CPU s | import s | best J_cv | epochs |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for side, m in medians.items():
        ratio = statistics.median(
            hand["search_s"] / ours["search_s"]
            for hand, ours in zip(seen["by hand"], seen[side], strict=True)
        )
        print(
            f"| {side} | {m['search_s']:.1f} | {60 * options.trials / m['search_s']:.1f} | "
            f"{ratio:.2f} | {m['cpu_s']:.1f} | {m['import_s']:.1f} | {m['best']:.4f} | "
            f"{m['epochs']:.0f} |"
        )
    record = {"machine": machine, "options": vars(options), "rounds": seen}
    (HERE / "speed.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
