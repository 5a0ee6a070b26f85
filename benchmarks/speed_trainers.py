"""How much faster the compiled tier trains than a hand-written loop of `model.fit`.

Every measurement is a process of its own, loop and tier in turn, the same configurations and
seeds, both with per-epoch validation. Imports are left out on both sides, tracing is not.

    python benchmarks/speed_trainers.py [case ...] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from sweepspot.data import Split, Task, TrainingData

CASES: dict[str, dict[str, Any]] = {
    "digits": {"trials": 48, "epochs": 20, "batch": 32, "stop": False},
    "digits_early_stopping": {"trials": 48, "epochs": 20, "batch": 32, "stop": True},
    "housing": {"trials": 6, "epochs": 4, "batch": 256, "stop": False},
    "mnist": {"trials": 3, "epochs": 2, "batch": 128, "stop": False},
}
TIERS = ("loop", "compiled", "compiled_1_thread")


def make_data(case: str) -> TrainingData:
    rng = np.random.default_rng(0)
    if case.startswith("digits"):
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        X = ((X - X.mean(0)) / (X.std(0) + 1e-9)).astype(np.float32)
        return split(X, y.astype(np.int32), 1077, 360, Task.MULTICLASS, 10)
    if case == "housing":
        X = rng.normal(size=(53_000, 26)).astype(np.float32)
        y = np.tanh(X @ rng.normal(size=26) / 3) + 0.1 * rng.normal(size=len(X))
        return split(X, y.astype(np.float32), 43_000, 10_000, Task.REGRESSION, 1)
    X = rng.random(size=(70_000, 784), dtype=np.float32) * (rng.random((70_000, 784)) < 0.2)
    y = (X @ rng.normal(size=(784, 10)).astype(np.float32)).argmax(1)
    return split(X.astype(np.float32), y.astype(np.int32), 60_000, 10_000, Task.MULTICLASS, 10)


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
    return [
        {
            "layers": int(rng.integers(1, 4)),
            "units": int(np.exp(rng.uniform(np.log(16), np.log(256)))),
            "learning_rate": float(10 ** rng.uniform(-4, -1.5)),
            "dropout": float(rng.uniform(0.01, 0.5)),
            "l2": float(10 ** rng.uniform(-6, -2)),
            "optimizer": str(rng.choice(["adam", "rmsprop", "sgd"])),
        }
        for _ in range(CASES[case]["trials"])
    ]


def run_loop(case: str, data: TrainingData) -> list[float]:
    import keras

    from sweepspot.families import make_family

    setting, build, best = CASES[case], make_family("mlp"), []
    for seed, params in enumerate(points(case)):
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        model = build(params, data.input_shape, data.task, data.n_outputs)
        stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
        history = model.fit(
            data.train.X,
            data.train.y,
            batch_size=setting["batch"],
            epochs=setting["epochs"],
            validation_data=(data.cv.X, data.cv.y),
            callbacks=[stop] if setting["stop"] else [],
            verbose=0,
        )
        best.append(min(history.history["val_loss"]))
    return best


def run_compiled(case: str, data: TrainingData) -> list[float]:
    from sweepspot.families import make_family
    from sweepspot.spec import EarlyStopping, Train
    from sweepspot.training.compiled import CompiledTrainer
    from sweepspot.trial import Trial

    setting, build = CASES[case], make_family("mlp")
    trainer = CompiledTrainer(
        data=data,
        build=lambda params: build(params, data.input_shape, data.task, data.n_outputs),
        settings=Train(
            batch_size=setting["batch"], early_stopping=EarlyStopping() if setting["stop"] else None
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
    print(
        f"  {len(trainer.traces)} traces, steps {sum(r.train_s for r in results):.2f} s",
        file=sys.stderr,
    )
    return [float(r.J_cv) for r in results if r.J_cv is not None]


def measure_here(case: str, tier: str) -> None:
    import keras
    import tensorflow as tf

    if tier == "compiled_1_thread":
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.Variable(0.0)
    data = make_data(case)
    wall, cpu = time.perf_counter(), time.process_time()
    best = run_loop(case, data) if tier == "loop" else run_compiled(case, data)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "best_loss": min(best), "trials": len(best)}))


def measure(case: str, tier: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--here", tier, case]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--here", choices=TIERS)
    arguments = parser.parse_args()
    if arguments.here:
        measure_here(arguments.cases[0], arguments.here)
        return
    table = []
    for case in arguments.cases:
        runs: dict[str, list[dict[str, float]]] = {tier: [] for tier in TIERS}
        for _ in range(arguments.repeats):
            for tier in TIERS:
                runs[tier].append(measure(case, tier))
        median = {
            tier: {key: statistics.median(r[key] for r in runs[tier]) for key in runs[tier][0]}
            for tier in TIERS
        }
        for tier in TIERS:
            row = {"case": case, "tier": tier, **median[tier]}
            row["faster_wall"] = median["loop"]["wall_s"] / row["wall_s"]
            row["faster_cpu"] = median["loop"]["cpu_s"] / row["cpu_s"]
            table.append(row)
            print(
                f"{case:24}{tier:20}{row['wall_s']:8.2f} s wall {row['cpu_s']:8.2f} s cpu "
                f"{row['faster_wall']:6.1f}x {row['faster_cpu']:6.1f}x  best {row['best_loss']:.4f}"
            )
    machine = {"cores": os.cpu_count(), "cpu": platform.processor(), "python": sys.version}
    path = Path(__file__).with_suffix(".json")
    path.write_text(
        json.dumps({"machine": machine, "repeats": arguments.repeats, "runs": table}, indent=1)
        + "\n"
    )


if __name__ == "__main__":
    main()
