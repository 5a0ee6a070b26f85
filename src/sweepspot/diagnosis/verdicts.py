"""Verdicts: every rule is asked about every run, and then about the sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from sweepspot.diagnosis.assess import Assessment, assess
from sweepspot.diagnosis.baselines import StatedBaseline, parse_baselines
from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence, check_evidence
from sweepspot.diagnosis.labels import choose_label, doubt_about, give_reason
from sweepspot.diagnosis.records import Diagnosis, Finding, Interval, Status, Verdict
from sweepspot.diagnosis.reference import Reference
from sweepspot.diagnosis.steps import Edges, next_steps
from sweepspot.diagnosis.sweeps import SweepFacts, diagnose_sweep
from sweepspot.diagnosis.validity import blew_up
from sweepspot.errors import SpecError

__all__ = ["SweepRule", "TrialRule", "judge_runs"]

TrialRule = Callable[[Evidence, Reference, Criteria], Finding]
SweepRule = Callable[[SweepFacts, Criteria], Finding]


def judge_runs(
    runs: Mapping[str, Evidence],
    *,
    J_naive: float,
    baselines: Mapping[str, StatedBaseline] | None,
    space: Edges | None,
    criteria: Criteria,
    loss_floor: float | None,
    error_naive: float | None,
    seed: int,
    trial_rules: tuple[TrialRule, ...],
    sweep_rules: tuple[SweepRule, ...],
) -> Diagnosis:
    """Return the verdicts; arguments as those of `sweepspot.diagnosis.diagnose`."""
    stated = parse_baselines(baselines, J_naive)
    check_evidence(runs, loss_floor=loss_floor)
    if error_naive is not None and not np.isfinite(error_naive):
        raise SpecError(f"error_naive: must be a finite number, got {error_naive}; leave it out")
    assessment = assess(
        runs,
        J_naive,
        stated,
        criteria,
        loss_floor=loss_floor,
        error_naive=error_naive,
        seed=seed,
    )
    answers = {
        name: tuple(rule(evidence, assessment.references[name], criteria) for rule in trial_rules)
        for name, evidence in runs.items()
    }
    n_converged = _count_converged(runs, answers)
    verdicts = {
        name: _verdict(
            evidence,
            answers[name],
            replace(assessment.references[name], n_converged=n_converged),
            space,
            criteria,
        )
        for name, evidence in runs.items()
    }
    facts = _facts(runs, verdicts, assessment)
    findings = tuple(rule(facts, criteria) for rule in sweep_rules)
    return Diagnosis(
        verdicts=verdicts,
        sweep=diagnose_sweep(facts, findings),
        frontier=assessment.frontier,
    )


def _count_converged(
    runs: Mapping[str, Evidence], answers: Mapping[str, tuple[Finding, ...]]
) -> int:
    """Count runs at full fidelity of which nothing says that they are invalid or still improve."""
    return sum(
        evidence.is_comparable
        and all(
            finding.status is not Status.PRESENT
            for finding in answers[name]
            if finding.code in ("D001", "D002")
        )
        for name, evidence in runs.items()
    )


def _verdict(
    evidence: Evidence,
    findings: tuple[Finding, ...],
    reference: Reference,
    space: Edges | None,
    criteria: Criteria,
) -> Verdict:
    label = choose_label(findings, reference, criteria)
    diverged = evidence.state == "diverged" or blew_up(evidence, reference)
    return Verdict(
        label=label,
        reason=give_reason(label, findings, reference, criteria),
        findings=findings,
        numbers=_numbers(findings, reference),
        next_steps=next_steps(
            label,
            evidence,
            space,
            diverged=diverged,
            doubt=doubt_about(label, reference, criteria),
        ),
        baselines=reference.baselines,
        epoch=reference.epoch,
    )


def _numbers(findings: tuple[Finding, ...], reference: Reference) -> dict[str, Interval]:
    numbers = dict(reference.numbers)
    if reference.split is not None:
        split = reference.split
        numbers |= {
            "excess": split.excess,
            "bias": split.bias,
            "variance": split.variance,
            "difference": split.difference,
        }
    for finding in findings:
        if finding.code == "D002":
            numbers |= finding.numbers
    return numbers


def _facts(
    runs: Mapping[str, Evidence], verdicts: Mapping[str, Verdict], assessment: Assessment
) -> SweepFacts:
    return SweepFacts(
        runs=runs,
        verdicts=verdicts,
        frontier=assessment.frontier,
        best=assessment.best,
        baselines=assessment.best_baselines,
        obstacle=assessment.obstacle,
    )
