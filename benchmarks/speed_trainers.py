"""How much faster the compiled tier trains than a hand-written loop of `model.fit`.

Every measurement is a process of its own, loop and tier in turn, the same configurations, epochs
and early stopping, both with per-epoch validation. Imports are left out on both sides, tracing is
not. Threads are those that the trainer of a sweep sets. The rounds of a case replace those of an
earlier run in the JSON file beside this one; with `--add` they come on top.

    python benchmarks/speed_trainers.py [case ...] [--rounds 3] [--add]
    python benchmarks/speed_trainers.py --rate        arithmetic rate, one thread
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sweepspot.data import Split, Task, TrainingData

CASES: dict[str, dict[str, Any]] = {
    "digits": {"trials": 48, "epochs": 20, "batch": 32},
    "digits_200": {"trials": 200, "epochs": 20, "batch": 32},
    "regression_43000x26": {"trials": 12, "epochs": 10, "batch": 256},
    "regression_short": {"trials": 6, "epochs": 4, "batch": 256},
    "mlp_60000x784": {"trials": 4, "epochs": 4, "batch": 128},
    "cnn_28x28": {"trials": 3, "epochs": 4, "batch": 64},
    "lstm_text": {"trials": 3, "epochs": 4, "batch": 64},
}
USUAL = [name for name in CASES if name not in ("digits_200", "regression_short")]
TIERS = ("loop", "compiled")
WORDS, WORDS_IN_A_TEXT = 2000, 40
PATIENCE = 5


def make_data(case: str) -> TrainingData:
    rng = np.random.default_rng(0)
    if case.startswith("digits"):
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        X = ((X - X.mean(0)) / (X.std(0) + 1e-9)).astype(np.float32)
        return split(X, y.astype(np.int32), 1077, 360, Task.MULTICLASS, 10)
    if case.startswith("regression"):
        X = rng.normal(size=(53_000, 26)).astype(np.float32)
        y = np.tanh(X @ rng.normal(size=26) / 3) + 0.1 * rng.normal(size=len(X))
        return split(X, y.astype(np.float32), 43_000, 10_000, Task.REGRESSION, 1)
    if case == "lstm_text":
        X = rng.integers(0, WORDS, size=(6000, WORDS_IN_A_TEXT)).astype(np.float32)
        y = (rng.normal(size=WORDS)[X.astype(int)].mean(1) > 0).astype(np.float32)
        return split(X, y, 4000, 2000, Task.BINARY, 1)
    rows = 8000 if case == "cnn_28x28" else 70_000
    X = rng.random(size=(rows, 784), dtype=np.float32) * (rng.random((rows, 784)) < 0.2)
    y = (X @ rng.normal(size=(784, 10)).astype(np.float32)).argmax(1).astype(np.int32)
    if case == "cnn_28x28":
        return split(X.reshape(-1, 28, 28), y, 6000, 2000, Task.MULTICLASS, 10)
    return split(X, y, 60_000, 10_000, Task.MULTICLASS, 10)


def split(X: Any, y: Any, rows: int, cv: int, task: Task, n_outputs: int) -> TrainingData:
    return TrainingData(
        train=Split(X=X[:rows], y=y[:rows]),
        cv=Split(X=X[rows : rows + cv], y=y[rows : rows + cv]),
        task=task,
        n_outputs=n_outputs,
        error_scale=1.0,
        kept_train=np.arange(min(rows, 10_000)),
        kept_cv=np.arange(min(cv, 10_000)),
    )


def points(case: str) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    narrow = case in ("cnn_28x28", "lstm_text")
    return [
        {
            "layers": int(rng.integers(1, 4)),
            "units": int(np.exp(rng.uniform(np.log(16), np.log(64 if narrow else 256)))),
            "filters": int(rng.choice([8, 12, 16])),
            "learning_rate": float(10 ** rng.uniform(-4, -1.5)),
            "dropout": float(rng.uniform(0.01, 0.5)),
            "l2": float(10 ** rng.uniform(-6, -2)),
            "optimizer": str(rng.choice(["adam", "rmsprop", "sgd"])),
        }
        for _ in range(CASES[case]["trials"])
    ]


def builder(case: str, data: TrainingData) -> Callable[[Any], Any]:
    from sweepspot.families import make_family

    if case == "lstm_text":
        return build_text
    build = make_family("cnn" if case == "cnn_28x28" else "mlp")
    return lambda params: build(params, data.input_shape, data.task, data.n_outputs)


def build_text(params: dict[str, Any]) -> Any:
    """Build what a user's own `build(hp)` would."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((WORDS_IN_A_TEXT,)),
            layers.Embedding(WORDS, 16),
            layers.LSTM(params["units"]),
            layers.Dropout(params["dropout"]),
            layers.Dense(1),
        ]
    )
    optimizer = keras.optimizers.Adam(params["learning_rate"])
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def run_loop(case: str, data: TrainingData) -> dict[str, float]:
    import keras

    setting, build, best, epochs = CASES[case], builder(case, data), [], 0
    for seed, params in enumerate(points(case)):
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
        history = build(params).fit(
            data.train.X,
            data.train.y,
            batch_size=setting["batch"],
            epochs=setting["epochs"],
            validation_data=(data.cv.X, data.cv.y),
            callbacks=[stop],
            verbose=0,
        )
        best.append(min(history.history["val_loss"]))
        epochs += len(history.epoch)
    return {"best_loss": min(best), "epochs": epochs}


def run_compiled(case: str, data: TrainingData) -> dict[str, float]:
    from sweepspot.spec import EarlyStopping, Train
    from sweepspot.training.compiled import CompiledTrainer
    from sweepspot.trial import Trial

    setting = CASES[case]
    trainer = CompiledTrainer(
        data=data,
        build=builder(case, data),
        settings=Train(
            batch_size=setting["batch"], early_stopping=EarlyStopping(patience=PATIENCE)
        ),
        weights=Path("unused"),
    )
    trials = [
        Trial(number=k, params=params, seed=k, epochs=setting["epochs"])
        for k, params in enumerate(points(case))
    ]
    results = list(trainer.train(trials, lambda number, epoch, J_cv: False))
    plain = [r.trainer_reason for r in results if r.trainer != "compiled"]
    if plain:
        raise RuntimeError(f"{len(plain)} trials were not compiled: {plain[0]}")
    return {
        "best_loss": min(r.J_cv for r in results if r.J_cv is not None),
        "epochs": sum(r.epochs for r in results),
        "traces": len(trainer.traces),
        "steps_s": sum(r.train_s for r in results),
    }


def measure_here(case: str, tier: str) -> None:
    import keras

    if tier == "compiled" and case not in ("cnn_28x28", "lstm_text"):
        from sweepspot.training.threads import configure_threads

        configure_threads()
    keras.Variable(0.0)
    data = make_data(case)
    wall, cpu = time.perf_counter(), time.process_time()
    found = run_loop(case, data) if tier == "loop" else run_compiled(case, data)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, **found}))


def measure(case: str, tier: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--here", tier, case]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def rates() -> Iterator[dict[str, Any]]:
    """Yield what share of the rate of a large matrix product the gradient steps reach."""
    import tensorflow as tf

    from sweepspot.families import make_family
    from sweepspot.spec import Train
    from sweepspot.training.compiled import CompiledTrainer, batch_order, start_of
    from sweepspot.training.threads import configure_threads
    from sweepspot.trial import Trial

    configure_threads()
    square = tf.random.normal((2048, 2048))
    product = tf.function(lambda a: tf.reduce_sum(a @ a))
    product(square)
    peak = 2 * 2048**3 / min(seconds(lambda: product(square).numpy()) for _ in range(9))
    build = make_family("mlp")
    for case in ("digits", "regression_43000x26"):
        data = make_data(case)
        trainer = CompiledTrainer(
            data=data,
            build=lambda p, data=data: build(p, data.input_shape, data.task, data.n_outputs),
            settings=Train(batch_size=CASES[case]["batch"]),
            weights=Path("unused"),
        )
        for units in (64, 256):
            for dropout in (0.0, 0.2):
                params = {"layers": 2, "units": units, "dropout": dropout, "l2": 1e-4}
                trial = Trial(number=0, params=params, seed=0, epochs=1)
                network = trainer._read(trial)
                trace = trainer._trace_of(network)
                trace.start(start_of(network, goes_on=False))
                rows = len(data.train)
                took = min(trace.epoch(batch_order(0, e, rows)).train_s for e in range(12))
                widths = [data.input_shape[0], units, units, data.n_outputs]
                products = sum(a * b for a, b in itertools.pairwise(widths))
                # Forward, and backward to the weights and to all inputs but the first.
                flops = (6 * products - 2 * widths[0] * units) * rows
                yield {
                    "case": case,
                    "units": [units, units],
                    "dropout": dropout,
                    "gflops": flops / took / 1e9,
                    "share_of_peak": flops / took / peak,
                    "peak_gflops": peak / 1e9,
                }


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=USUAL)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--rate", action="store_true")
    parser.add_argument("--here", choices=TIERS)
    options = parser.parse_args()
    if options.here:
        measure_here(options.cases[0], options.here)
        return
    if options.rate:
        found = list(rates())
        for row in found:
            print(row)
        store(lambda record: record.update(rates=found))
        return
    for case in options.cases:
        new = [{tier: measure(case, tier) for tier in TIERS} for _ in range(options.rounds)]

        def put(record: dict[str, Any], case: str = case, new: list[Any] = new) -> None:
            old = record["rounds"].get(case, []) if options.add else []
            record["rounds"][case] = old + new

        show(case, store(put)["rounds"][case])


def store(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Change the JSON file beside this one, which other runs may have changed meanwhile."""
    path = Path(__file__).with_suffix(".json")
    record: dict[str, Any] = json.loads(path.read_text())
    record["machine"] = {"cores": os.cpu_count(), "python": platform.python_version()}
    change(record)
    path.write_text(json.dumps(record, indent=1) + "\n")
    return record


def show(case: str, rounds: list[dict[str, dict[str, float]]]) -> None:
    for tier in TIERS:
        median = {key: statistics.median(r[tier][key] for r in rounds) for key in rounds[0][tier]}
        faster = statistics.median(r["loop"]["wall_s"] / r[tier]["wall_s"] for r in rounds)
        cpu = statistics.median(r["loop"]["cpu_s"] / r[tier]["cpu_s"] for r in rounds)
        steps = f"  steps {median['steps_s']:.2f} s" if "steps_s" in median else ""
        print(
            f"{case:22}{tier:10}{median['wall_s']:8.2f} s wall {median['cpu_s']:8.2f} s cpu "
            f"{faster:6.1f}x {cpu:6.1f}x  best {median['best_loss']:.4f}"
            f"  {median['epochs']:.0f} epochs{steps}"
        )


if __name__ == "__main__":
    main()
