"""What is said about a sweep's space: findings with their numbers, changes, a next sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweepspot.diagnosis import Status
from sweepspot.space import Params, Value
from sweepspot.spec import SweepSpec

__all__ = ["Advice", "Change", "Limit", "Proposal", "Side"]

Side = Literal["low", "high"]
"""Which side of a dimension."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """One rule's answer about what limits a sweep.

    Attributes:
        code: `D201`...; stable, for people to refer to.
        name: What the rule looks for, in a few words.
        status: Whether it is present, absent or unknown.
        because: The evidence, as a clause that can stand in a sentence.
        numbers: The numbers behind it.
        dimension: The dimension of the space that it is about, None for the whole sweep.
        side: Which side of that dimension.
        value: The value at which it lies: a threshold, an option, a value to fix at.
    """

    code: str
    name: str
    status: Status
    because: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    dimension: str | None = None
    side: Side | None = None
    value: Value | None = None

    @property
    def title(self) -> str:
        """What was found, and of which dimension: `best at an edge: units high`."""
        about = " ".join(part for part in (self.dimension, self.side) if part)
        return f"{self.name}: {about}" if about else self.name

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            **{name: getattr(self, name) for name in Limit.__dataclass_fields__},
            "status": str(self.status),
            "numbers": dict(self.numbers),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """What limits one sweep.

    Attributes:
        findings: The answer of every rule, by code.
        best: The best different points, whole, the lowest J_cv first.
        n_trials: How many trials the answers rest on.
    """

    findings: tuple[Limit, ...]
    best: tuple[Params, ...]
    n_trials: int

    def of(self, code: str) -> tuple[Limit, ...]:
        """Return the answers of one rule: one, or one for each dimension or side."""
        return tuple(finding for finding in self.findings if finding.code == code)

    @property
    def present(self) -> tuple[Limit, ...]:
        """What was found."""
        return tuple(f for f in self.findings if f.status is Status.PRESENT)

    def to_json(self) -> dict[str, Any]:
        """Return the advice as JSON values."""
        return {
            "trials": self.n_trials,
            "findings": [finding.to_json() for finding in self.findings],
            "best": [dict(point) for point in self.best],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One difference between a sweep and the one proposed after it.

    Attributes:
        key: The place in the sweep file: `space.units`, `train.epochs`.
        text: What changes, from what to what: `units: upper edge 256 -> 768`.
        code: The code of the finding that asks for it.
        because: The evidence.
    """

    key: str
    text: str
    code: str
    because: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A next sweep.

    Attributes:
        spec: Its declaration.
        text: Its sweep file, with each change explained above its line.
        changes: What differs for a reason that was found, in the order of the file; the name and
            the start points always differ.
        because: What it is about, one sentence; also says when nothing asks for a change.
    """

    spec: SweepSpec
    text: str
    changes: tuple[Change, ...]
    because: str

    def to_json(self) -> dict[str, Any]:
        """Return the proposal as JSON values."""
        return {
            "name": self.spec.name,
            "because": self.because,
            "changes": [
                {name: getattr(change, name) for name in Change.__dataclass_fields__}
                for change in self.changes
            ],
            "text": self.text,
        }
