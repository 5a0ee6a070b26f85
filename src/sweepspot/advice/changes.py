"""Changes: what each finding about a sweep asks of the next one's space and epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweepspot.advice.facts import Range, position
from sweepspot.advice.moves import limits, opened
from sweepspot.advice.records import Advice, Change, Limit, Side
from sweepspot.diagnosis import Evidence, Label, Status
from sweepspot.diagnosis.steps import next_steps
from sweepspot.space import Choice, Dimension, Float, Int, Params, Value
from sweepspot.spec import SweepSpec

__all__ = ["Edit", "epochs_edit", "space_edits"]

LONGER = 3
"""Epochs are multiplied by it: tripled ones helped 65 % of the runs that were short of them."""

WORTH_OPENING = 0.4
"""A side is opened when the step towards it lowered J_cv at least this often, where measured."""

NO_ROOM = 0.15
"""A step that ends in this share of a range, or beyond, leaves no room to see if more helps."""

Entry = Dimension | Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A key of the sweep file with its new value.

    Attributes:
        path: Where it is.
        value: What stands there in the next sweep.
        changes: What differs, and why.
    """

    path: tuple[str, ...]
    value: Entry
    changes: tuple[Change, ...]


def epochs_edit(spec: SweepSpec, advice: Advice) -> Iterator[Edit]:
    """Yield more epochs when the best trials had too few."""
    for finding in advice.of("D204"):
        if finding.status is Status.PRESENT:
            epochs = spec.train.epochs * LONGER
            text = f"epochs: {spec.train.epochs} -> {epochs}"
            because = f"{finding.name}: {finding.because}"
            change = Change(key="train.epochs", text=text, code=finding.code, because=because)
            yield Edit(path=("train", "epochs"), value=epochs, changes=(change,))


def space_edits(spec: SweepSpec, advice: Advice) -> list[Edit]:
    """Return the new entries of the space, in its order.

    A failing region is cut off first, and the side it was on stays shut. Then edges are opened
    that the best trials lie at, and those that the sweep's own verdict points to. What is left as
    it was, and did not matter, is fixed, so long as something is left to search. An entry is never
    changed so that another one's condition could not come true.
    """
    draft = _Draft(entries=dict(spec.space), changes={})
    shut = set()
    for finding in _present(advice, "D206"):
        shut.add((finding.dimension, finding.side))
        draft.narrow(finding)
    for name, side, finding in _sides_to_open(spec, advice):
        if (name, side) not in shut:
            shut.add((name, side))
            draft.open(name, side, finding, spec.model)
    for name, value, finding in _fixable(advice, draft.changes)[: len(spec.points.dimensions) - 1]:
        draft.fix(name, value, finding)
    return [
        Edit(path=("space", name), value=draft.entries[name], changes=tuple(draft.changes[name]))
        for name in spec.space
        if name in draft.changes
    ]


@dataclass(frozen=True, slots=True)
class _Draft:
    """The entries of the next space while they are worked on, and why each one changed."""

    entries: dict[str, Entry]
    changes: dict[str, list[Change]]

    def narrow(self, finding: Limit) -> None:
        """Cut a failing region off."""
        name, value = finding.dimension or "", finding.value
        entry = self.entries[name]
        if isinstance(entry, Choice):
            left = tuple(option for option in entry.options if option != value)
            narrowed = entry.model_copy(update={"options": left})
            self._set(name, narrowed, _change(name, f"{name}: without {value}", finding))
        elif (dimension := _range(entry)) is not None:
            low, high = dimension.edges
            edges = (low, value) if finding.side == "high" else (value, high)
            self._set_edges(name, dimension.model_copy(update={"edges": edges}), finding)

    def open(self, name: str, side: Side, finding: Limit, model: str) -> None:
        """Move an edge outwards, as far as the setting allows."""
        dimension = _range(self.entries[name])
        if dimension is not None:
            moved = opened(dimension, side, limits(model, name, dimension))
            if moved is not None:
                self._set_edges(name, moved, finding)

    def fix(self, name: str, value: Value, finding: Limit) -> None:
        """Fix a dimension at its best value."""
        kept = float(f"{value:.3g}") if isinstance(value, float) else value
        self._set(name, kept, _change(name, f"{name}: fixed at the best, {kept}", finding))

    def _set_edges(self, name: str, after: Range, finding: Limit) -> None:
        before = _range(self.entries[name]) or after
        side = "lower" if before.low != after.low else "upper"
        old, new = (before.low, after.low) if side == "lower" else (before.high, after.high)
        text = f"{name}: {side} edge {old:g} -> {new:g}"
        self._set(name, after, _change(name, text, finding))

    def _set(self, name: str, entry: Entry, change: Change) -> None:
        if _keeps_conditions(self.entries, name, entry):
            self.entries[name] = entry
            self.changes.setdefault(name, []).append(change)


def _keeps_conditions(entries: Mapping[str, Entry], name: str, entry: Entry) -> bool:
    """Tell whether every value that a condition wants of an entry can still come about."""
    wanted = [
        value
        for other in entries.values()
        if isinstance(other, Float | Int | Choice)
        for value in (other.when or {}).get(name, ())
    ]
    if isinstance(entry, Float | Int | Choice):
        return all(value in entry for value in wanted)
    return all(value == entry for value in wanted)


def _range(entry: Entry | None) -> Range | None:
    """Return an entry that has two edges, None when it is anything else."""
    return entry if isinstance(entry, Float | Int) and entry.low < entry.high else None


def _present(advice: Advice, code: str) -> list[Limit]:
    return [finding for finding in advice.of(code) if finding.status is Status.PRESENT]


def _sides_to_open(spec: SweepSpec, advice: Advice) -> Iterator[tuple[str, Side, Limit]]:
    yield from (
        (f.dimension, f.side, f)
        for f in _present(advice, "D201")
        if f.dimension is not None and f.side is not None
    )
    biased, varied = _present(advice, "D202"), _present(advice, "D203")
    label = Label.HIGH_BIAS if biased else Label.HIGH_VARIANCE
    if biased and varied:
        label = Label.HIGH_BIAS_HIGH_VARIANCE
    for finding in [*biased, *varied][: len(advice.best)]:
        yield from _by_verdict(spec, advice.best[0], label, finding)


def _by_verdict(
    spec: SweepSpec, best: Params, label: Label, finding: Limit
) -> Iterator[tuple[str, Side, Limit]]:
    """Yield the sides that the verdict's measured steps lead to, from the best point.

    A hyperparameter with steps both ways (wider and narrower help alike) is left alone.
    """
    ways: dict[str, dict[Side, float]] = {}
    for step in next_steps(label, Evidence(params=dict(best)), None, diverged=False):
        helps = step.hit_rate is None or step.hit_rate >= WORTH_OPENING
        if step.parameter is not None and helps:
            now, then = float(step.current or 0), float(step.proposed or 0)
            ways.setdefault(step.parameter, {})["high" if then > now else "low"] = then
    for name, proposed in ways.items():
        dimension = _range(spec.space.get(name))
        for side, value in proposed.items():
            if len(proposed) == 1 and dimension is not None and _ends_at(dimension, side, value):
                yield name, side, finding


def _ends_at(dimension: Range, side: Side, value: float) -> bool:
    """Tell whether a step ends so close to an edge that the range has no room for it."""
    if not dimension.low < value < dimension.high:
        return True
    place = position(dimension, value)
    return (1 - place if side == "high" else place) <= NO_ROOM


def _fixable(advice: Advice, changed: Mapping[str, object]) -> list[tuple[str, Value, Limit]]:
    """Return the dimensions that could be fixed and are as they were, the least important first."""
    scores = {f.dimension: f.numbers.get("fanova", 0.0) for f in advice.of("D207")}
    free = [
        (f.dimension, f.value, f)
        for f in _present(advice, "D208")
        if f.dimension is not None and f.value is not None and f.dimension not in changed
    ]
    return sorted(free, key=lambda one: scores.get(one[0], 0.0))


def _change(name: str, text: str, finding: Limit) -> Change:
    return Change(
        key=f"space.{name}",
        text=text,
        code=finding.code,
        because=f"{finding.name}: {finding.because}",
    )
