"""What an experiment holds: its runs as they were logged, by whatever tool, in plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ACTIVE", "FINISHED", "Curve", "LoggedPoint", "LoggedRun"]

FINISHED = "FINISHED"
ACTIVE = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LoggedPoint:
    """One value of a metric.

    Attributes:
        step: Epoch, gradient step, or 0 throughout where none was given.
        timestamp_ms: When it was logged.
        value: May be NaN, or 1.8e308 for what was infinite.
    """

    step: int
    timestamp_ms: int
    value: float


Curve = tuple[LoggedPoint, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedRun:
    """One run as it stands in the store.

    Attributes:
        id: Of the run.
        name: For people; not unique.
        status: FINISHED, FAILED, KILLED, RUNNING or SCHEDULED.
        started_ms: In milliseconds since 1970.
        tags: All of them.
        metrics: The latest value of each metric.
        datasets: Context and digest of each logged input, sorted.
    """

    id: str
    name: str
    status: str
    started_ms: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[tuple[str, str], ...] = ()

    @property
    def parent(self) -> str:
        """The id of the run that it belongs to, empty where it stands alone."""
        return self.tags.get("sweepspot.root") or self.tags.get("mlflow.parentRunId", "")

    @property
    def kind(self) -> str:
        """`sweep`, `trial` or `repeat` if a sweep of ours made it, else empty."""
        return self.tags.get("sweepspot.kind", "")

    @property
    def has_own_verdict(self) -> bool:
        """Whether a sweep has labelled it, from the losses of each example."""
        label, evidence = self.tags.get("sweepspot.label"), self.tags.get("sweepspot.evidence")
        return label is not None and evidence != "history"
