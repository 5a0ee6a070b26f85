"""The sweep's own verdict: what stands between its best run and the stated baselines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.labels import shorten
from sweepspot.diagnosis.records import (
    BaselineVerdict,
    Finding,
    Frontier,
    Label,
    NextStep,
    Status,
    SweepVerdict,
    Verdict,
)

__all__ = ["SweepFacts", "diagnose_sweep", "many_failures", "no_signal", "suspicious_split"]

_CAUSES = {
    Label.HIGH_BIAS: "mostly avoidable bias",
    Label.HIGH_VARIANCE: "mostly variance",
    Label.HIGH_BIAS_HIGH_VARIANCE: "both bias and variance",
}
_ADVICE = {
    Label.HIGH_BIAS: "open the space towards more capacity and less regularization",
    Label.HIGH_VARIANCE: "add training data, or open the space towards more regularization",
    Label.HIGH_BIAS_HIGH_VARIANCE: "add training data, and open the space towards more capacity",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepFacts:
    """What the rules about a whole sweep look at.

    Attributes:
        runs: The evidence of each run.
        verdicts: The verdict of each run.
        frontier: The frontier, None where too few runs are comparable.
        best: The id of the best run by J_cv.
        baselines: The best run, cross-fitted, beside each stated baseline.
        obstacle: Why no run could be compared with the frontier, empty if they could.
    """

    runs: Mapping[str, Evidence]
    verdicts: Mapping[str, Verdict]
    frontier: Frontier | None = None
    best: str | None = None
    baselines: Mapping[str, BaselineVerdict] = field(default_factory=dict)
    obstacle: str = ""


def no_signal(facts: SweepFacts, criteria: Criteria) -> Finding:
    """D101: the frontier is not clearly better than the best constant predictor."""
    code, name = "D101", "no signal"
    if facts.frontier is None:
        because = facts.obstacle or "no run to compare"
        return Finding(code=code, name=name, status=Status.UNKNOWN, because=because)
    z = facts.frontier.z
    return Finding(
        code=code,
        name=name,
        status=Status.ABSENT if facts.frontier.has_signal else Status.PRESENT,
        because=f"J_naive - J_cv of the frontier is {z}",
        numbers={"z": z},
    )


def many_failures(facts: SweepFacts, criteria: Criteria) -> Finding:
    """D102: a large share of the runs failed or diverged."""
    codes = {
        run: {finding.code: finding.status for finding in verdict.findings}
        for run, verdict in facts.verdicts.items()
    }
    broken = [
        run
        for run, evidence in facts.runs.items()
        if evidence.is_broken
        or (evidence.state == "complete" and codes[run].get("D001") is Status.PRESENT)
    ]
    share = len(broken) / len(facts.runs) if facts.runs else 0.0
    return Finding(
        code="D102",
        name="many failures",
        status=Status.PRESENT if share >= criteria.failed_share else Status.ABSENT,
        because=f"{len(broken)} of {len(facts.runs)} runs failed or diverged",
    )


def suspicious_split(facts: SweepFacts, criteria: Criteria) -> Finding:
    """D103: most runs are better on the cv split than on the split they were trained on."""
    status = [
        finding.status
        for verdict in facts.verdicts.values()
        for finding in verdict.findings
        if finding.code == "D007" and finding.status is not Status.UNKNOWN
    ]
    n = sum(s is Status.PRESENT for s in status)
    code, name = "D103", "suspicious cv split"
    because = f"J_cv is far below J_train in {n} of {len(status)} runs"
    if not status:
        return Finding(code=code, name=name, status=Status.UNKNOWN, because=because)
    present = n > len(status) / 2
    return Finding(
        code=code,
        name=name,
        status=Status.PRESENT if present else Status.ABSENT,
        because=because,
    )


def diagnose_sweep(facts: SweepFacts, findings: Sequence[Finding]) -> SweepVerdict:
    """Return the verdict about a sweep from its facts and the answers of the sweep rules.

    The first baseline stated decides; `naive`, which nobody has to state, never does.
    """
    stated = next((name for name in facts.baselines if name != "naive"), None)
    present = {finding.code for finding in findings if finding.status is Status.PRESENT}
    judged = facts.baselines[stated] if stated is not None else None
    label = judged.label if judged is not None else Label.INCONCLUSIVE
    if facts.best is None:
        label = Label.NOT_ASSESSED
    elif "D101" in present:
        label = Label.INCONCLUSIVE
    notes = [f.because for f in findings if f.status is Status.PRESENT and f.code != "D101"]
    steps = _steps(label, "D101" in present)
    return SweepVerdict(
        label=label,
        reason=shorten("; ".join([_reason(facts, judged, "D101" in present), *notes])),
        baseline=stated,
        best=facts.best,
        findings=tuple(findings),
        baselines=facts.baselines,
        labels=dict(Counter(str(verdict.label) for verdict in facts.verdicts.values())),
        next_steps=steps,
    )


def _steps(label: Label, lacks_signal: bool) -> tuple[NextStep, ...]:  # noqa: FBT001
    if lacks_signal:
        text = "check that the features can tell anything about the target, and the learning rate"
        return (NextStep(text=text),)
    return (NextStep(text=_ADVICE[label]),) if label in _ADVICE else ()


def _reason(
    facts: SweepFacts,
    judged: BaselineVerdict | None,
    lacks_signal: bool,  # noqa: FBT001
) -> str:
    if facts.best is None:
        return facts.obstacle or "no run to compare"
    if lacks_signal:
        return "no signal: the frontier is not clearly better than the best constant"
    if judged is None:
        return f"best run {facts.best}; no baseline stated"
    gap = judged.gap
    measure = "J_cv" if judged.measure == "J" else "error"
    away = f"{measure} {gap.value:+.3g} against it ({gap.low:+.3g} to {gap.high:+.3g})"
    if judged.reached is Status.PRESENT:
        return f"best run {facts.best} reaches {judged.name}: {away}"
    if gap.low <= 0:
        return f"best run {facts.best} neither reaches nor clearly misses {judged.name}: {away}"
    cause = _CAUSES.get(judged.label, "by bias or by variance is not clear")
    return f"best run {facts.best} misses {judged.name}: {away}, {cause}"
