"""Pictures of how cost grows, from `bench.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from suite.records import Records
from suite.table import SPEED, median, pairs
from suite.works import HAND, WORKS

__all__ = ["draw"]

COLORS = {"auto": "#1b6ca8", "plain": "#d1495b"}
LABELS = {"auto": "default", "plain": "trainer: plain"}
SHORT_NAMES = {HAND: "by hand", "keras_tuner": "Keras Tuner", "ray_tune": "Ray Tune"}
VARIED = ("trials", "rows", "width", "workers")


def draw(records: Records, folder: Path) -> list[Path]:
    """Draw what is measured, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *_growth(records, folder / "growth.png"),
        *_gain(records, folder / "gain.png"),
        *_ratios(records, folder / "ratios.png"),
    ]


def _growth(records: Records, path: Path) -> list[Path]:
    """Seconds against trials, rows, width and workers, a panel each."""
    series = _series(records)
    shown = [name for name in VARIED if series.get(name)]
    if not shown:
        return []
    figure = Figure(figsize=(2.9 * len(shown), 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(_panels(figure, len(shown)), shown, strict=True):
        for tier, points in series[name].items():
            xs, ys = zip(*sorted(points.items()), strict=True)
            axes.plot(xs, ys, "o-", color=COLORS[tier], label=LABELS[tier], clip_on=False)
        axes.set(xlabel=name, ylim=(0, None))
        _scale(axes, name, series[name])
    first = figure.axes[0]
    first.set_ylabel("seconds of the search")
    first.legend(frameon=False)
    figure.savefig(path)
    return [path]


def _gain(records: Records, path: Path) -> list[Path]:
    """How many times faster than `plain` the default is; at 1 it stops paying."""
    series = _series(records)
    shown = [name for name in VARIED if {"auto", "plain"} <= series.get(name, {}).keys()]
    if not shown:
        return []
    figure = Figure(figsize=(2.9 * len(shown), 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(_panels(figure, len(shown)), shown, strict=True):
        auto, plain = series[name]["auto"], series[name]["plain"]
        both = sorted(auto.keys() & plain.keys())
        axes.plot(both, [plain[x] / auto[x] for x in both], "o-", color=COLORS["auto"])
        axes.axhline(1, color="#999", linestyle=":", linewidth=1)
        axes.set(xlabel=name, ylim=(0, None))
        _scale(axes, name, series[name])
    figure.axes[0].set_ylabel("times faster than plain")
    figure.savefig(path)
    return [path]


def _ratios(records: Records, path: Path) -> list[Path]:
    """Every measured comparison as a bar, with what was asked of it."""
    rows = []
    for work in SPEED:
        for other, asked in WORKS[work].asked.items():
            both = pairs(records, work, other)
            if both:
                ratio = median(t["values"]["search_s"] / o["values"]["search_s"] for t, o in both)
                title = WORKS[work].title.partition(", batch")[0]
                rows.append((f"{title}\n{SHORT_NAMES[other]}", ratio, asked))
    if not rows:
        return []
    figure = Figure(figsize=(7.2, 0.7 + 0.55 * len(rows)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for place, (_, ratio, (must, goal)) in enumerate(rows):
        axes.barh(place, ratio, color=COLORS["auto"], height=0.55)
        axes.text(ratio, place, f" {ratio:.1f}x", va="center")
        for asked, style in ((must, "-"), (goal, ":")):
            axes.plot([asked, asked], [place - 0.4, place + 0.4], style, color=COLORS["plain"])
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("times faster, search; line: must reach, dots: goal")
    _without_frame(axes)
    figure.savefig(path)
    return [path]


def _series(records: Records) -> dict[str, dict[str, dict[int, float]]]:
    """Return seconds by what is varied, tier and value."""
    series: dict[str, dict[str, dict[int, float]]] = {}
    for side in WORKS["growth"].variants:
        seen = [r["values"] for r in records.of("growth", side)]
        if seen:
            point, tier = side.split()
            name, value = point.split("=")
            took = median(v["search_s"] for v in seen)
            series.setdefault(name, {}).setdefault(tier, {})[int(value)] = took
    return series


def _panels(figure: Figure, count: int) -> Sequence[Axes]:
    panels = figure.subplots(1, count, squeeze=False)
    return list(panels[0])


def _scale(axes: Axes, name: str, tiers: Mapping[str, Mapping[int, float]]) -> None:
    values = sorted({value for points in tiers.values() for value in points})
    if name != "workers":
        axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.minorticks_off()
    _without_frame(axes)


def _without_frame(axes: Axes) -> None:
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
