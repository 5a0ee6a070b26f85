"""From results to verdicts: what the diagnosis is shown of each trial, final and provisional."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import ThreadpoolController

from sweepspot.diagnosis import (
    Baseline,
    Criteria,
    Diagnosis,
    Evidence,
    StatedBaseline,
    Verdict,
    diagnose,
)
from sweepspot.diagnosis.evidence import RunState
from sweepspot.journal import StoredLosses
from sweepspot.space import Choice, Space
from sweepspot.spec import SweepSpec
from sweepspot.trial import Losses, State, TrialResult, run_id

__all__ = ["COMPANY", "ROWS", "Competitor", "Judge", "stated_baselines"]

COMPANY = 12
"""How many of the best trials a provisional verdict looks at: enough for a frontier, and cheap."""

ROWS, DRAWS = 500, 100
"""How many rows of each split it looks at, and how often it resamples them: decision 0055."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Competitor:
    """What a competing algorithm reaches on the rows of a sweep.

    Attributes:
        name: Of the algorithm.
        J_train: Its J on the training split.
        J_cv: Its J on the cross-validation split.
    """

    name: str
    J_train: float
    J_cv: float


class Judge:
    """Diagnoses the trials of one sweep.

    Attributes:
        baselines: The stated baselines, by name; the first one decides the sweep's verdict.
    """

    def __init__(
        self,
        spec: SweepSpec,
        *,
        J_naive: float,
        algorithm: Competitor | None,
        losses: Callable[[TrialResult], Losses | StoredLosses | None],
        error_naive: float | None = None,
    ) -> None:
        self.baselines = stated_baselines(spec, algorithm)
        self._epochs = spec.train.epochs
        self._criteria = Criteria(**spec.criteria)  # type: ignore[arg-type]
        self._quick = replace(self._criteria, draws=min(DRAWS, self._criteria.draws))
        self._J_naive, self._error_naive = J_naive, error_naive
        self._edges = _edges(spec.points)
        self._losses = losses
        self._blas = ThreadpoolController()
        self._best: list[tuple[float, int, Evidence]] = []

    def all(self, results: Iterable[TrialResult]) -> Diagnosis:
        """Diagnose every trial of a sweep that has ended."""
        evidence = {run_id(r.number): self._evidence(r) for r in results}
        return self._diagnose(evidence, self._criteria)

    def provisional(self, result: TrialResult) -> Verdict:
        """Diagnose a trial against the best so far; its cost grows with neither trials nor rows."""
        evidence = _thinned(self._evidence(result))
        company = {run_id(number): e for _, number, e in self._best}
        # For so little the threads of a BLAS wait for one another, and for those that train.
        with self._blas.limit(limits=1, user_api="blas"):
            verdict = self._diagnose({**company, run_id(result.number): evidence}, self._quick)[
                run_id(result.number)
            ]
        self._keep(result, evidence)
        return verdict

    def recall(self, results: Iterable[TrialResult]) -> None:
        """Take on the best of an earlier process, for the provisional verdicts of this one."""
        measured = (r for r in results if r.J_cv is not None and r.state is State.COMPLETE)
        # More than the company, because one at a lower fidelity is not comparable.
        for result in heapq.nsmallest(2 * COMPANY, measured, key=lambda r: (r.J_cv, r.number)):
            self._keep(result, _thinned(self._evidence(result)))

    def _keep(self, result: TrialResult, evidence: Evidence) -> None:
        if evidence.is_comparable and result.J_cv is not None:
            heapq.heappush(self._best, (-result.J_cv, result.number, evidence))
            if len(self._best) > COMPANY:
                heapq.heappop(self._best)

    def _diagnose(self, evidence: Mapping[str, Evidence], criteria: Criteria) -> Diagnosis:
        return diagnose(
            evidence,
            J_naive=self._J_naive,
            baselines=self.baselines,
            space=self._edges,
            criteria=criteria,
            error_naive=self._error_naive,
        )

    def _evidence(self, result: TrialResult) -> Evidence:
        losses: Losses | StoredLosses | None = None
        if result.state is not State.FAILED:
            losses = result.losses or self._losses(result)
        return Evidence(
            train_losses=losses.train if losses else None,
            cv_losses=losses.cv if losses else None,
            train_errors=losses.train_errors if losses else None,
            cv_errors=losses.cv_errors if losses else None,
            train_curve=_curve(result.curve.J_train, result.curve.first_epoch),
            cv_curve=_curve(result.curve.J_cv, result.curve.first_epoch),
            state=_state(result),
            reason=result.reason or "",
            epochs=result.epochs,
            full_fidelity=result.trial.epochs >= self._epochs,
            params=result.trial.params,
        )


def stated_baselines(spec: SweepSpec, algorithm: Competitor | None) -> dict[str, StatedBaseline]:
    """Return what the sweep is measured against, the deciding one first.

    Args:
        spec: States a target, in error or in J.
        algorithm: What a competing algorithm reaches, when one was trained.
    """
    stated: dict[str, StatedBaseline] = {}
    if (error := spec.baseline.target_error) is not None:
        stated["target"] = Baseline(J_train=error, J_cv=error, measure="error")
    elif (J := spec.baseline.target_J) is not None:
        stated["target"] = J
    if algorithm is not None:
        stated[algorithm.name] = (algorithm.J_train, algorithm.J_cv)
    return stated


def _thinned(evidence: Evidence) -> Evidence:
    """Keep every k-th row of each vector: the same rows of every trial, copied, so it is small."""
    if evidence.train_losses is None or evidence.cv_losses is None:
        return evidence
    train, cv = (
        slice(None, None, math.ceil(len(rows) / ROWS))
        for rows in (evidence.train_losses, evidence.cv_losses)
    )
    return replace(
        evidence,
        train_losses=np.array(evidence.train_losses[train]),
        cv_losses=np.array(evidence.cv_losses[cv]),
        train_errors=None
        if evidence.train_errors is None
        else np.array(evidence.train_errors[train]),
        cv_errors=None if evidence.cv_errors is None else np.array(evidence.cv_errors[cv]),
    )


def _curve(values: tuple[float, ...], first_epoch: int) -> tuple[float, ...] | None:
    # A continued trial has no curve from epoch 1, and the rules read the first entry as epoch 1.
    return values if values and not first_epoch else None


def _state(result: TrialResult) -> RunState:
    match result.state:
        case State.COMPLETE:
            return "complete"
        case State.PRUNED:
            return "pruned"
        case State.FAILED:
            return "diverged" if result.diverged else "failed"


def _edges(space: Space) -> dict[str, tuple[float, float, bool]]:
    return {
        name: (float(d.low), float(d.high), d.log)
        for name, d in space.dimensions.items()
        if not isinstance(d, Choice)
    }
