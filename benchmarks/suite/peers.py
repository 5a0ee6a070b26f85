"""The other side of each comparison: what a competent user of the other tools writes.

All get the points that they are to train, draw none of their own unless told so, and take the
same arrays. The hand-written loop has a run in MLflow for each trial; Keras Tuner and Ray Tune
keep their own records and no others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from suite.clock import Clock

__all__ = ["PEERS"]


def by_hand(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Optuna, Keras and MLflow in one loop, with a SQLite store."""
    import keras
    import mlflow
    import optuna
    from mlflow.entities import Metric

    from suite.networks import build

    clock.mark("imported")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    best: list[float] = []
    epochs: list[int] = []
    reached: list[tuple[float, float]] = []

    clock.mark("began")
    data = np.load(job["arrays"])
    X, y, held_out = data["X"], data["y"], (data["X_cv"], data["y_cv"])
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("by hand")
    client = mlflow.MlflowClient()

    def objective(trial: optuna.Trial) -> float:
        clock.once("asked")
        hp = suggest(trial, job["space"])
        keras.backend.clear_session()
        keras.utils.set_random_seed(trial.number)
        with mlflow.start_run(nested=True, run_name=f"trial {trial.number}") as run:
            mlflow.log_params(hp)
            model = build(job, hp)
            fitted = model.fit(
                X,
                y,
                validation_data=held_out,
                epochs=job["epochs"],
                batch_size=job["batch_size"],
                callbacks=[
                    keras.callbacks.EarlyStopping(
                        patience=job["patience"], restore_best_weights=True
                    )
                ],
                verbose=0,
            )
            now = int(time.time() * 1000)
            client.log_batch(
                run.info.run_id,
                metrics=[
                    Metric(name, float(value), now, epoch)
                    for name, values in fitted.history.items()
                    for epoch, value in enumerate(values, start=1)
                ],
            )
        clock.mark("last")
        value = float(np.fmin.reduce(fitted.history["val_loss"]))
        with clock.paused():
            # Keras adds the penalties to `val_loss`; J is without them.
            best.append(value - float(sum(model.losses)))
            epochs.append(len(fitted.history["loss"]))
            reached.append((clock.now(), float(np.fmin.reduce(best))))
        return value

    sampler = optuna.samplers.TPESampler(seed=job["repeat"])
    if job["points"]:
        sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    for point in job["points"] or []:
        study.enqueue_trial(point)
    with mlflow.start_run(run_name="study"):
        study.optimize(objective, n_trials=job["trials"])
    clock.mark("ended")
    first = clock.marks["asked"][0]
    return {
        **clock.times(),
        "workers_start_s": 0.0,
        "best": float(np.fmin.reduce(best)),
        "epochs": sum(epochs),
        "trials": len(best),
        "reached": [[t - first, J] for t, J in reached],
    }


def suggest(trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    """Draw a point by Optuna's own methods."""
    point = {}
    for name, dimension in space.items():
        log = isinstance(dimension, dict) and dimension.get("log", False)
        match dimension:
            case {"int": [low, high]}:
                point[name] = trial.suggest_int(name, low, high, log=log)
            case {"float": [low, high]}:
                point[name] = trial.suggest_float(name, low, high, log=log)
            case {"choice": options}:
                point[name] = trial.suggest_categorical(name, options)
            case _:
                point[name] = dimension
    return point


def keras_tuner(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Keras Tuner's RandomSearch over `search`; its oracle hands out the given points."""
    import keras
    import keras_tuner as kt

    from suite.networks import build

    clock.mark("imported")
    counted: list[int] = []

    class Hyper(kt.HyperModel):
        def build(self, hp: kt.HyperParameters) -> keras.Model:
            keras.utils.set_random_seed(len(counted))
            return build(job, ask(hp, job["space"]))

        def fit(self, hp: Any, model: keras.Model, *args: Any, **settings: Any) -> Any:
            clock.once("asked")
            fitted = super().fit(hp, model, *args, **settings)
            counted.append(len(fitted.history["loss"]))
            clock.mark("last")
            return fitted

    class Points(kt.oracles.RandomSearchOracle):
        def populate_space(self, trial_id: str) -> dict[str, Any]:
            clock.once("asked")
            return {"status": "RUNNING", "values": job["points"][int(trial_id)]}

    clock.mark("began")
    data = np.load(job["arrays"])
    tuner = kt.Tuner(
        oracle=Points(objective="val_loss", max_trials=job["trials"]),
        hypermodel=Hyper(),
        directory="tuner",
        project_name="random",
        overwrite=True,
    )
    tuner.search(
        data["X"],
        data["y"],
        validation_data=(data["X_cv"], data["y_cv"]),
        epochs=job["epochs"],
        batch_size=job["batch_size"],
        callbacks=[keras.callbacks.EarlyStopping(patience=job["patience"])],
        verbose=0,
    )
    clock.mark("ended")
    scores = [t.score for t in tuner.oracle.trials.values() if t.score is not None]
    return {
        **clock.times(),
        "workers_start_s": 0.0,
        "best_with_penalty": min(scores),
        "epochs": sum(counted),
        "trials": len(counted),
    }


def ask(hp: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    """Draw a point by Keras Tuner's own methods."""
    point = {}
    for name, dimension in space.items():
        sampling = "log" if isinstance(dimension, dict) and dimension.get("log") else "linear"
        match dimension:
            case {"int": [low, high]}:
                point[name] = hp.Int(name, low, high, sampling=sampling)
            case {"float": [low, high]}:
                point[name] = hp.Float(name, low, high, sampling=sampling)
            case {"choice": options}:
                point[name] = hp.Choice(name, options)
            case _:
                point[name] = hp.Fixed(name, dimension)
    return point


def ray_tune(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Ray Tune with a function for each trial, on two workers that are kept from trial to trial."""
    # Ray warns about its own future otherwise, and sends statistics home.
    os.environ |= {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    import ray
    from ray import tune

    clock.mark("imported")

    def train(config: dict[str, Any], arrays: Mapping[str, Any]) -> None:
        began = time.time()
        import keras
        import tensorflow as tf

        from suite.networks import build

        try:
            # Two workers share the cores; by default each would start a thread for every core.
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            # This worker has trained before, and is set.
            pass
        imported = time.time()
        keras.backend.clear_session()
        keras.utils.set_random_seed(config["number"])
        model = build(job, config["point"])

        class Report(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
                tune.report({**logs, "began": began, "imported": imported, "ended": time.time()})

        stop = keras.callbacks.EarlyStopping(patience=job["patience"], restore_best_weights=True)
        model.fit(
            arrays["X"],
            arrays["y"],
            validation_data=(arrays["X_cv"], arrays["y_cv"]),
            epochs=job["epochs"],
            batch_size=job["batch_size"],
            callbacks=[Report(), stop],
            verbose=0,
        )

    clock.mark("began")
    with np.load(job["arrays"]) as stored:
        arrays = {name: stored[name] for name in ("X", "y", "X_cv", "y_cv")}
    here = str(Path(__file__).parents[1])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": here, "TF_CPP_MIN_LOG_LEVEL": "3"}},
    )
    numbered = [{"number": k, "point": point} for k, point in enumerate(job["points"])]
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(_flat(train), arrays=arrays), {"cpu": 1}),
        param_space={"trial": tune.grid_search(numbered)},
        tune_config=tune.TuneConfig(
            metric="val_loss", mode="min", reuse_actors=True, max_concurrent_trials=2
        ),
        run_config=tune.RunConfig(storage_path=str(Path.cwd() / "ray"), verbose=0),
    )
    clock.mark("asked")
    results = tuner.fit()
    clock.mark("last")
    clock.mark("ended")
    frames = [r.metrics_dataframe for r in results if r.metrics_dataframe is not None]
    starts = [float(f["imported"].iloc[0]) for f in frames]
    asked, last = clock.marks["asked"], clock.marks["last"]
    until_trained = min(starts) - asked[2]
    ended = max(float(f["ended"].iloc[-1]) for f in frames)
    times = clock.times()
    ray.shutdown()
    return {
        **times,
        # As for worker processes of Sweepspot: from the first worker that is ready to train.
        "search_s": ended - min(starts),
        "ask_to_last_s": last[0] - asked[0],
        "workers_start_s": until_trained,
        "best_with_penalty": min(float(f["val_loss"].min()) for f in frames),
        "epochs": sum(len(f) for f in frames),
        "trials": len(frames),
    }


def _flat(train: Callable[..., None]) -> Callable[..., None]:
    def trainable(config: dict[str, Any], arrays: Any) -> None:
        train(config["trial"], arrays)

    return trainable


PEERS = {"by_hand": by_hand, "keras_tuner": keras_tuner, "ray_tune": ray_tune}
