"""Limits of a sweep: it or most of its trials biased or varied, too few epochs for its best."""

from __future__ import annotations

from scipy import stats

from sweepspot.advice.facts import BEST, MIN_TRIALS, Facts
from sweepspot.advice.records import Limit
from sweepspot.diagnosis import Label, Status
from sweepspot.trial import TrialResult

__all__ = ["too_few_epochs", "whole_sweep_biased", "whole_sweep_varied"]

CONFIDENCE = 0.05
"""How rarely labels that fall on either side by a fair coin may name one side of the sweep."""

_BOTH = Label.HIGH_BIAS_HIGH_VARIANCE


def whole_sweep_biased(facts: Facts) -> Limit:
    """D202: what keeps the sweep from its baseline, or most of its trials from its best, is bias.

    A stated baseline decides where the best trial is clearly on one side of it. Without such an
    answer the labels do: bias or variance is named when it has more labels than a fair coin gives
    in 5 % of cases (sign test, one-sided). Labels are relative to the sweep's own best, so they
    say on which side of the space the good trials lie, not that its best is bad; what they decide
    is named "most trials biased". Trials of a sampler that learns are not independent, so the 5 %
    is a lower bound.
    """
    return _side(facts, Label.HIGH_BIAS, Label.HIGH_VARIANCE, ("D202", "biased"))


def whole_sweep_varied(facts: Facts) -> Limit:
    """D203: as `whole_sweep_biased`, for variance."""
    return _side(facts, Label.HIGH_VARIANCE, Label.HIGH_BIAS, ("D203", "varied"))


def _side(facts: Facts, mine: Label, other: Label, named: tuple[str, str]) -> Limit:
    code, what = named
    sweep = facts.diagnosis.sweep
    judged = sweep.baselines.get(sweep.baseline or "")
    status, numbers = Status.UNKNOWN, {}
    if any(f.code == "D101" and f.status is Status.PRESENT for f in sweep.findings):
        because = "the sweep has no signal to tell bias from variance by"
    elif judged is not None and judged.reached is Status.PRESENT:
        status, because = Status.ABSENT, f"the best trial reaches {judged.name}"
    elif judged is not None and sweep.label in (mine, other, _BOTH):
        status = Status.ABSENT if sweep.label is other else Status.PRESENT
        numbers = {
            "avoidable_bias": judged.avoidable_bias.value,
            "excess_variance": judged.excess_variance.value,
        }
        because = (
            f"from {judged.name} the best trial has avoidable bias {judged.avoidable_bias} "
            f"and excess variance {judged.excess_variance}"
        )
    else:
        return _by_labels(facts, mine, other, named)
    name = f"whole sweep {what}"
    return Limit(code=code, name=name, status=status, because=because, numbers=numbers)


def _by_labels(facts: Facts, mine: Label, other: Label, named: tuple[str, str]) -> Limit:
    code, what = named
    labels = [verdict.label for verdict in facts.diagnosis.values()]
    n_mine, n_other = labels.count(mine), labels.count(other)
    decided = n_mine + n_other
    because = f"{n_mine} trials are labelled {mine}, {n_other} {other}"
    status = Status.UNKNOWN
    if decided < MIN_TRIALS:
        because += f"; {MIN_TRIALS} of either needed"
    else:
        chance = float(stats.binom.sf(n_mine - 1, decided, 0.5))
        status = Status.PRESENT if chance <= CONFIDENCE else Status.ABSENT
    numbers = {str(mine): float(n_mine), str(other): float(n_other)}
    # The best trial may be near its target all the same, so this is not about the whole sweep.
    name = f"most trials {what}"
    return Limit(code=code, name=name, status=status, because=because, numbers=numbers)


def too_few_epochs(facts: Facts) -> Limit:
    """D204: most of the best trials were still getting better when their epochs ended.

    A trial counts when it used every epoch and its last one was its best, or when the diagnosis
    found that it still improves.
    """
    code, name = "D204", "too few epochs"
    best = facts.best
    if len(best) < BEST:
        return Limit(
            code=code,
            name=name,
            status=Status.UNKNOWN,
            because=f"{len(best)} comparable trials, {BEST} needed",
        )
    cut_off = [r for r in best if _was_cut_off(facts, r)]
    epochs = facts.spec.train.epochs
    return Limit(
        code=code,
        name=name,
        status=Status.PRESENT if len(cut_off) > len(best) / 2 else Status.ABSENT,
        because=f"{len(cut_off)} of the best {len(best)} still improved when {epochs} epochs ended",
        numbers={"cut_off": len(cut_off), "of": len(best), "epochs": epochs},
    )


def _was_cut_off(facts: Facts, result: TrialResult) -> bool:
    used_all = result.epochs >= facts.spec.train.epochs
    at_last = used_all and result.best_epoch == result.epochs
    return at_last or (used_all and facts.status(result, "D002") is Status.PRESENT)
