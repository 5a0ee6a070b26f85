"""What a diagnosis says: labels, findings with their numbers, next steps, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sweepspot.diagnosis.evidence import Parameter

__all__ = [
    "BaselineVerdict",
    "Diagnosis",
    "Finding",
    "Frontier",
    "Interval",
    "Label",
    "NextStep",
    "Status",
    "SweepVerdict",
    "Verdict",
]


class Label(StrEnum):
    """Why a run is worse than the best known here, or that it is not, or that it is not known."""

    HIGH_BIAS = "high_bias"
    HIGH_VARIANCE = "high_variance"
    HIGH_BIAS_HIGH_VARIANCE = "high_bias_high_variance"
    GOOD_FIT = "good_fit"
    UNDER_TRAINED = "under_trained"
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSED = "not_assessed"


class Status(StrEnum):
    """The answer of one rule."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A number and the bounds between which it lies, 90 % of the time unless told otherwise.

    Attributes:
        value: The estimate.
        low: Its low bound.
        high: Its high bound.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One rule's answer about one run or one sweep.

    Attributes:
        code: `D001`...; stable, for people to refer to.
        name: What the rule looks for, in two words.
        status: Whether it is present, absent or unknown.
        because: The evidence, as a clause that can stand in a sentence.
        numbers: The numbers behind it.
    """

    code: str
    name: str
    status: Status
    because: str
    numbers: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class NextStep:
    """One thing to try next.

    Attributes:
        text: The step in words, concrete where the run's parameters are known.
        parameter: The hyperparameter that it changes, None if it is not one of them.
        key: The place in the sweep file that it changes, `space.units` or `train.epochs`; None for
            a step in words alone.
        current: The run's value.
        proposed: The value to try.
        opposite: The value that a step of the same size the other way leads to, None where the
            hyperparameter cannot be that.
        hit_rate: The share of cases in which the step lowered J_cv where that was measured.
        origin: Where `hit_rate`, or the order, was measured.
    """

    text: str
    parameter: str | None = None
    key: str | None = None
    current: Parameter = None
    proposed: Parameter = None
    opposite: Parameter = None
    hit_rate: float | None = None
    origin: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineVerdict:
    """A run beside one stated reference, by Ng's recipe, in units of J.

    Attributes:
        name: `naive`, `target`, `human`, an algorithm's name.
        measure: `J`, or `error` for a reference that was stated in error.
        label: What stands between the run and the reference; `good_fit` where nothing does.
        reached: Whether J_cv is at the reference or below it.
        avoidable_bias: J_train - baseline J_train.
        excess_variance: (J_cv - J_train) - (baseline J_cv - baseline J_train).
        gap: J_cv - baseline J_cv, the sum of the two.
    """

    name: str
    measure: str
    label: Label
    reached: Status
    avoidable_bias: Interval
    excess_variance: Interval
    gap: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontier:
    """What the best runs of the sweep reach: the reference of every run's label.

    Attributes:
        J_train: Its mean loss on the training split.
        J_cv: Its mean loss on the cross-validation split, chosen and measured on different folds.
        z: J_naive - J_cv, the unit of every share.
        weights: How much each run counts in it; they add up to 1.
        room: How far J_train is above the lowest value of the loss, as a share of z; near 0 the
            frontier interpolates.
        has_signal: Whether `z` is clearly above 0.
    """

    J_train: Interval
    J_cv: Interval
    z: Interval
    weights: Mapping[str, float]
    room: float
    has_signal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is said about one run.

    Attributes:
        label: Its label against the frontier.
        reason: One sentence, at most 200 characters.
        findings: The answer of every rule.
        numbers: `J_train`, `J_cv` in units of J; `excess`, `bias`, `variance` and `difference`
            (variance - bias) as shares of z; whichever are known.
        next_steps: What to try, the most promising first.
        baselines: The run beside each stated reference.
        epoch: The epoch at which it was compared, None for the end of training.
    """

    label: Label
    reason: str
    findings: tuple[Finding, ...] = ()
    numbers: Mapping[str, Interval] = field(default_factory=dict)
    next_steps: tuple[NextStep, ...] = ()
    baselines: Mapping[str, BaselineVerdict] = field(default_factory=dict)
    epoch: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, strings and numbers."""
        return _record(asdict(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepVerdict:
    """What is said about the whole sweep.

    Attributes:
        label: What stands between the sweep's best run and the baseline that decides: the first
            stated one, in the order given; `inconclusive` where none was stated.
        reason: One sentence, at most 200 characters.
        baseline: The name of that baseline, None where none was stated.
        best: The id of the best run by J_cv, None where no run is comparable.
        findings: The answer of every rule about sweeps.
        baselines: The best run, chosen and measured on different folds, beside each reference.
        labels: How many runs have each label.
        next_steps: What to try next with the whole sweep.
    """

    label: Label
    reason: str
    baseline: str | None = None
    best: str | None = None
    findings: tuple[Finding, ...] = ()
    baselines: Mapping[str, BaselineVerdict] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    next_steps: tuple[NextStep, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, strings and numbers."""
        return _record(asdict(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis(Mapping[str, Verdict]):
    """The verdict of each run by its id, with the frontier and the sweep's own verdict.

    Attributes:
        verdicts: The verdict of each run, in the order of the call.
        sweep: The verdict about the sweep.
        frontier: The reference, None where too few runs are comparable.
    """

    verdicts: Mapping[str, Verdict]
    sweep: SweepVerdict
    frontier: Frontier | None = None

    def __getitem__(self, run: str) -> Verdict:
        return self.verdicts[run]

    def __iter__(self) -> Iterator[str]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)


def _record(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _record(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, StrEnum):
        return str(value)
    return value
