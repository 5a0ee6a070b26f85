"""The learning curve of a trial as a picture, for its page in the tracking store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sweepspot.diagnosis import Diagnosis, Frontier, Verdict
from sweepspot.report.thinning import ranked
from sweepspot.trial import TrialResult, run_id

__all__ = ["PICTURES", "CurvePainter", "pictured"]

TRAIN, CV, FRONTIER = "#1b6ca8", "#d1495b", "#5c946e"

PICTURES = 60
"""How many trials of a sweep have a picture of their own: decision 0056."""


def pictured(results: Mapping[int, TrialResult], diagnosis: Diagnosis) -> list[int]:
    """Choose the trials worth a picture: half of them the best, then the best of each label.

    Args:
        results: Of the sweep, by number.
        diagnosis: Of the same trials.

    Returns:
        At most `PICTURES` numbers, in order; all of a small sweep.
    """
    by_rank = ranked(results)
    if len(by_rank) <= PICTURES:
        return sorted(by_rank)
    chosen = by_rank[: PICTURES // 2]
    labels: dict[str, list[int]] = {}
    for number in by_rank[len(chosen) :]:
        labels.setdefault(str(diagnosis[run_id(number)].label), []).append(number)
    share = (PICTURES - len(chosen)) // max(1, len(labels))
    return sorted(chosen + [n for members in labels.values() for n in members[:share]])


class CurvePainter:
    """Draws one curve after another by moving the same lines: new ones cost four times as much."""

    def __init__(self) -> None:
        self._figure = Figure(figsize=(6.4, 3.6), dpi=100)
        FigureCanvasAgg(self._figure)
        axes: Axes = self._figure.add_axes((0.11, 0.15, 0.86, 0.72))
        (self._train,) = axes.plot([], color=TRAIN, label="J_train", linewidth=1.8)
        (self._cv,) = axes.plot([], color=CV, label="J_cv", linewidth=1.8)
        self._kept = axes.axvline(0, color="0.6", linewidth=1, label="epoch kept")
        self._frontier = axes.axhline(0, color=FRONTIER, linestyle="--", label="frontier J_cv")
        self._words = axes.text(0.5, 0.5, "", transform=axes.transAxes, ha="center", wrap=True)
        axes.set_xlabel("epochs")
        axes.set_ylabel("J")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.spines[["top", "right"]].set_visible(False)
        self._title = axes.set_title("", loc="left", fontsize=11)
        self._axes = axes

    def save(
        self, result: TrialResult, verdict: Verdict, frontier: Frontier | None, path: Path
    ) -> None:
        """Draw J_train and J_cv by epoch, the epoch kept, and the frontier's J_cv.

        Args:
            result: With a curve; an empty one gives an empty picture that says so.
            verdict: For the title.
            frontier: Of the sweep, None when it has none.
            path: Of the `.png`.
        """
        axes, curve = self._axes, result.curve
        steps = list(curve.steps)
        self._train.set_data(steps[: len(curve.J_train)], curve.J_train)
        self._cv.set_data(steps, curve.J_cv)
        self._kept.set_xdata([result.best_epoch])
        self._kept.set_visible(bool(result.best_epoch))
        level = [frontier.J_cv.value] if frontier is not None and steps else []
        self._frontier.set_visible(bool(level))
        self._frontier.set_ydata(level * 2 or [0, 0])
        self._title.set_text(f"{run_id(result.number)}  {verdict.label}")
        axes.set_xlim(*_limits(steps))
        axes.set_ylim(*_limits([*curve.J_train, *curve.J_cv, *level]))
        self._words.set_text("" if steps else result.reason or "no epoch was completed")
        self._show_legend([self._train, self._cv, self._kept, self._frontier] if steps else [])
        path.parent.mkdir(parents=True, exist_ok=True)
        # Compressing harder takes longer than drawing, and saves a third of 40 kB.
        self._figure.savefig(path, pil_kwargs={"compress_level": 1})

    def _show_legend(self, lines: Iterable[Line2D]) -> None:
        shown = [line for line in lines if line.get_visible()]
        legend = self._axes.get_legend()
        names = [str(line.get_label()) for line in shown]
        if legend is None or [text.get_text() for text in legend.get_texts()] != names:
            legend = self._axes.legend(
                shown,
                names,
                frameon=False,
                fontsize=8,
                ncols=4,
                columnspacing=1.2,
                handlelength=1.4,
                # Above the axes, where no curve runs through it.
                loc="lower right",
                bbox_to_anchor=(1.0, 1.0),
            )
        legend.set_visible(bool(shown))


def _limits(values: Iterable[float]) -> tuple[float, float]:
    """Return the range of the finite values with a margin, 0 to 1 where there are none."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
