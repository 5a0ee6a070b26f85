"""What the rules about a sweep look at: its trials, sorted, and where they lie in the space."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sweepspot.diagnosis import Criteria, Diagnosis, Status
from sweepspot.space import Choice, Float, Int, Params, Space, Value
from sweepspot.spec import SweepSpec
from sweepspot.trial import State, TrialResult, run_id

__all__ = ["BEST", "MIN_TRIALS", "Facts", "Range", "position", "value_at"]

Range = Float | Int

BEST = 5
"""How many of the best trials a statement about the best rests on."""

MIN_TRIALS = 10
"""Fewest comparable trials for a statement about the space; as for `good_fit` in the diagnosis."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One sweep as the rules see it.

    Attributes:
        spec: Its declaration.
        results: Its results, by number.
        repeats: Its finalists on fresh seeds, by number and repeat.
        diagnosis: The verdict of each trial and of the sweep.
    """

    spec: SweepSpec
    results: Mapping[int, TrialResult]
    repeats: Mapping[tuple[int, int], TrialResult]
    diagnosis: Diagnosis

    @cached_property
    def space(self) -> Space:
        """The space that was searched."""
        return self.spec.points

    @cached_property
    def criteria(self) -> Criteria:
        """The thresholds of the diagnosis."""
        return Criteria(**self.spec.criteria)  # type: ignore[arg-type]

    @cached_property
    def ranked(self) -> tuple[TrialResult, ...]:
        """Trials that can be compared, the lowest J_cv first: at full fidelity and valid."""
        full = self.spec.train.epochs
        valid = [
            r
            for r in self.results.values()
            if r.state is State.COMPLETE and r.trial.epochs >= full and not self.is_broken(r)
        ]
        return tuple(sorted((r for r in valid if _is_number(r.J_cv)), key=_order))

    @property
    def best(self) -> tuple[TrialResult, ...]:
        """The best few."""
        return self.ranked[:BEST]

    @cached_property
    def broken(self) -> tuple[TrialResult, ...]:
        """Trials that failed or diverged, in the order of their numbers."""
        return tuple(r for _, r in sorted(self.results.items()) if self.is_broken(r))

    def is_broken(self, result: TrialResult) -> bool:
        """Tell whether a trial failed, or blew up though it came to its end."""
        if result.state is not State.COMPLETE:
            return result.state is State.FAILED
        return self.status(result, "D001") is Status.PRESENT or not _is_number(result.J_cv)

    def status(self, result: TrialResult, code: str) -> Status:
        """Return what a rule of the diagnosis said about a trial, unknown when it was not asked."""
        verdict = self.diagnosis.verdicts.get(run_id(result.number))
        found = [f.status for f in verdict.findings if f.code == code] if verdict else []
        return found[0] if found else Status.UNKNOWN

    def having(self, name: str, results: Sequence[TrialResult]) -> list[TrialResult]:
        """Return those of some trials in which a dimension exists, in their order."""
        return [r for r in results if name in r.trial.params]

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """The dimensions that have edges, by name; those of a single value do not count."""
        return {
            name: d
            for name, d in self.space.dimensions.items()
            if not isinstance(d, Choice) and d.low < d.high
        }

    @cached_property
    def best_points(self) -> tuple[Params, ...]:
        """The different points of the best few, the lowest J_cv first."""
        points: dict[tuple[tuple[str, Value], ...], Params] = {}
        for result in self.best:
            points.setdefault(tuple(sorted(result.trial.params.items())), result.trial.params)
        return tuple(points.values())


def position(dimension: Range, value: float) -> float:
    """Return where a value lies between the edges, 0 to 1, in a log sense where log.

    A whole number stands for the half-open unit around it, as when it is drawn.

    Example:
        >>> position(Float(1e-4, 1e-2, log=True), 1e-3)
        0.5
        >>> round(position(Int(1, 3), 3), 3)
        0.833
    """
    low, high = _edges(dimension)
    if dimension.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def value_at(dimension: Range, place: float) -> float:
    """Return the number at a position; the inverse of `position`.

    Example:
        >>> value_at(Float(0.0, 0.5), 0.5)
        0.25
    """
    low, high = _edges(dimension)
    if dimension.log:
        return float(low * (high / low) ** place)
    return float(low + place * (high - low))


def _edges(dimension: Range) -> tuple[float, float]:
    margin = dimension.step / 2 if isinstance(dimension, Int) else 0.0
    return dimension.low - margin, dimension.high + margin


def _is_number(J: float | None) -> bool:
    return J is not None and math.isfinite(J)


def _order(result: TrialResult) -> tuple[float, int]:
    return (result.J_cv if result.J_cv is not None else math.inf), result.number
