"""Was the step right: paired differences of J_cv over examples and seeds, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from sweepspot.advice_ledger import AdviceOutcome
from sweepspot.diagnosis import Interval
from sweepspot.verifying.records import AS_IT_WAS, OPPOSITE, PRESCRIBED

__all__ = ["StepComparison", "compare", "paired_interval"]

COVERAGE = 0.9
"""Of every interval, as in the diagnosis."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepComparison:
    """What the prescribed step did, beside none and the opposite one: the outcome and its numbers.

    Attributes:
        outcome: Whether the step was right.
        because: Why, one sentence.
        change: J_cv prescribed minus as it was.
        opposite_change: J_cv opposite minus as it was, None without an opposite step.
        margin: J_cv prescribed minus opposite, None without an opposite step.
    """

    outcome: AdviceOutcome
    because: str
    change: Interval
    opposite_change: Interval | None
    margin: Interval | None


def paired_interval(differences: Floats, coverage: float = COVERAGE) -> Interval:
    """Return the mean of paired differences and where it lies, for other examples and other seeds.

    A difference has two sources of noise: which examples are in the cv split, and the seeds that
    the two were trained with. Each adds the variance of its means, over how many there are; how
    an example and a seed go together is in both, so the interval errs on the wide side. Its
    degrees of freedom are those of the two sources together, since five seeds say little about
    the spread over seeds. Assumes that seeds and examples are independent, and means nearly normal.

    Args:
        differences: `(seeds, examples)`, of losses; at least two of each.
        coverage: Of the interval.

    References:
        Satterthwaite, An Approximate Distribution of Estimates of Variance Components (1946).
        Owen, The Pigeonhole Bootstrap (2007), on the variance of crossed means.

    Example:
        >>> paired_interval(np.array([[-0.2, -0.4], [-0.2, -0.4]])).value
        -0.30000000000000004
    """
    exact = np.asarray(differences, np.float64)
    n_seeds, n_examples = exact.shape
    by_seed = float(exact.mean(axis=1).var(ddof=1)) / n_seeds
    by_example = float(exact.mean(axis=0).var(ddof=1)) / n_examples
    value, variance = float(exact.mean()), by_seed + by_example
    if variance == 0:
        return Interval(value=value, low=value, high=value)
    shares = by_seed**2 / (n_seeds - 1) + by_example**2 / (n_examples - 1)
    reach = float(stdtrit(variance**2 / shares, (1 + coverage) / 2)) * math.sqrt(variance)
    return Interval(value=value, low=value - reach, high=value + reach)


def compare(cv_losses: Mapping[str, Floats]) -> StepComparison:
    """Say whether the prescribed step was right.

    Right: it lowered J_cv, and did better than the opposite step; both shown. Wrong: the opposite
    step did better, or it raised J_cv; either shown. Shown is what the whole interval says.

    Args:
        cv_losses: `(seeds, examples)` for each way of training, seeds and examples in one order;
            without `opposite` where there is no such step.
    """
    change = paired_interval(cv_losses[PRESCRIBED] - cv_losses[AS_IT_WAS])
    margin = opposite_change = None
    if OPPOSITE in cv_losses:
        margin = paired_interval(cv_losses[PRESCRIBED] - cv_losses[OPPOSITE])
        opposite_change = paired_interval(cv_losses[OPPOSITE] - cv_losses[AS_IT_WAS])
    outcome = _outcome(change, margin)
    return StepComparison(
        outcome=outcome,
        because=_because(outcome, change, margin),
        change=change,
        opposite_change=opposite_change,
        margin=margin,
    )


def _outcome(change: Interval, margin: Interval | None) -> AdviceOutcome:
    if change.low > 0 or (margin is not None and margin.low > 0):
        return AdviceOutcome.WRONG
    if change.high < 0 and (margin is None or margin.high < 0):
        return AdviceOutcome.RIGHT
    return AdviceOutcome.NO_DIFFERENCE


def _because(outcome: AdviceOutcome, change: Interval, margin: Interval | None) -> str:
    moved = f"the prescribed step {_moved(change)}"
    if margin is None:
        return f"{moved}; there is no opposite step to compare with"
    if outcome is AdviceOutcome.WRONG and margin.low > 0:
        return f"{moved}, and the opposite step did better by {_size(margin)}"
    if outcome is AdviceOutcome.RIGHT:
        return f"{moved}, and did better than the opposite step by {_size(margin)}"
    if margin.high < 0:
        return f"{moved}; it did better than the opposite step by {_size(margin)}"
    return f"{moved}, and is not shown to differ from the opposite step"


def _moved(change: Interval) -> str:
    if change.high < 0:
        return f"lowered J_cv by {_size(change)}"
    if change.low > 0:
        return f"raised J_cv by {_size(change)}"
    return f"is not shown to change J_cv ({change.low:+.3g} to {change.high:+.3g})"


def _size(interval: Interval) -> str:
    """Write a difference without its sign, which the words say.

    Example:
        >>> _size(Interval(value=-0.2, low=-0.3, high=-0.1))
        '0.2 (0.1 to 0.3)'
    """
    low, high = sorted((abs(interval.low), abs(interval.high)))
    return f"{abs(interval.value):.3g} ({low:.3g} to {high:.3g})"
