"""Which finalist is the champion: paired differences over fresh seeds, one standard error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sweepspot.trial import State, TrialResult, run_id

__all__ = ["Candidate", "Contender", "Selection", "finalists", "lower_median", "select"]

DRAWS = 1000
"""Bootstrap draws; a standard error from 1,000 of them repeats to 2 %."""

SAME_LATENCY = 0.1
"""Share by which two measured times may differ and count as equal: medians repeat to a few %."""

Rule = Literal["one_standard_error", "lowest_mean"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """A finalist with its fresh repeats; the sweep's own run is not among them.

    Attributes:
        number: Of the trial.
        n_weights: Its cost, unless times are known.
        repeats: The number, from 1, of each repeat that was measured; one that diverged is not
            among them.
        cv_losses: `(repeats, n_cv)`: the loss of each kept row under each fresh seed, the rows the
            same for every candidate.
        latency_s: Seconds to answer for one row; when every candidate has it, it is the cost.
    """

    number: int
    n_weights: int
    repeats: tuple[int, ...]
    cv_losses: npt.NDArray[np.floating[Any]]
    latency_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A finalist as the selection saw it.

    Attributes:
        number: Of the trial.
        n_weights: Its cost, unless times are known.
        J_cv: Mean over its repeats and the kept rows.
        spread: Standard deviation of J_cv from repeat to repeat; 0 with one repeat.
        difference: Mean paired difference of J_cv to the best finalist.
        standard_error: Of that difference, by bootstrap over examples and repeats together.
        within: Whether the difference is at most its standard error.
        latency_s: Seconds to answer for one row, None when it was not measured.
        barred: Whether a gate keeps it from being champion.
    """

    number: int
    n_weights: int
    J_cv: float
    spread: float
    difference: float
    standard_error: float
    within: bool
    latency_s: float | None = None
    barred: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The outcome of a selection on the cross-validation split.

    Attributes:
        number: The trial selected.
        repeat: The number of the repeat that is the model: the one of lower-median J_cv.
        because: Why, in one sentence.
        contenders: All finalists, the best J_cv first.
    """

    number: int
    repeat: int
    because: str
    contenders: tuple[Contender, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the selection as JSON values."""
        return {
            "number": self.number,
            "repeat": self.repeat,
            "because": self.because,
            "contenders": [
                {name: getattr(c, name) for name in Contender.__dataclass_fields__}
                for c in self.contenders
            ],
        }


def finalists(results: Mapping[int, TrialResult], *, count: int) -> list[TrialResult]:
    """Return the trials to train again: complete, at full fidelity, different, lowest J_cv.

    Args:
        results: Of the sweep, by number.
        count: How many at most.
    """
    full = max((r.trial.epochs for r in results.values()), default=0)
    ranked = sorted(
        (
            r
            for r in results.values()
            if r.state is State.COMPLETE and r.trial.epochs == full and r.J_cv is not None
        ),
        key=lambda r: (r.J_cv, r.n_weights, r.number),
    )
    chosen: dict[tuple[tuple[str, object], ...], TrialResult] = {}
    for result in ranked:
        chosen.setdefault(tuple(sorted(result.trial.params.items())), result)
    return list(chosen.values())[:count]


def select(
    candidates: Sequence[Candidate],
    *,
    rule: Rule = "one_standard_error",
    seed: int = 0,
    barred: Collection[int] = (),
) -> Selection:
    """Choose the cheapest finalist that is not shown to be worse than the best one.

    The cost is the number of weights, or the time to answer where every candidate has one; times
    that differ by less than a tenth are equal, and then the lower J_cv wins.

    A difference of J_cv between two finalists has two sources of noise: which examples are in the
    cross-validation split, and which seed each was trained with. Both are drawn anew in each
    bootstrap draw, the examples together for all finalists since the comparison is paired, the
    repeats of each finalist on their own.

    Args:
        candidates: At least one; their losses are on the same rows.
        rule: `one_standard_error`, or `lowest_mean` for the best J_cv whatever its cost.
        seed: Of the bootstrap.
        barred: Numbers of candidates that may not win, unless that is all of them.

    References:
        Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984), 3.4.3, on
        the one-standard-error rule. Efron and Tibshirani, An Introduction to the Bootstrap (1993).

    Example:
        >>> losses = np.array([[0.1, 0.3], [0.3, 0.1]])
        >>> small = Candidate(number=1, n_weights=10, repeats=(1, 2), cv_losses=losses)
        >>> large = Candidate(number=0, n_weights=99, repeats=(1, 2), cv_losses=losses)
        >>> select([large, small]).number
        1
    """
    # Sorted, so that the draws and with them the outcome do not hang on the order of the call.
    ordered = sorted(candidates, key=lambda c: (_mean(c), c.n_weights, c.number))
    differences, errors = _differences(ordered, seed)
    contenders = tuple(
        Contender(
            number=c.number,
            n_weights=c.n_weights,
            J_cv=_mean(c),
            spread=_spread(c),
            difference=d,
            standard_error=se,
            within=d <= se,
            latency_s=c.latency_s,
            barred=c.number in barred,
        )
        for c, d, se in zip(ordered, differences, errors, strict=True)
    )
    skipped = _why_skipped(candidates, rule)
    preferred = _cheapest(contenders[:1] if skipped else [c for c in contenders if c.within])
    winner, because = preferred, skipped or _explain(preferred, contenders)
    if preferred.barred and not all(c.barred for c in contenders):
        winner = _best_allowed(contenders, only_lowest=bool(skipped))
        because = f"it passes the gates, which {run_id(preferred.number)} does not"
    return Selection(
        number=winner.number,
        repeat=lower_median(next(c for c in ordered if c.number == winner.number)),
        because=because,
        contenders=contenders,
    )


def lower_median(candidate: Candidate) -> int:
    """Return the number of the repeat whose J_cv is the lower median: the best one would flatter.

    Example:
        >>> losses = np.array([[0.4], [0.1], [0.3]])
        >>> lower_median(Candidate(number=0, n_weights=9, repeats=(1, 3, 4), cv_losses=losses))
        4
    """
    J = _by_repeat(candidate)
    return candidate.repeats[int(np.argsort(J, kind="stable")[(len(J) - 1) // 2])]


def _best_allowed(contenders: Sequence[Contender], *, only_lowest: bool) -> Contender:
    """Return the cheapest that may win of those within one standard error, or the next best."""
    allowed = [c for c in contenders if not c.barred]
    within = [c for c in allowed if c.within]
    return allowed[0] if only_lowest or not within else _cheapest(within)


def _cheapest(contenders: Sequence[Contender]) -> Contender:
    times = [c.latency_s for c in contenders if c.latency_s is not None]
    if len(times) < len(contenders):
        return min(contenders, key=lambda c: (c.n_weights, c.J_cv, c.number))
    limit = min(times) * (1 + SAME_LATENCY)
    as_fast = [c for c in contenders if (c.latency_s or 0.0) <= limit]
    return min(as_fast, key=lambda c: (c.J_cv, c.number))


def _differences(ordered: Sequence[Candidate], seed: int) -> tuple[list[float], list[float]]:
    """Return the mean difference of each candidate to the first, and its standard error."""
    rng = np.random.default_rng(seed)
    n_cv = ordered[0].cv_losses.shape[1]
    drawn = np.empty((DRAWS, len(ordered)))
    for k in range(DRAWS):
        weights = np.bincount(rng.integers(n_cv, size=n_cv), minlength=n_cv) / n_cv
        for i, candidate in enumerate(ordered):
            repeats = len(candidate.cv_losses)
            J = candidate.cv_losses @ weights
            drawn[k, i] = J[rng.integers(repeats, size=repeats)].mean()
    differences = drawn - drawn[:, :1]
    means = [_mean(c) - _mean(ordered[0]) for c in ordered]
    return means, [float(e) for e in differences.std(axis=0, ddof=1)]


def _mean(candidate: Candidate) -> float:
    return float(np.mean(candidate.cv_losses, dtype=np.float64))


def _by_repeat(candidate: Candidate) -> npt.NDArray[np.float64]:
    return np.asarray(np.mean(candidate.cv_losses, axis=1, dtype=np.float64))


def _spread(candidate: Candidate) -> float:
    J = _by_repeat(candidate)
    return float(J.std(ddof=1)) if len(J) > 1 else 0.0


def _why_skipped(candidates: Sequence[Candidate], rule: Rule) -> str:
    if len(candidates) == 1:
        return "there is one finalist, so there was nothing to choose from"
    if min(len(c.cv_losses) for c in candidates) < 2:
        return (
            "with one repeat the spread from seed to seed is unknown, so the lowest J_cv was taken"
        )
    if rule == "lowest_mean":
        return "it has the lowest mean J_cv over its repeats"
    return ""


def _explain(winner: Contender, contenders: Sequence[Contender]) -> str:
    best = contenders[0]
    is_timed = all(c.latency_s is not None for c in contenders)
    if winner is best:
        rivals = sum(c.within for c in contenders) - 1
        cheapest = "and none is clearly faster" if is_timed else "and the fewest weights"
        return "it has the lowest mean J_cv over its repeats" + (
            f", {cheapest} of {rivals + 1} that are as good" if rivals else ""
        )
    cost = (
        f"it answers fastest ({1e3 * (winner.latency_s or 0.0):.2g} ms for a row)"
        if is_timed
        else f"it has the fewest weights ({winner.n_weights:,})"
    )
    return (
        f"{cost} of those whose mean J_cv is within one "
        f"standard error of the best: {winner.difference:.4f} above {run_id(best.number)}, "
        f"standard error {winner.standard_error:.4f}"
    )
