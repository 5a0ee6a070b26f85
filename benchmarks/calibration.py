"""How often the diagnosis is right, beside the usual rules, on folders of labelled runs.

    python benchmarks/calibration.py --data DIR

DIR holds `runs.csv` (a row a run, with its truth) and one `<dataset>.npz` a data set with
`<sweep>.train_losses` and `<sweep>.cv_losses` in the row order of the csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from sweepspot.diagnosis import Evidence, diagnose

Rule = Callable[[pd.DataFrame, np.ndarray, np.ndarray], list[str]]

CAUSES = {
    "high_bias": "bias",
    "under_trained": "bias",
    "high_variance": "variance",
    "high_bias_high_variance": "tie",
}
DECIDED = ("bias", "variance")


def sweepspot(rows: pd.DataFrame, train: np.ndarray, cv: np.ndarray) -> list[str]:
    runs = {str(i): Evidence(train_losses=train[i], cv_losses=cv[i]) for i in range(len(rows))}
    verdicts = diagnose(runs, J_naive=float(rows.J_naive.iloc[0]))
    return [str(verdict.label) for verdict in verdicts.values()]


def history_ratio(rows: pd.DataFrame, train: np.ndarray, cv: np.ndarray) -> list[str]:
    """`val_loss` > 1.1 x `loss` is variance, else `loss` above the best `val_loss` is bias."""
    best = rows.history_val_loss.min()
    worse = np.where(rows.history_loss > best, "high_bias", "good_fit")
    wide = rows.history_val_loss > 1.1 * rows.history_loss
    return list(np.where(wide, "high_variance", worse))


def one_baseline(rows: pd.DataFrame, train: np.ndarray, cv: np.ndarray) -> list[str]:
    """Ng's recipe with the best J_cv of the sweep as the one baseline, as shares of z."""
    best = rows.J_cv.min()
    z = rows.J_naive - best
    bias, variance = (rows.J_train - best) / z, (rows.J_cv - rows.J_train) / z
    worst = np.where(bias > variance, "high_bias", "high_variance")
    return list(np.where(np.maximum(bias, variance) > 0.02, worst, "good_fit"))


def _by_gap(rows: pd.DataFrame, wide: pd.Series) -> list[str]:
    worse = np.where(rows.J_cv > 1.02 * rows.J_cv.min(), "high_bias", "good_fit")
    return list(np.where(wide, "high_variance", worse))


def relative_gap(rows: pd.DataFrame, train: np.ndarray, cv: np.ndarray) -> list[str]:
    """A gap of a tenth of J_train is variance (SageMaker Debugger's Overfit)."""
    return _by_gap(rows, (rows.J_cv - rows.J_train) / rows.J_train > 0.1)


def floored_gap(rows: pd.DataFrame, train: np.ndarray, cv: np.ndarray) -> list[str]:
    """A gap of max(.03, .1 J_train) is variance (skore's SKD001)."""
    return _by_gap(rows, rows.J_cv - rows.J_train >= np.maximum(0.03, 0.1 * rows.J_train))


def always_bias(rows: pd.DataFrame, train: np.ndarray, cv: np.ndarray) -> list[str]:
    return ["high_bias"] * len(rows)


RULES: dict[str, Rule] = {
    "sweepspot": sweepspot,
    "history ratio 1.1": history_ratio,
    "Ng, one baseline": one_baseline,
    "relative gap > .1": relative_gap,
    "gap >= max(.03, .1)": floored_gap,
    "always bias": always_bias,
}


def sweeps(data: Path) -> Iterator[tuple[pd.DataFrame, np.ndarray, np.ndarray]]:
    """Yield the rows and losses of each sweep."""
    runs = pd.read_csv(data / "runs.csv")
    for (dataset, sweep), rows in runs.groupby(["dataset", "sweep"], sort=False):
        with np.load(data / f"{dataset}.npz") as kept:
            losses = kept[f"{sweep}.train_losses"], kept[f"{sweep}.cv_losses"]
        yield rows.sort_values("row"), *losses


def score(truth: pd.Series, label: pd.Series) -> dict[str, float]:
    """Return the five scores; `right` and `opposite` are about bias against variance."""
    cause = label.map(CAUSES).fillna("neither")
    decided = truth.isin(DECIDED)
    both = decided & cause.isin(DECIDED)
    recall = [(cause[truth == c] == c).mean() for c in (*DECIDED, "neither") if c in set(truth)]
    return {
        "exact": float((cause == truth).mean()),
        "right": float((cause == truth)[both].mean()),
        "opposite": float((both & (cause != truth)).sum() / max(decided.sum(), 1)),
        "answered": float(both.sum() / max(decided.sum(), 1)),
        "balanced_recall": float(np.mean(recall)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of labelled runs")
    data = parser.parse_args().data
    labelled = []
    for rows, train, cv in sweeps(data):
        labelled += [
            rows[["dataset", "truth"]].assign(rule=name, label=rule(rows, train, cv))
            for name, rule in RULES.items()
        ]
    table = pd.concat(labelled)
    scores = [
        {"data": dataset, "rule": name, "n": len(part), **score(part.truth, part.label)}
        for dataset, rows in [*table.groupby("dataset"), ("all", table)]
        for name, part in rows.groupby("rule", sort=False)
    ]
    print(pd.DataFrame(scores).round(3).to_string(index=False))
    ours = table[table.rule == "sweepspot"]
    print("\nsweepspot, truth by label")
    print(pd.crosstab(ours.truth, ours.label).to_string())


if __name__ == "__main__":
    main()
