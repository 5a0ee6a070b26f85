"""Partial runs: compared with the frontier at the same epoch, from the curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.reference import Split
from sweepspot.diagnosis.sampling import interval, side_from_means
from sweepspot.diagnosis.split import split_runs

__all__ = ["EpochComparison", "compare_at_epoch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochComparison:
    """A partial run beside the frontier at one epoch.

    Attributes:
        epoch: The epoch, None where they cannot be compared.
        split: The split there, None where they cannot be compared.
        obstacle: Why they cannot, or why the split must not be read; empty if it may.
    """

    epoch: int | None = None
    split: Split | None = None
    obstacle: str = ""


def compare_at_epoch(
    evidence: Evidence,
    frontier: Mapping[str, Evidence],
    errors: tuple[float, float],
    J_naive: float,
    criteria: Criteria,
    rng: np.random.Generator,
) -> EpochComparison:
    """Compare a run with the frontier's curves where the run stopped.

    Curves hold means only. Their standard errors are those of the losses that full runs kept, and
    are taken as independent although all runs share their rows, so the interval is conservative.

    Args:
        evidence: The partial run.
        frontier: The runs of the frontier, the heaviest first.
        errors: Standard errors of J_train and of J_cv.
        J_naive: J of the best constant predictor.
        criteria: Thresholds.
        rng: The source of the draws.
    """
    at = _at_epoch(evidence, evidence.last_epoch)
    if at is None:
        return EpochComparison(obstacle="it left no curves up to the epoch at which it stopped")
    epoch, J_train, J_cv = at
    there = [found for e in frontier.values() if (found := _at_epoch(e, epoch)) is not None]
    if len(there) < criteria.frontier:
        return EpochComparison(
            obstacle=f"{len(there)} of {criteria.frontier} frontier curves reach epoch {epoch}"
        )
    there = there[: criteria.frontier]
    means = np.array([[J_train, *(f[1] for f in there)], [J_cv, *(f[2] for f in there)]])
    weights = np.array([0.0, *[1 / len(there)] * len(there)])
    train, cv = (
        side_from_means(
            row,
            np.full(len(row), error),
            weights,
            rng.standard_normal((len(row), criteria.draws)),
        )
        for row, error in zip(means, errors, strict=True)
    )
    z, z_draws = J_naive - cv.reference, J_naive - cv.reference_draws
    if interval(z, z_draws, criteria.quantiles).low <= criteria.signal * abs(J_naive):
        return EpochComparison(epoch=epoch, obstacle=f"no signal yet at epoch {epoch}")
    split = split_runs(
        (train.value[:1], train.draws[:1]),
        (cv.value[:1], cv.draws[:1]),
        (z, z_draws),
        criteria,
    )[0]
    return EpochComparison(epoch=epoch, split=split)


def _at_epoch(evidence: Evidence, epoch: int | None) -> tuple[int, float, float] | None:
    """Return the epoch with J_train and J_cv there, None where a curve does not reach it."""
    train, cv = evidence.train_curve, evidence.cv_curve
    if train is None or cv is None or not epoch or min(len(train), len(cv)) < epoch:
        return None
    J_train, J_cv = float(train[epoch - 1]), float(cv[epoch - 1])
    return (epoch, J_train, J_cv) if np.isfinite([J_train, J_cv]).all() else None
