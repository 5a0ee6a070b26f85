"""What one run is compared with: the facts of the sweep that every rule may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sweepspot.diagnosis.records import BaselineVerdict, Frontier, Interval

__all__ = ["Reference", "Split"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How much worse a run is than a reference, and how that splits; as shares of one unit.

    Attributes:
        excess: Of J_cv over that of the reference.
        bias: Of J_train over that of the reference.
        variance: excess - bias.
        difference: variance - bias.
    """

    excess: Interval
    bias: Interval
    variance: Interval
    difference: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What the rest of the sweep says about one run.

    Attributes:
        J_naive: J of the best constant predictor.
        frontier: The frontier of the sweep, None where too few runs are comparable.
        numbers: `J_train`, `J_cv` and `gap` (J_cv - J_train) of the run, where known.
        gap_se: Standard error of `gap`, where known.
        split: The run beside the frontier, None where they cannot be compared.
        fit: J_train beside that of the run which fits the train rows best among those as good as
            the frontier; None where there is no such run.
        epoch: The epoch of that comparison, None for the end of training.
        obstacle: Why the split must not be read, empty if it may.
        error_split: The same in error, None where no errors were kept.
        error_obstacle: Why there is no `error_split`.
        baselines: The run beside each stated reference.
        n_converged: Runs of the sweep that converged at full fidelity.
    """

    J_naive: float
    frontier: Frontier | None = None
    numbers: Mapping[str, Interval] = field(default_factory=dict)
    gap_se: float | None = None
    split: Split | None = None
    fit: Interval | None = None
    epoch: int | None = None
    obstacle: str = ""
    error_split: Split | None = None
    error_obstacle: str = "no errors were kept"
    baselines: Mapping[str, BaselineVerdict] = field(default_factory=dict)
    n_converged: int = 0
