"""The thresholds of the diagnosis: one home for each, with where its value came from."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from sweepspot.errors import SpecError

__all__ = ["Criteria"]

_SHARES = ("excess", "good", "signal", "still_improving", "last_part", "interpolates")
_AT_LEAST = {
    "draws": 100,
    "folds": 2,
    "frontier": 1,
    "min_runs": 2,
    "min_converged_runs": 1,
    "min_rows": 2,
    "min_epochs": 4,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Criteria:
    """Every threshold of the diagnosis; the sweep file's `criteria:` section sets the same names.

    Shares of z are shares of the range between the best constant predictor and the frontier.

    Attributes:
        excess: A run is worse than the frontier when the low bound of its excess is above this
            share of z. Origin: .02 scored best of .02 and .05 on 360 labelled runs, and was
            confirmed on 160 labels of two data sets that it was not chosen on.
        good: A run is as good as the frontier when the high bound of its excess is at most this
            share of z. Origin: as `excess`.
        signal: The low bound of z must be above this share of J_naive, or the sweep has no
            signal. Origin: below it the unit of every other threshold is mostly noise.
        draws: Bootstrap draws; the end points of a 90 % interval of 400 draws repeat to about
            a tenth of a standard error.
        coverage: The probability an interval covers; one-sided bounds are at `(1 + coverage) / 2`.
        folds: Folds of the cv rows over which the frontier is chosen and measured. Origin: five,
            with which 1-3 % of equal configurations are called worse (20-40 % without).
        frontier: How many of the best runs make up the frontier. Origin: as `folds`.
        min_runs: Fewest comparable runs for any label; the frontier needs as many as it averages.
        min_converged_runs: Fewest converged runs at full fidelity for `good_fit`: the best of any
            small sweep looks good.
        min_rows: Fewest train and cv rows. Origin: simulated, a 90 % percentile interval of
            the mean of 30 exponential losses covers 85 %, of 50 and of 100 it covers 88 %.
        still_improving: A run still improves when J_cv fell by more than this share of z over the
            last part of its epochs. Origin: predicts that tripled epochs help with AUC .88.
        last_part: The last part of the epochs, as a share of them. Origin: as `still_improving`.
        min_epochs: Fewest epochs on a curve for a statement about convergence.
        interpolates: The frontier nearly interpolates when its J_train is within this share of z
            of the lowest value that the loss can take. Origin: .1 covers all 8 opposite labels of
            240 on images of digits and a regression, which had it up to .09; decision 0016.
        leak: Standard errors by which J_cv must be below J_train to be suspicious. Origin: three,
            one false alarm in 700 sweeps of an exact split.
        failed_share: Share of failed or diverged runs that the sweep's verdict mentions.

    Example:
        >>> Criteria(excess=0.05).excess
        0.05
    """

    excess: float = 0.02
    good: float = 0.05
    signal: float = 0.02
    draws: int = 400
    coverage: float = 0.90
    folds: int = 5
    frontier: int = 3
    min_runs: int = 3
    min_converged_runs: int = 10
    min_rows: int = 50
    still_improving: float = 0.02
    last_part: float = 0.25
    min_epochs: int = 8
    interpolates: float = 0.1
    leak: float = 3.0
    failed_share: float = 0.2

    def __post_init__(self) -> None:
        """Refuse values that no rule can work with.

        Raises:
            SpecError: A value is outside its range; every such value is named.
        """
        problems = [
            f"criteria.{name}: must be at least 0 and below 1, got {value}; give a share"
            for name in (*_SHARES, "failed_share")
            if not 0 <= (value := getattr(self, name)) < 1
        ]
        for name, low in _AT_LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, Integral):
                problems.append(f"criteria.{name}: must be a whole number, got {value}; round it")
            elif value < low:
                problems.append(f"criteria.{name}: must be at least {low}, got {value}; raise it")
        if not 0.5 <= self.coverage < 1:
            problems.append(
                f"criteria.coverage: must be in [0.5, 1), got {self.coverage}; 0.9 is usual"
            )
        if not self.leak > 0:
            problems.append(f"criteria.leak: must be above 0, got {self.leak}; 3 is usual")
        if problems:
            raise SpecError(*problems)

    @property
    def quantiles(self) -> tuple[float, float]:
        """The two probabilities that bound an interval, .05 and .95 unless told otherwise."""
        tail = (1 - self.coverage) / 2
        return tail, 1 - tail
