"""The learning curve of a trial as a picture, for its page in the tracking store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sweepspot.diagnosis import Diagnosis, Frontier, Verdict
from sweepspot.report.thinning import ranked
from sweepspot.trial import TrialResult, run_id

__all__ = ["PICTURES", "CurvePainter", "pictured"]

TRAIN, CV, FRONTIER = "#1b6ca8", "#d1495b", "#5c946e"

PICTURES = 60
"""How many trials of a sweep have a picture of their own: decision 0056."""

_TITLE_Y = 1.035


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
    """Draws one curve after another: moves the same lines over what all pictures share.

    Words cost the most, so axis labels and the legend are drawn once and kept as pixels.
    """

    def __init__(self) -> None:
        self._figure = Figure(figsize=(6.4, 3.6), dpi=100)
        # Without types in Matplotlib.
        self._canvas: Any = FigureCanvasAgg(self._figure)
        axes: Axes = self._figure.add_axes((0.12, 0.15, 0.85, 0.72))
        (self._train,) = axes.plot([], color=TRAIN, label="J_train", linewidth=1.8)
        (self._cv,) = axes.plot([], color=CV, label="J_cv", linewidth=1.8)
        self._kept = axes.axvline(0, color="0.6", linewidth=1, label="epoch kept")
        self._frontier = axes.axhline(0, color=FRONTIER, linestyle="--", label="frontier J_cv")
        self._words = axes.text(0.5, 0.5, "", transform=axes.transAxes, ha="center", wrap=True)
        # Texts with a place of their own: a title or an axis label measures all others to find one.
        self._title = axes.text(0, _TITLE_Y, "", transform=axes.transAxes, fontsize=11)
        self._figure.text(0.545, 0.035, "epochs", ha="center")
        self._figure.text(0.016, 0.51, "J", va="center", rotation="vertical")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_label_coords(0, 0)
        axes.spines[["top", "right"]].set_visible(False)
        lines = (self._kept, self._frontier, self._train, self._cv)
        self._moving = (*lines, axes.xaxis, axes.yaxis, self._words)
        for artist in (*self._moving, self._title):
            # Left out where the background is drawn.
            artist.set_animated(True)
        self._axes = axes
        self._backgrounds: dict[tuple[Line2D, ...], Any] = {}

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
        self._draw(named=bool(steps))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Compressing harder takes longer than drawing, and saves a third of 30 kB.
        imsave(path, self._canvas.buffer_rgba(), pil_kwargs={"compress_level": 1})

    def _draw(self, *, named: bool) -> None:
        shown = [self._train, self._cv, self._kept, self._frontier] if named else []
        names = tuple(line for line in shown if line.get_visible())
        if names not in self._backgrounds:
            self._backgrounds[names] = self._background(names)
        self._canvas.restore_region(self._backgrounds[names])
        renderer = self._canvas.get_renderer()
        for artist in self._moving:
            artist.draw(renderer)
        # By now the axis has written its power of ten, if any, where the title would begin.
        power = self._axes.yaxis.get_offset_text().get_text()
        self._title.set_y(_TITLE_Y + (0.07 if power else 0.0))
        self._title.draw(renderer)

    def _background(self, names: Sequence[Line2D]) -> Any:
        legend = self._axes.legend(
            names,
            [str(line.get_label()) for line in names],
            frameon=False,
            fontsize=8,
            ncols=4,
            columnspacing=1.2,
            handlelength=1.4,
            # Above the axes, where no curve runs through it.
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
        )
        legend.set_visible(bool(names))
        self._canvas.draw()
        return self._canvas.copy_from_bbox(self._figure.bbox)


def _limits(values: Iterable[float]) -> tuple[float, float]:
    """Return the range of the finite values with a margin, 0 to 1 where there are none."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
