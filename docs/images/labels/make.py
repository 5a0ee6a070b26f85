"""Draw one picture for each label, from verdicts of the package on planted losses and curves.

    python docs/images/labels/make.py

Every sweep has twelve good runs and one odd run. What is planted is the curve of J_train and of
J_cv of the odd run; the label, and the bars beside the curves, are what `diagnose` says of it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sweepspot.diagnosis import Evidence, Label, Verdict, diagnose

EPOCHS, N_TRAIN, N_CV = 40, 500, 300
J_NAIVE, J_TRAIN, J_CV = 1.0, 0.20, 0.30
TRAIN_COLOUR, CV_COLOUR, GREY = "#0072b2", "#d55e00", "#777777"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is planted: where the odd run ends, how fast, and how much each example scatters."""

    name: str
    train: float
    cv: float
    speed: float = 6.0
    overfits_from: float | None = None
    scatter: float = 0.3
    naive: float = J_NAIVE
    n_cv: int = N_CV
    diverges: bool = False


CASES = (
    Case(name="good_fit", train=0.20, cv=0.30, scatter=0.15),
    Case(name="high_bias", train=0.55, cv=0.63),
    Case(name="high_variance", train=0.06, cv=0.62, overfits_from=0.38),
    Case(name="high_bias_high_variance", train=0.38, cv=0.68),
    Case(name="under_trained", train=0.42, cv=0.50, speed=30.0),
    Case(name="inconclusive", train=0.24, cv=0.38, scatter=0.4, n_cv=60),
    Case(name="not_assessed", train=2.2, cv=2.3, diverges=True),
    Case(name="no_signal", train=0.28, cv=0.34, naive=0.305),
)


def curve(case: Case, end: float, rng: np.random.Generator) -> np.ndarray:
    """Return J by epoch: a fall that slows down, with the little jumps of real training."""
    epochs = np.arange(1, EPOCHS + 1)
    fall = np.exp(-epochs / case.speed)
    if case.diverges:
        values = 1.05 * np.exp(np.log(end / 1.05) * (epochs / EPOCHS) ** 2)
    else:
        start = max(1.1 * case.naive, 1.15 * end)
        values = end + (start - end) * (fall - fall[-1]) / (1 - fall[-1])
    jumps = rng.normal(0, 0.012 * abs(case.naive - J_TRAIN), EPOCHS)
    jumps[-1] = 0
    return values + jumps


def overfitting(case: Case, low: float, rng: np.random.Generator) -> np.ndarray:
    """Return J_cv that falls to `low` and rises to where the case ends."""
    first = curve(case, low, rng)
    late = np.maximum(np.arange(EPOCHS) - EPOCHS / 4, 0) / (0.75 * EPOCHS - 1)
    return first + (case.cv - low) * late


def losses(rng: np.random.Generator, hard: np.ndarray, J: float, scatter: float) -> np.ndarray:
    """Return per-example losses of exactly this mean; hard examples are hard for every run."""
    drawn = hard * rng.lognormal(0, scatter, len(hard))
    return drawn * (J / drawn.mean())


def plant(case: Case) -> dict[str, Evidence]:
    """Return the runs of a case's sweep; the odd one is `odd`."""
    rng = np.random.default_rng(3)
    hard = rng.exponential(size=N_TRAIN), rng.exponential(size=case.n_cv)
    train, cv = curve(case, case.train, rng), curve(case, case.cv, rng)
    if case.overfits_from is not None:
        cv = overfitting(case, case.overfits_from, rng)
    runs = {}
    for i in range(12):
        best = Case(name="good", train=J_TRAIN + i / 2000, cv=J_CV + i / 1000, naive=case.naive)
        runs[f"good {i}"] = Evidence(
            train_losses=losses(rng, hard[0], best.train, case.scatter),
            cv_losses=losses(rng, hard[1], best.cv, case.scatter),
            train_curve=curve(best, best.train, rng),
            cv_curve=curve(best, best.cv, rng),
        )
    runs["odd"] = Evidence(
        train_losses=losses(rng, hard[0], case.train, case.scatter),
        cv_losses=losses(rng, hard[1], case.cv, case.scatter),
        train_curve=train,
        cv_curve=cv,
    )
    return runs


def draw_curves(axes: Axes, runs: dict[str, Evidence], naive: float) -> None:
    """Show the learning curves of the odd run and of three good ones."""
    epochs = np.arange(1, EPOCHS + 1)
    good = [run for name, run in runs.items() if name != "odd"][:3]
    for values, colour, name in (
        (np.mean([run.cv_curve for run in good], axis=0), CV_COLOUR, "frontier J_cv"),
        (np.mean([run.train_curve for run in good], axis=0), TRAIN_COLOUR, "frontier J_train"),
    ):
        axes.plot(epochs, values, color=colour, lw=1.2, ls="--", alpha=0.7, label=name)
    axes.plot(epochs, runs["odd"].cv_curve, color=CV_COLOUR, lw=2.2, label="this run J_cv")
    axes.plot(epochs, runs["odd"].train_curve, color=TRAIN_COLOUR, lw=2.2, label="this run J_train")
    axes.axhline(naive, color=GREY, lw=1, ls=":", label="best constant guess")
    highest = max(naive, np.max(runs["odd"].cv_curve))
    axes.set(xlabel="epoch", ylabel="J", xlim=(1, EPOCHS), ylim=(0, 1.08 * highest))


def draw_split(axes: Axes, verdict: Verdict) -> None:
    """Show how far the run is from the frontier, and of which part, with 90 % intervals."""
    names = ("excess", "bias", "variance")
    if verdict.label is Label.NOT_ASSESSED or names[0] not in verdict.numbers:
        why = "it diverged" if verdict.label is Label.NOT_ASSESSED else "no unit to measure in"
        axes.text(0.5, 0.5, f"not compared:\n{why}", ha="center", va="center", color=GREY)
        axes.set_axis_off()
        return
    places = np.arange(len(names))[::-1]
    axes.axvline(0, color=GREY, lw=0.8)
    for place, name in zip(places, names, strict=True):
        number = verdict.numbers[name]
        axes.barh(place, number.value, height=0.5, color="#bbbbbb")
        axes.plot([number.low, number.high], [place, place], color="black", lw=1.6)
        for end in (number.low, number.high):
            axes.plot([end, end], [place - 0.12, place + 0.12], color="black", lw=1.6)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.1), max(high, 0.1))
    axes.set_yticks(places, names)
    axes.set_xlabel("share of z (90 % CI)")


def draw(case: Case) -> str:
    """Write the picture of a case, and return the label it got."""
    runs = plant(case)
    verdict = diagnose(runs, J_naive=case.naive)["odd"]
    figure = Figure(figsize=(7.4, 2.9), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    draw_curves(left, runs, case.naive)
    draw_split(right, verdict)
    label = str(verdict.label)
    title = f"no signal: every run is {label}" if case.name == "no_signal" else label
    figure.suptitle(title, fontweight="bold", x=0.01, ha="left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=8,
        handlelength=1.6,
        columnspacing=1.2,
    )
    figure.savefig(Path(__file__).with_name(f"{case.name}.png"))
    return f"{case.name}: {label}: {verdict.reason}"


if __name__ == "__main__":
    for one in CASES:
        sys.stdout.write(f"{draw(one)}\n")
