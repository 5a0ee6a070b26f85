"""The learning curve of a trial as a picture, for its page in the tracking store."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sweepspot.diagnosis import Frontier, Verdict
from sweepspot.trial import TrialResult

__all__ = ["CurvePainter"]

TRAIN, CV, FRONTIER = "#1b6ca8", "#d1495b", "#5c946e"


class CurvePainter:
    """Draws one curve after another on one canvas: a new figure each would cost twice the time."""

    def __init__(self) -> None:
        self._figure = Figure(figsize=(6.4, 3.6), dpi=100)
        FigureCanvasAgg(self._figure)
        self._axes: Axes = self._figure.add_axes((0.11, 0.15, 0.86, 0.72))

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
        axes.clear()
        axes.plot(curve.steps, curve.J_train, color=TRAIN, label="J_train", linewidth=1.8)
        axes.plot(curve.steps, curve.J_cv, color=CV, label="J_cv", linewidth=1.8)
        if result.best_epoch:
            axes.axvline(result.best_epoch, color="0.6", linewidth=1, label="epoch kept")
        if frontier is not None:
            axes.axhline(frontier.J_cv.value, color=FRONTIER, linestyle="--", label="frontier J_cv")
        axes.set_title(f"#{result.number:03d}  {verdict.label}", loc="left", fontsize=11)
        axes.set_xlabel("epochs")
        axes.set_ylabel("J")
        axes.spines[["top", "right"]].set_visible(False)
        if curve.J_cv:
            axes.legend(frameon=False, fontsize=9)
        else:
            axes.text(0.5, 0.5, result.reason or "no epoch was completed", ha="center", wrap=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._figure.savefig(path)
