"""Experiments that others made: read from MLflow, grouped, labelled as far as that is honest."""

from __future__ import annotations

from sweepspot.experiments.assessing import (
    Assessed,
    AssessedGroup,
    AssessedRun,
    assess_experiment,
    write_labels,
)
from sweepspot.experiments.store import ExperimentStore

__all__ = [
    "Assessed",
    "AssessedGroup",
    "AssessedRun",
    "ExperimentStore",
    "assess_experiment",
    "write_labels",
]
