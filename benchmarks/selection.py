"""Does the selection pick better models than the best of n, and is the stated optimism true?

Populations of networks are really trained: some configurations on several seeds each, measured on
a large pool of rows that no network has trained on. Then, again and again, some rows of the pool
become the cross-validation split and the others stay hidden: they are the truth. On the cv rows
one side takes the best of n trials; the other takes the finalists, their fresh repeats and the
rule of `sweepspot.selection`. Both are scored on the hidden rows.

The stated optimism is judged where the truth is known exactly, too: with cv rows that are drawn
from the pool with replacement, of which the pool itself is the population, and with rows that are
simulated.

    python benchmarks/selection.py [--draws 100] [--only digits simulated]

The trained populations are kept in benchmarks/populations/, which git ignores; training them takes
some minutes and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from sweepspot.advice import optimism
from sweepspot.data import Split, Task, TrainingData
from sweepspot.selection import Candidate, select
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import State, Trial, trial_seed

HERE = Path(__file__).parent
CACHE = HERE / "populations"
SEEDS = 6
"""Trainings of each configuration: one as the sweep's own, the others as fresh repeats."""

TRIALS = 30
"""Configurations that each draw takes as its sweep."""

FINALISTS, COVERAGE = 3, 0.9

SIMULATED = "simulated"

SHARED = 0.7
"""Share of the variance of simulated rows that is the row's own difficulty, for every trial."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One data set: how many networks are trained on how many rows, and judged on how many."""

    configurations: int
    epochs: int
    n_train: int
    n_cv: int


CASES = {
    "digits": Case(configurations=40, epochs=20, n_train=400, n_cv=200),
    "breast_cancer": Case(configurations=40, epochs=20, n_train=150, n_cv=100),
    "friedman1": Case(configurations=40, epochs=20, n_train=300, n_cv=150),
}


def make_data(name: str) -> TrainingData:
    """Return training rows, and the pool as the cv split."""
    from sklearn.datasets import load_breast_cancer, load_digits, make_friedman1

    case = CASES[name]
    if name == "friedman1":
        X, y = make_friedman1(n_samples=6300, noise=1.0, random_state=0)
        task, n_outputs = Task.REGRESSION, 1
    elif name == "digits":
        X, y = load_digits(return_X_y=True)
        task, n_outputs = Task.MULTICLASS, 10
    else:
        X, y = load_breast_cancer(return_X_y=True)
        task, n_outputs = Task.BINARY, 1
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    train = slice(0, case.n_train)
    # A pixel that is constant in the training rows says nothing; scaled, it would say 1e9.
    kept = X[train].std(0) > 0
    X = ((X - X[train].mean(0)) / X[train].std(0).clip(1e-9))[:, kept].astype(np.float32)
    if task is Task.REGRESSION:
        y = (y - y[train].mean()) / y[train].std()
    y = y.astype(np.int32 if task is Task.MULTICLASS else np.float32)
    pool = slice(case.n_train, len(X))
    return TrainingData(
        train=Split(X=X[train], y=y[train]),
        cv=Split(X=X[pool], y=y[pool]),
        task=task,
        n_outputs=n_outputs,
        error_scale=1.0,
        kept_train=np.arange(case.n_train),
        kept_cv=np.arange(len(X) - case.n_train),
    )


def spec_of(name: str) -> Any:
    return parse_spec(
        {
            "name": name,
            "data": {"source": f"sklearn:{'digits' if name == 'friedman1' else name}"},
            "space": {
                "layers": {"int": [1, 3]},
                "units": {"int": [8, 256], "log": True},
                "learning_rate": {"float": [1e-4, 3e-2], "log": True},
                "dropout": {"float": [0.0, 0.5]},
                "l2": {"float": [1e-6, 1e-2], "log": True},
            },
            "train": {
                "epochs": CASES[name].epochs,
                "batch_size": 32,
                "early_stopping": None,
            },
        }
    )


@dataclass(frozen=True, kw_only=True)
class Population:
    """Losses of each training on each row of the pool, `(configurations, seeds, rows)`."""

    losses: npt.NDArray[np.float32]
    n_weights: npt.NDArray[np.int64]


def train_population(name: str, minutes: float) -> Population | None:
    """Train what the cache lacks; None when time is up before all is trained."""
    case, spec, data = CASES[name], spec_of(name), make_data(name)
    CACHE.mkdir(exist_ok=True)
    points = [spec.points.sample(np.random.default_rng([7, k])) for k in range(case.configurations)]
    trials = [
        Trial(number=k, params=p, seed=trial_seed(0, k, r), epochs=case.epochs, repeat=r)
        for k, p in enumerate(points)
        for r in range(SEEDS)
    ]
    left = [t for t in trials if not (CACHE / f"{name}-{t.key}.npz").exists()]
    if left:
        from sweepspot.training import make_trainer

        trainer = make_trainer(spec, data, CACHE / "weights")
        end = time.monotonic() + 60 * minutes
        for done, result in enumerate(trainer.train(left, lambda *_: False), start=1):
            kept = result.losses.cv if result.losses is not None else None
            if result.state is not State.COMPLETE or kept is None:
                kept = np.full(len(data.cv), np.inf, dtype=np.float32)
            path = CACHE / f"{name}-{result.trial.key}.npz"
            np.savez(path, losses=kept, n_weights=result.n_weights)
            if time.monotonic() > end:
                print(f"{name}: {done} of {len(left)} trained; run again to go on")
                return None
    found = [np.load(CACHE / f"{name}-{t.key}.npz") for t in trials]
    shape = (case.configurations, SEEDS, -1)
    return Population(
        losses=np.stack([f["losses"] for f in found]).reshape(shape),
        n_weights=np.array([int(f["n_weights"]) for f in found]).reshape(shape[:2]).max(axis=1),
    )


def one_draw(population: Population, n_cv: int, draw: int) -> dict[str, float]:
    """Select once on some rows of the pool, and score what was chosen on the others."""
    rng = np.random.default_rng([11, draw])
    configurations, seeds, n_pool = population.losses.shape
    rows = rng.permutation(n_pool)
    cv, hidden = rows[:n_cv], rows[n_cv:]
    # Which training is the sweep's own, and which are fresh, is drawn as well.
    order = np.argsort(rng.random((configurations, seeds)), axis=1)
    some = rng.choice(configurations, TRIALS, replace=False)
    losses = np.take_along_axis(population.losses, order[:, :, None], axis=1)[some]
    n_weights = population.n_weights[some]
    losses = losses.astype(np.float64)
    truth = losses[:, :, hidden].mean(axis=2)
    sweep = losses[:, 0, :][:, cv]
    J_cv = sweep.mean(axis=1)
    ranked = np.argsort(J_cv, kind="stable")
    best = int(ranked[0])
    candidates = [
        Candidate(
            number=int(k),
            n_weights=int(n_weights[k]),
            repeats=tuple(range(1, seeds)),
            cv_losses=losses[k, 1:][:, cv],
        )
        for k in ranked[:FINALISTS]
    ]
    found: dict[str, float] = {"best_of_n": float(truth[best, 0])}
    for rule in ("one_standard_error", "lowest_mean"):
        selection = select(candidates, rule=rule, seed=draw)
        found[rule] = float(truth[selection.number, selection.repeat])
        found[f"{rule}_weights"] = float(n_weights[selection.number])
    found["best_of_n_weights"] = float(n_weights[best])
    return found | stated(sweep, truth[:, 0], draw)


def known_draw(population: Population, n_cv: int, draw: int) -> dict[str, float]:
    """State the optimism of rows drawn from the pool with replacement: the pool is the truth."""
    rng = np.random.default_rng([13, draw])
    configurations, seeds, n_pool = population.losses.shape
    some = rng.choice(configurations, TRIALS, replace=False)
    losses = population.losses[some, rng.integers(seeds, size=TRIALS)].astype(np.float64)
    return stated(losses[:, rng.integers(n_pool, size=n_cv)], losses.mean(axis=1), draw)


def simulated_draw(
    shape: str, spread: float, n_cv: int, trials: int, draw: int
) -> dict[str, float]:
    """State the optimism of simulated trials whose true J is known."""
    rng = np.random.default_rng([17, draw, n_cv, trials, round(100 * spread), *shape.encode()])
    truth = np.exp(spread * rng.standard_normal(trials))
    normal = np.sqrt(SHARED) * rng.standard_normal(n_cv)
    normal = normal + np.sqrt(1 - SHARED) * rng.standard_normal((trials, n_cv))
    if shape == "normal":
        return stated(truth[:, None] + 0.5 * normal, truth, draw)
    if shape == "exponential":
        return stated(truth[:, None] * -stats.norm.logsf(normal), truth, draw)
    sigma = float(shape.removeprefix("lognormal "))
    return stated(truth[:, None] * np.exp(sigma * normal - sigma**2 / 2), truth, draw)


def stated(losses: npt.NDArray[np.float64], truth: Any, seed: int) -> dict[str, float]:
    J_cv = losses.mean(axis=1)
    best = int(J_cv.argmin())
    found = optimism(losses, coverage=COVERAGE, seed=seed)
    return {
        "optimism": float(truth[best] - J_cv[best]),
        "stated": found.value,
        "low": found.low,
        "high": found.high,
    }


def coverage(draws: list[dict[str, float]]) -> dict[str, float]:
    """Return how often the interval held the truth, and how often it lay on either side of it."""
    true, low, high = (np.array([d[key] for d in draws]) for key in ("optimism", "low", "high"))
    return {
        "covered": float(((low <= true) & (true <= high)).mean()),
        "below": float((true < low).mean()),
        "above": float((true > high).mean()),
        "median_width": float(np.median(high - low)),
        "true": float(true.mean()),
        "stated": float(np.mean([d["stated"] for d in draws])),
        "draws": len(draws),
    }


def simulate(draws: int) -> dict[str, Any]:
    """Return the coverage for shapes of losses, spreads of the trials, rows and trials."""
    found = {}
    for shape in ("normal", "exponential", "lognormal 1", "lognormal 1.5"):
        for spread in (0.0, 0.05):
            for n_cv in (60, 360, 2000):
                for trials in (10, 40, 200):
                    name = f"{shape}, spread {spread}, {n_cv} rows, {trials} trials"
                    each = [simulated_draw(shape, spread, n_cv, trials, k) for k in range(draws)]
                    found[name] = coverage(each)
                    print(f"{name:52} covered {found[name]['covered']:.0%}", flush=True)
    return {"level": COVERAGE, "shared": SHARED, "cells": found}


def interval(differences: npt.NDArray[np.float64]) -> list[float]:
    """Return the mean and its 95 % interval over draws, normal."""
    error = 1.96 * differences.std(ddof=1) / np.sqrt(len(differences))
    mean = differences.mean()
    return [float(mean), float(mean - error), float(mean + error)]


def summarize(name: str, population: Population, draws: int) -> dict[str, Any]:
    found = [one_draw(population, CASES[name].n_cv, k) for k in range(draws)]
    column = {key: np.array([f[key] for f in found]) for key in found[0]}
    n_cv, n_hidden = CASES[name].n_cv, population.losses.shape[2] - CASES[name].n_cv
    scatter = np.sqrt(1 + n_cv / n_hidden)
    return {
        "configurations": len(population.losses),
        "trials": TRIALS,
        "cv_rows": n_cv,
        "hidden_rows": n_hidden,
        "draws": draws,
        "true_J": {
            key: float(column[key].mean())
            for key in ("best_of_n", "one_standard_error", "lowest_mean")
        },
        "weights": {
            key: float(column[f"{key}_weights"].mean())
            for key in ("best_of_n", "one_standard_error", "lowest_mean")
        },
        "minus_best_of_n": {
            key: interval(column[key] - column["best_of_n"])
            for key in ("one_standard_error", "lowest_mean")
        },
        "percent_of_best_of_n": {
            key: interval(100 * (column[key] - column["best_of_n"]) / column["best_of_n"].mean())
            for key in ("one_standard_error", "lowest_mean")
        },
        "optimism": {
            "true": interval(column["optimism"]),
            "level": COVERAGE,
            # The hidden rows are a sample as well, so the truth that is known scatters.
            "attainable": float(
                2 * stats.norm.cdf(stats.norm.ppf((1 + COVERAGE) / 2) / scatter) - 1
            ),
            "hidden": coverage(found),
            "known": coverage([known_draw(population, n_cv, k) for k in range(4 * draws)]),
        },
    }


def show(name: str, s: dict[str, Any]) -> None:
    print(
        f"{name}: {s['draws']} draws of {s['trials']} out of {s['configurations']} "
        f"configurations, {s['cv_rows']} cv rows, {s['hidden_rows']} hidden rows"
    )
    for key, J in s["true_J"].items():
        line = f"  {key:20} true J {J:.4f}, {s['weights'][key]:8,.0f} weights"
        if key in s["minus_best_of_n"]:
            mean, low, high = s["minus_best_of_n"][key]
            line += f", minus best of n {mean:+.4f} ({low:+.4f} to {high:+.4f})"
        print(line)
    o = s["optimism"]
    for key, most in (("hidden", f" of at most {o['attainable']:.0%}"), ("known", "")):
        c = o[key]
        print(
            f"  optimism, {key:10} true {c['true']:.4f}, stated {c['stated']:.4f}, interval of "
            f"{o['level']:.0%} covered {c['covered']:.0%}{most} (below {c['below']:.0%}, above "
            f"{c['above']:.0%}), width {c['median_width']:.3f}"
        )


def pool(summaries: dict[str, Any]) -> dict[str, list[float]]:
    """Return the mean over data sets of the differences in %, the data sets counting alike.

    The interval is over draws: of these populations, not of the data sets there might be.
    """
    pooled = {}
    for key in ("one_standard_error", "lowest_mean"):
        each = np.array([summaries[name]["percent_of_best_of_n"][key] for name in CASES])
        half = np.sqrt(np.square(each[:, 2] - each[:, 0]).sum()) / len(each)
        mean = each[:, 0].mean()
        pooled[key] = [float(mean), float(mean - half), float(mean + half)]
        print(f"{key}: {mean:+.1f} % ({mean - half:+.1f} to {mean + half:+.1f}) on average")
    return pooled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--only", choices=[*CASES, SIMULATED], nargs="*")
    parser.add_argument("--minutes", type=float, default=60.0, help="of training, at most")
    parser.add_argument("--out", type=Path, default=HERE / "selection.json")
    arguments = parser.parse_args()
    out = arguments.out
    summaries = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for name in arguments.only or [*CASES, SIMULATED]:
        if name == SIMULATED:
            summaries[name] = simulate(arguments.draws)
            continue
        if (population := train_population(name, arguments.minutes)) is None:
            return
        summaries[name] = summarize(name, population, arguments.draws)
        show(name, summaries[name])
    if summaries.keys() >= CASES.keys():
        summaries["pooled_percent_of_best_of_n"] = pool(summaries)
    out.write_text(json.dumps(summaries, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
