"""What the choice of a champion ends in: the champion, its gates, a comparison, the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sweepspot.selection import Selection
from sweepspot.space import Params

__all__ = [
    "Champion",
    "ChampionComparison",
    "Chosen",
    "Gate",
    "Outcome",
    "Reached",
    "Status",
    "registered_name",
]

Status = Literal["promoted", "kept", "selected", "none"]
"""How it stands in the end: the sweep's model is the registered champion; another one is; there
is nothing to register it as, or nowhere; nothing may be champion."""

Reached = Literal["yes", "no", "unclear"]


def registered_name(version: str) -> str:
    """Return the name in the registry of a `name/version`.

    Example:
        >>> registered_name("houses/3")
        'houses'
    """
    return version.rsplit("/", 1)[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """The model selected, beside one baseline on the cross-validation split.

    Attributes:
        name: Of the baseline: naive, target_error, target_J, or the name of the algorithm.
        difference: Of the model to the baseline, in J or in error; below 0 is better.
        low: Lower end of its 90 % interval.
        high: Upper end.
        reached: Whether the baseline is shown to be reached, shown to be missed, or neither.
        stops: Whether this answer keeps the model from being champion.
    """

    name: str
    difference: float
    low: float
    high: float
    reached: Reached
    stops: bool

    def __str__(self) -> str:
        told = {"yes": "reached", "no": "missed", "unclear": "neither reached nor missed clearly"}
        if self.name == "naive" and self.reached == "yes":
            return "naive beaten"
        span = f"{self.difference:+.4f}, {self.low:+.4f} to {self.high:+.4f}"
        return f"{self.name} {told[self.reached]} ({span})"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionComparison:
    """A challenger and the reigning champion on the same test rows.

    Attributes:
        reigning: `name/version` in the registry.
        difference: Mean difference of the losses, challenger minus champion; below 0 is better.
        low: Lower bound of the true difference, at `confidence`.
        high: Upper bound, at `confidence`.
        confidence: Of each bound by itself; it grows with the openings of the test split.
        J_reigning: Mean loss of the champion on the test rows.
        J_challenger: Mean loss of the challenger.
        n_rows: Test rows.
        cheaper: Whether the challenger has clearly fewer weights; None when that is not known.
        same_test: Whether the champion was tested on these very rows, so that it did not train on
            them; None when that is not known.
        promotes: Whether the challenger takes its place.
    """

    reigning: str
    difference: float
    low: float
    high: float
    confidence: float
    J_reigning: float
    J_challenger: float
    n_rows: int
    cheaper: bool | None
    same_test: bool | None
    promotes: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Champion:
    """The trial selected, and the repeat of it that is the model.

    Attributes:
        number: Of the trial.
        repeat: Of its fresh repeats, from 1.
        params: The whole point.
        n_weights: Trainable weights.
        J_cv: Of the repeat, on the cross-validation split.
        error_cv: The same in error.
        J_test: On the test split, opened once the model was fixed.
        error_test: The same in error.
        test_openings: How often this test split has been opened, over all sweeps.
        comparisons: J_cv or error minus that of each baseline, by name; below 0 is better.
        registered: `name/version` in the registry, None where it is not.
        folder: Where the model is saved.
        weights: Hash of its weights.
        refit: `all` when it was trained once more on train and cv together; J_cv is the repeat's.
        latency_s: Seconds to answer for one row, where the selection measured it.
    """

    number: int
    repeat: int
    params: Params
    n_weights: int
    J_cv: float
    error_cv: float
    J_test: float
    error_test: float
    test_openings: int
    comparisons: Mapping[str, float] = field(default_factory=dict)
    registered: str | None = None
    folder: str = ""
    weights: str = ""
    refit: str = "none"
    latency_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the champion as JSON values."""
        return {
            **{name: getattr(self, name) for name in Champion.__dataclass_fields__},
            "params": dict(self.params),
            "comparisons": dict(self.comparisons),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A model that may be champion, before it is known how it stands in the registry.

    Attributes:
        champion: The model, saved and measured.
        selection: The comparison of the finalists that it comes from.
        gates: The model beside each baseline.
    """

    champion: Champion
    selection: Selection
    gates: tuple[Gate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How the choice of a champion ended.

    Attributes:
        status: promoted, kept, selected or none.
        champion: The model selected, also where another one stays the registered champion; None
            when none may be.
        selection: The comparison of the finalists, None when there was none to compare.
        because: Why, in two sentences.
        gates: The model beside each baseline; of the finalist that came closest when none passed.
        comparison: With the reigning champion, None when there was none or it was not compared.
        reigning: `name/version` of the registered champion, as far as is known.
        warning: What to do about a registry that is away; empty if nothing.
    """

    status: Status
    champion: Champion | None
    selection: Selection | None
    because: str
    gates: tuple[Gate, ...] = ()
    comparison: ChampionComparison | None = None
    reigning: str | None = None
    warning: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "outcome": self.status,
            "because": self.because,
            "champion": self.champion.to_json() if self.champion else None,
            "reigning": self.reigning,
            "comparison": asdict(self.comparison) if self.comparison else None,
            "gates": [asdict(gate) for gate in self.gates],
            "finalists": self.selection.to_json()["contenders"] if self.selection else [],
            "warning": self.warning,
        }
