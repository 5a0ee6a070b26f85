"""Dimensions: which of them mattered, by two evaluators, and which could be fixed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from scipy import stats

from sweepspot.advice.facts import Facts, position
from sweepspot.advice.importance import Column, Importance, importances
from sweepspot.advice.records import Limit
from sweepspot.diagnosis import Status
from sweepspot.space import Choice, Dimension, Value
from sweepspot.trial import TrialResult

__all__ = ["dimensions_that_mattered"]

MIN_TRIALS = 20
"""Fewest comparable trials; PED-ANOVA then compares the best five with four times as many."""

MAX_TRIALS = 120
"""Most trials that a forest is grown on, evenly spaced by rank: the time and memory of fANOVA grow
as the square of their number, and the end of a sweep waits for it."""

_MATTERS, _FIXABLE = ("D207", "dimension matters"), ("D208", "could be fixed")


def dimensions_that_mattered(facts: Facts) -> Iterator[Limit]:
    """D207 and D208: whether each dimension mattered, and whether it could be fixed.

    Present when fANOVA and PED-ANOVA agree that its importance is above that of every shuffled
    copy of it; absent when they agree that it is no greater than that of a typical copy; unknown
    in between, and when they differ. A dimension that is absent could be fixed at its best value.
    That is absence of evidence, so it wants a sweep of some size. One that others hang on, or that
    hangs on another, is left as it is.
    """
    searched = {
        name: d
        for name, d in facts.space.dimensions.items()
        if d.values is None or len(d.values) > 1
    }
    usable = facts.ranked[:: max(1, math.ceil(len(facts.ranked) / MAX_TRIALS))]
    if because := _cannot_tell(searched, usable):
        for name in searched:
            yield _limit(_MATTERS, name, Status.UNKNOWN, because)
        return
    columns = {
        name: _column(d, [r.trial.params.get(name) for r in usable]) for name, d in searched.items()
    }
    ranks = stats.rankdata([r.J_cv for r in usable]).tolist()
    found = importances(columns, ranks)
    for name in searched:
        matters = _matters(name, found)
        yield matters
        if matters.status is Status.ABSENT:
            yield _could_be_fixed(name, facts, matters.because)


def _cannot_tell(searched: Mapping[str, Dimension], usable: Sequence[TrialResult]) -> str | None:
    if len(searched) < 2:
        return "one dimension is searched, which has nothing to be compared with"
    if len(usable) < MIN_TRIALS:
        return f"{len(usable)} comparable trials, {MIN_TRIALS} needed"
    if usable[0].J_cv == usable[-1].J_cv:
        return "every comparable trial has the same J_cv"
    return None


def _column(dimension: Dimension, values: list[Value | None]) -> Column:
    if isinstance(dimension, Choice):
        places = [None if v is None else float(dimension.options.index(v)) for v in values]
        return Column(values=places, options=len(dimension.options))
    return Column(values=[None if v is None else position(dimension, float(v)) for v in values])


def _matters(name: str, found: Mapping[str, Mapping[str, Importance]]) -> Limit:
    numbers: dict[str, float] = {}
    words, answers = [], set()
    for evaluator, scores in found.items():
        if name not in scores:
            words.append(f"{evaluator} cannot tell of a dimension under a condition")
            answers.add(Status.UNKNOWN)
            continue
        one = scores[name]
        answers.add(_answer(one))
        numbers |= {
            evaluator: one.score,
            f"{evaluator}_typical_copy": one.typical,
            f"{evaluator}_greatest_copy": one.most,
        }
        by_chance = f"{one.typical:.2g} to {one.most:.2g} by chance"
        words.append(f"importance {one.score:.2g} by {evaluator}, {by_chance}")
    status = answers.pop() if len(answers) == 1 else Status.UNKNOWN
    return _limit(_MATTERS, name, status, "; ".join(words), numbers)


def _answer(one: Importance) -> Status:
    if one.score > one.most:
        return Status.PRESENT
    return Status.ABSENT if one.score <= one.typical else Status.UNKNOWN


def _could_be_fixed(name: str, facts: Facts, because: str) -> Limit:
    others = facts.space.dimensions.values()
    if any(name in (d.when or {}) for d in others):
        return _limit(_FIXABLE, name, Status.ABSENT, "other dimensions hang on it")
    value = facts.ranked[0].trial.params[name]
    return _limit(_FIXABLE, name, Status.PRESENT, because, value=value)


def _limit(
    named: tuple[str, str],
    dimension: str,
    status: Status,
    because: str,
    numbers: Mapping[str, float] | None = None,
    *,
    value: Value | None = None,
) -> Limit:
    code, name = named
    return Limit(
        code=code,
        name=name,
        status=status,
        because=because,
        numbers=numbers or {},
        dimension=dimension,
        value=value,
    )
