"""How often the diagnosis is right, beside the usual rules, on folders of labelled runs.

    python benchmarks/calibration.py --data DIR [DIR ...] [--write benchmarks/calibration]

A folder holds `runs.csv` (a row a run, with its truth) and one `<dataset>.npz` a data set with
`<sweep>.train_losses` and `<sweep>.cv_losses` in the row order of the csv; where there are also
`<sweep>.train_curves` and `<sweep>.cv_curves`, the diagnosis is scored with them too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweepspot.diagnosis import Evidence, diagnose
from sweepspot.diagnosis.history import diagnose_histories
from sweepspot.diagnosis.logged import History

CAUSES = {
    "high_bias": "bias",
    "under_trained": "bias",
    "high_variance": "variance",
    "high_bias_high_variance": "tie",
}
CLASSES = ("bias", "variance", "tie", "neither")
SCORES = ("exact", "right", "opposite", "answered", "balanced_recall")
DRAWS = 1000
# Decision 0013: on these a threshold was chosen, or they were looked at meanwhile.
LOOKED_AT = ("adult", "housing", "digits", "friedman", "clusters", "mnist")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The runs of one sweep: what rules may see, and the truth in `rows.truth`."""

    rows: pd.DataFrame
    train: np.ndarray
    cv: np.ndarray
    curves: tuple[np.ndarray, np.ndarray] | None = None


Rule = Callable[[Labelled], list[str]]


def sweepspot(sweep: Labelled) -> list[str]:
    runs = {
        str(i): Evidence(train_losses=train, cv_losses=cv)
        for i, (train, cv) in enumerate(zip(sweep.train, sweep.cv, strict=True))
    }
    verdicts = diagnose(runs, J_naive=float(sweep.rows.J_naive.iloc[0]))
    return [str(verdict.label) for verdict in verdicts.values()]


def sweepspot_with_curves(sweep: Labelled) -> list[str]:
    if sweep.curves is None:
        return []
    runs = {
        str(i): Evidence(train_losses=train, cv_losses=cv, train_curve=a, cv_curve=b)
        for i, (train, cv, a, b) in enumerate(
            zip(sweep.train, sweep.cv, *sweep.curves, strict=True)
        )
    }
    verdicts = diagnose(runs, J_naive=float(sweep.rows.J_naive.iloc[0]))
    return [str(verdict.label) for verdict in verdicts.values()]


def logged_losses(sweep: Labelled) -> list[str]:
    """`sweepspot diagnose`: Keras's own numbers of the last epoch, without their curves."""
    rows = sweep.rows
    pairs = zip(rows.history_loss, rows.history_val_loss, strict=True)
    runs = {str(i): History(J_train=train, J_cv=cv) for i, (train, cv) in enumerate(pairs)}
    verdicts = diagnose_histories(runs, J_naive=float(rows.J_naive.iloc[0]))
    return [str(verdict.label) for verdict in verdicts.values()]


def history_ratio(sweep: Labelled) -> list[str]:
    """`val_loss` > 1.1 x `loss` is variance, else `loss` above the best `val_loss` is bias."""
    rows = sweep.rows
    best = rows.history_val_loss.min()
    worse = np.where(rows.history_loss > best, "high_bias", "good_fit")
    wide = rows.history_val_loss > 1.1 * rows.history_loss
    return list(np.where(wide, "high_variance", worse))


def one_baseline(sweep: Labelled) -> list[str]:
    """Ng's recipe with the best J_cv of the sweep as the one baseline, as shares of z."""
    rows = sweep.rows
    best = rows.J_cv.min()
    z = rows.J_naive - best
    bias, variance = (rows.J_train - best) / z, (rows.J_cv - rows.J_train) / z
    worst = np.where(bias > variance, "high_bias", "high_variance")
    return list(np.where(np.maximum(bias, variance) > 0.02, worst, "good_fit"))


def _by_gap(rows: pd.DataFrame, wide: pd.Series) -> list[str]:
    worse = np.where(rows.J_cv > 1.02 * rows.J_cv.min(), "high_bias", "good_fit")
    return list(np.where(wide, "high_variance", worse))


def relative_gap(sweep: Labelled) -> list[str]:
    """A gap of a tenth of J_train is variance (SageMaker Debugger's Overfit)."""
    rows = sweep.rows
    return _by_gap(rows, (rows.J_cv - rows.J_train) / rows.J_train > 0.1)


def floored_gap(sweep: Labelled) -> list[str]:
    """A gap of max(.03, .1 J_train) is variance (skore's SKD001)."""
    rows = sweep.rows
    return _by_gap(rows, rows.J_cv - rows.J_train >= np.maximum(0.03, 0.1 * rows.J_train))


def always_bias(sweep: Labelled) -> list[str]:
    return ["high_bias"] * len(sweep.rows)


def always_variance(sweep: Labelled) -> list[str]:
    return ["high_variance"] * len(sweep.rows)


RULES: dict[str, Rule] = {
    "sweepspot": sweepspot,
    "sweepspot, with curves": sweepspot_with_curves,
    "logged losses": logged_losses,
    "history ratio 1.1": history_ratio,
    "Ng, one baseline": one_baseline,
    "relative gap > .1": relative_gap,
    "gap >= max(.03, .1 ref)": floored_gap,
    "always bias": always_bias,
    "always variance": always_variance,
}


def sweeps(data: Path) -> Iterator[Labelled]:
    """Yield the labelled sweeps of a folder."""
    runs = pd.read_csv(data / "runs.csv")
    for (dataset, sweep), rows in runs.groupby(["dataset", "sweep"], sort=False):
        with np.load(data / f"{dataset}.npz") as kept:
            curves = [kept.get(f"{sweep}.{split}_curves") for split in ("train", "cv")]
            yield Labelled(
                rows=rows.sort_values("row"),
                train=kept[f"{sweep}.train_losses"],
                cv=kept[f"{sweep}.cv_losses"],
                curves=None if curves[0] is None else (curves[0], curves[1]),
            )


def label_all(data: Path) -> pd.DataFrame:
    """Return a row for each run and rule: data set, configuration, truth, label and cause."""
    parts = []
    for sweep in sweeps(data):
        seen = sweep.rows[["dataset", "n_train", "row", "truth"]]
        for name, rule in RULES.items():
            if labels := rule(sweep):
                parts.append(seen.assign(rule=name, label=labels))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(cause=table.label.map(CAUSES).fillna("neither"))


def scores_of(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the five scores of confusion tables `(..., truth, cause)`, in the order of CLASSES.

    `right` is about the cases where truth and label are both bias or variance; `opposite` and
    `answered` are shares of the decided truths; recall is over bias, variance and neither.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        diagonal = np.diagonal(counts, axis1=-2, axis2=-1)
        decided = counts[..., :2, :].sum(axis=(-2, -1))
        both = counts[..., :2, :2].sum(axis=(-2, -1))
        right = diagonal[..., :2].sum(axis=-1)
        recall = (diagonal / counts.sum(axis=-1))[..., [0, 1, 3]]
        return {
            "exact": diagonal.sum(axis=-1) / counts.sum(axis=(-2, -1)),
            "right": right / both,
            "opposite": (both - right) / decided,
            "answered": both / decided,
            "balanced_recall": np.nanmean(recall, axis=-1),
        }


def score(labelled: pd.DataFrame) -> dict[str, Any]:
    """Return the scores with 90 % intervals of a bootstrap over configurations.

    Both seeds of a configuration are drawn together, as they share a truth.
    """
    places = {name: place for place, name in enumerate(CLASSES)}
    unit = labelled.groupby(["dataset", "n_train", "row"]).ngroup().to_numpy()
    counts = np.zeros((unit.max() + 1, 4, 4))
    np.add.at(counts, (unit, labelled.truth.map(places), labelled.cause.map(places)), 1)
    drawn = np.random.default_rng(0).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), size=DRAWS
    )
    point = scores_of(counts.sum(axis=0))
    draws = scores_of(np.einsum("du,utc->dtc", drawn, counts))
    found: dict[str, Any] = {"n": len(labelled)}
    for name in SCORES:
        low, high = np.nanquantile(draws[name], (0.05, 0.95))
        numbers = {"value": point[name], "low": low, "high": high}
        # JSON has no NaN: a score without a case is null.
        found[name] = {
            key: None if np.isnan(value) else round(float(value), 4)
            for key, value in numbers.items()
        }
    return found


def groups(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each data set, then those looked at while choosing and those not, then all."""
    for dataset, rows in table.groupby("dataset", sort=False):
        yield str(dataset), rows
    looked_at = table.dataset.isin(LOOKED_AT)
    if looked_at.any() and not looked_at.all():
        yield "looked at", table[looked_at]
        yield "confirmation", table[~looked_at]
    yield "all", table


def report(data: Path) -> dict[str, Any]:
    """Return what was measured on one folder, as plain JSON."""
    table = label_all(data)
    scores = [
        {"data": name, "rule": str(rule), **score(part)}
        for name, rows in groups(table)
        for rule, part in rows.groupby("rule", sort=False)
    ]
    confusion = {
        name: pd.crosstab(rows.truth, rows.label).to_dict("index")
        for name, rows in groups(table[table.rule == "sweepspot"])
    }
    name = f"{data.parent.name}/{data.name}" if data.name == "kept" else data.name
    return {"folder": name, "scores": scores, "confusion": confusion}


def as_markdown(found: dict[str, Any]) -> str:
    """Write scores and confusion of one folder as two tables."""
    lines = [f"| data | rule | n | {' | '.join(SCORES)} |", "| --- " * (3 + len(SCORES)) + "|"]
    for row in found["scores"]:
        cells = [_cell(row[name]) for name in SCORES]
        lines.append(f"| {row['data']} | {row['rule']} | {row['n']} | {' | '.join(cells)} |")
    for name, confusion in found["confusion"].items():
        table = pd.DataFrame(confusion).T.fillna(0).astype(int)
        table = table.reindex([truth for truth in CLASSES if truth in table.index])
        lines += ["", f"| {name}: truth | {' | '.join(table.columns)} |"]
        lines.append("| --- " * (1 + table.shape[1]) + "|")
        lines += [
            f"| {truth} | {' | '.join(map(str, counts))} |" for truth, counts in table.iterrows()
        ]
    return "\n".join(lines) + "\n"


def _cell(number: dict[str, float | None]) -> str:
    if number["value"] is None:
        return "-"
    return f"{number['value']:.2f} ({number['low']:.2f}-{number['high']:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders of labelled runs"
    )
    parser.add_argument("--write", type=Path, help="write NAME.json and NAME.md as well")
    args = parser.parse_args()
    folders = [report(data) for data in args.data]
    text = "\n".join(f"## {found['folder']}\n\n{as_markdown(found)}" for found in folders)
    print(text)
    if args.write:
        args.write.with_suffix(".json").write_text(json.dumps(folders, indent=1) + "\n")
        args.write.with_suffix(".md").write_text(f"# {args.write.name}\n\n{text}")


if __name__ == "__main__":
    main()
