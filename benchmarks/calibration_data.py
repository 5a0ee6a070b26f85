"""Make a folder of labelled runs with Keras, in the form that `calibration.py` scores.

    python benchmarks/calibration_data.py --out DIR --minutes 20

Each configuration is trained with several seeds; then again with more capacity or less
regularization, and with less capacity or more regularization. The direction that lowers J on
rows which no rule sees is its truth. One JSON file a configuration is kept, so an interrupted
run goes on; `runs.csv` and the `.npz` files are written from whatever is there.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
from sklearn import datasets

Config = dict[str, float]
Data = tuple[np.ndarray, np.ndarray]

SEEN, HIDDEN = 2, 4
EPOCHS, BATCH = 40, 32
N_TRAIN, N_CV = 150, 300
BIAS_STEPS = ("wider", "freer")
VARIANCE_STEPS = ("narrower", "stricter")


def load(name: str) -> tuple[Data, Data, Data]:
    """Return the train, cv and hidden rows of a data set that scikit-learn brings along."""
    if name == "friedman":
        X, y = datasets.make_friedman1(4000, noise=1.0, random_state=1)
        y = (y - y.mean()) / y.std()
    elif name == "diabetes":
        X, y = datasets.load_diabetes(return_X_y=True)
        y = (y - y.mean()) / y.std()
    elif name == "cancer":
        X, y = datasets.load_breast_cancer(return_X_y=True)
    else:
        X, y = datasets.load_digits(return_X_y=True)
    X = ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)).astype("float32")
    if name == "digits_cnn":
        X = X.reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order].astype("float32")
    n_cv = min(N_CV, (len(X) - N_TRAIN) // 2)
    parts = np.split(np.arange(len(X)), [N_TRAIN, N_TRAIN + n_cv])
    train, cv, hidden = ((X[part], y[part]) for part in parts)
    return train, cv, hidden


def draw(rng: np.random.Generator) -> Config:
    """Return a random configuration."""
    return {
        "units": int(np.exp(rng.uniform(np.log(2), np.log(128)))),
        "layers": int(rng.integers(1, 3)),
        "learning_rate": float(np.exp(rng.uniform(np.log(3e-4), np.log(2e-2)))),
        "l2": float(rng.choice([0.0, np.exp(rng.uniform(np.log(1e-5), np.log(6e-2)))])),
        "dropout": float(rng.choice([0.0, rng.uniform(0.1, 0.6)])),
    }


def steps(config: Config) -> dict[str, Config]:
    """Return the four prescriptions, two in each direction."""
    return {
        "wider": config | {"units": min(4 * config["units"], 384)},
        "freer": config | {"units": min(4 * config["units"], 384), "l2": 0.0, "dropout": 0.0},
        "narrower": config | {"units": max(config["units"] // 4, 2)},
        "stricter": config
        | {"l2": max(10 * config["l2"], 1e-3), "dropout": min(config["dropout"] + 0.2, 0.7)},
    }


def build(name: str, config: Config, X: np.ndarray, n_out: int) -> keras.Model:
    model = keras.Sequential([keras.layers.Input(X.shape[1:])])
    penalty = keras.regularizers.L2(config["l2"])
    units = int(config["units"])
    for _ in range(int(config["layers"])):
        if name == "digits_cnn":
            model.add(
                keras.layers.Conv2D(
                    units, 3, padding="same", activation="relu", kernel_regularizer=penalty
                )
            )
        else:
            model.add(keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty))
        model.add(keras.layers.Dropout(config["dropout"]))
    if name == "digits_cnn":
        model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(n_out))
    return model


def per_example(predicted: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return squared error for one output, cross-entropy of logits for more."""
    if predicted.shape[1] == 1:
        return (predicted[:, 0] - y) ** 2
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    return np.asarray(loss(y, predicted))


def train(name: str, config: Config, parts: tuple[Data, Data, Data], seed: int) -> dict:
    """Train once and return the losses of each part, and Keras's own last numbers."""
    keras.utils.set_random_seed(seed)
    (X, y), cv, hidden = parts
    n_out = 1 if name in ("friedman", "diabetes") else int(y.max()) + 1
    model = build(name, config, X, n_out)
    model.compile(
        optimizer=keras.optimizers.Adam(config["learning_rate"]),
        loss="mse" if n_out == 1 else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    history = model.fit(
        X, y, epochs=EPOCHS, batch_size=BATCH, validation_data=cv, validation_freq=EPOCHS, verbose=0
    ).history
    train_losses, cv_losses, hidden_losses = (
        per_example(model.predict(part[0], batch_size=4096, verbose=0), part[1])
        for part in ((X, y), cv, hidden)
    )
    keras.backend.clear_session()
    return {
        "train": train_losses.tolist(),
        "cv": cv_losses.tolist(),
        "J_hidden": float(np.mean(hidden_losses, dtype=np.float64)),
        "history_loss": history["loss"][-1],
        "history_val_loss": history["val_loss"][-1],
    }


def measure(name: str, config: Config, parts: tuple[Data, Data, Data]) -> dict:
    """Return the runs that rules may see, and J on hidden rows of the run and of each step."""
    seen = [train(name, config, parts, seed) for seed in range(SEEN)]
    hidden_seeds = range(SEEN, SEEN + HIDDEN)
    hidden = {
        step: [train(name, changed, parts, seed)["J_hidden"] for seed in hidden_seeds]
        for step, changed in {"as_is": config, **steps(config)}.items()
    }
    return {"config": config, "seen": seen, "hidden": hidden}


def name_truth(hidden: dict[str, list[float]], z: float) -> tuple[str, float, float]:
    """Return the direction that gains significantly, with both gains as shares of z."""
    as_is = np.array(hidden["as_is"])

    def best(names: tuple[str, ...]) -> np.ndarray:
        return max(((as_is - hidden[name]) / z for name in names), key=np.mean)

    def gains(values: np.ndarray) -> bool:
        # One-sided 5 % point of t with three degrees of freedom.
        return values.mean() - 2.35 * values.std(ddof=1) / np.sqrt(len(values)) > 0

    bias, variance = best(BIAS_STEPS), best(VARIANCE_STEPS)
    helps = gains(bias), gains(variance)
    if helps[0] and (not helps[1] or gains(bias - variance)):
        truth = "bias"
    elif helps[1] and (not helps[0] or gains(variance - bias)):
        truth = "variance"
    else:
        truth = "tie" if all(helps) else "neither"
    return truth, float(bias.mean()), float(variance.mean())


def naive_loss(name: str, y_train: np.ndarray, y_cv: np.ndarray) -> float:
    if name in ("friedman", "diabetes"):
        return float(np.mean((y_cv - y_train.mean()) ** 2))
    share = np.bincount(y_train.astype(int)) / len(y_train)
    return float(-np.mean(np.log(share[y_cv.astype(int)])))


def collect(out: Path) -> None:
    """Write `runs.csv` and one `.npz` a data set from the configurations that are there."""
    rows = []
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        name = folder.name
        (_, y_train), (_, y_cv), _ = load(name)
        measured = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        J_naive = naive_loss(name, y_train, y_cv)
        best = np.sort([np.mean(m["hidden"]["as_is"]) for m in measured])[:3].mean()
        losses = {}
        for seed in range(SEEN):
            sweep = f"{name}-{N_TRAIN}-seed{seed}"
            for split in ("train", "cv"):
                kept = np.array([m["seen"][seed][split] for m in measured], "float32")
                losses[f"{sweep}.{split}_losses"] = kept
            for row, one in enumerate(measured):
                truth, bias, variance = name_truth(one["hidden"], max(J_naive - best, 1e-9))
                run = one["seen"][seed]
                rows.append(
                    {"dataset": name, "sweep": sweep, "row": row, "n_train": N_TRAIN}
                    | one["config"]
                    | {"J_train": np.mean(run["train"]), "J_cv": np.mean(run["cv"])}
                    | {key: run[key] for key in ("history_loss", "history_val_loss")}
                    | {"J_naive": J_naive, "truth": truth}
                    | {"gain_bias_steps": bias, "gain_variance_steps": variance}
                )
        np.savez_compressed(out / f"{name}.npz", **losses)
    pd.DataFrame(rows).to_csv(out / "runs.csv", index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--configs", type=int, default=30)
    parser.add_argument(
        "--datasets", nargs="+", default=["digits", "friedman", "cancer", "diabetes", "digits_cnn"]
    )
    args = parser.parse_args()
    deadline = time.monotonic() + 60 * args.minutes
    for number in range(args.configs):
        for place, name in enumerate(args.datasets):
            path = args.out / name / f"{number:03d}.json"
            if path.exists() or time.monotonic() > deadline:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            config = draw(np.random.default_rng([place, number]))
            path.write_text(json.dumps(measure(name, config, load(name))))
            print(f"{name} {number}: {config}", flush=True)
    collect(args.out)


if __name__ == "__main__":
    main()
