"""Logged losses: what the metrics of one run let us see, and how far from clean J they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.sampling import Floats

__all__ = ["History", "Scale", "clean_levels", "scale_of", "untrained_level"]

# How far logged losses are from clean ones, from the quantiles of 120 labelled runs of one data
# set and scored on 120 of another. Without its penalty a logged train loss is 1.11 times the clean
# one in the median and 1.5 times at the 95th percentile: exp of a half-normal. The penalty's share
# of a logged cv loss is .03 in the median and .26 at the 95th percentile: about exponential.
_INFLATION = 0.2
_PENALTY = 0.075
# Where losses are small the penalty is a larger share of them, so it is then a share of this much
# of what a constant loses.
_LEAST_LEVEL = 0.5
# Standard error of a mean loss beside another one on the same rows, as a share of it: half of
# what 300 rows have alone, because runs find the same rows hard.
_SAMPLING = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What the metrics of one run let us see.

    Attributes:
        J_train: The train loss of the weights kept, or of the last epoch; None if not logged.
        J_cv: The same on the validation split.
        train_curve: The train loss by epoch; empty if only one value was logged.
        cv_curve: The validation loss by epoch.
        clean: Whether both were measured in inference mode without penalties. If not, the train
            loss may contain dropout noise, and both a penalty, as Keras's `loss` and `val_loss`.
        obstacle: Why the run cannot be assessed whatever its numbers; empty where it can.
    """

    J_train: float | None = None
    J_cv: float | None = None
    train_curve: tuple[float, ...] = ()
    cv_curve: tuple[float, ...] = ()
    clean: bool = False
    obstacle: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scale:
    """The unit in which shares are told, for each draw.

    Attributes:
        worse: To call a run worse, `(draws,)`.
        good: To call it good.
        has_signal: Whether the best runs are clearly better than the best constant.
        name: Of the unit, for people.
    """

    worse: Floats
    good: Floats
    has_signal: bool
    name: str


def clean_levels(
    runs: Sequence[History], level: float, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return J_train and J_cv as they may be without what contaminates them, `(runs, draws)`.

    Args:
        runs: Each with both losses.
        level: What a constant loses, or about that.
        draws: How many times what is not known is drawn.
        rng: Draws it.
    """
    shape = (len(runs), draws)
    logged = np.array([(run.J_train, run.J_cv) for run in runs], np.float64)
    train, cv = logged[:, :1], logged[:, 1:]
    clean = np.array([[run.clean] for run in runs])
    penalty = rng.exponential(_PENALTY, shape) * np.maximum(cv, _LEAST_LEVEL * level)
    # Both losses contain the same penalty, so it leaves the gap alone.
    penalty = np.where(clean, 0.0, np.minimum(penalty, 0.9 * np.minimum(train, cv)))
    inflation = np.where(clean, 1.0, np.exp(_INFLATION * np.abs(rng.standard_normal(shape))))
    cv_draws = (cv - penalty) * np.exp(_noise(cv, [r.cv_curve for r in runs], shape, rng))
    train_draws = (train - penalty) / inflation
    train_draws *= np.exp(_noise(train, [r.train_curve for r in runs], shape, rng))
    # A train loss above the cv loss has more noise in it than was ever measured here.
    return np.where(clean, train_draws, np.minimum(train_draws, cv_draws)), cv_draws


def _noise(
    level: Floats,
    curves: Sequence[Sequence[float]],
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> Floats:
    """Draw relative errors: of the rows drawn, and of the epoch at which training stopped."""
    jumps = np.array([[_jump(curve)] for curve in curves])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.nan_to_num(jumps / level, posinf=0.0)
    return np.hypot(_SAMPLING, np.minimum(relative, 1.0)) * rng.standard_normal(shape)


def _jump(curve: Sequence[float]) -> float:
    """Return how far the last epochs scatter around a straight line, in units of J."""
    last = np.asarray(curve[-max(5, len(curve) // 4) :], np.float64)
    if len(last) < 5 or not np.isfinite(last).all():
        return 0.0
    epochs = np.arange(len(last)) - (len(last) - 1) / 2
    residuals = last - last.mean() - epochs * (epochs @ last) / (epochs @ epochs)
    return float(np.sqrt(residuals @ residuals / (len(last) - 2)))


def untrained_level(runs: Sequence[History]) -> float:
    """Return about what is lost before training, where nobody said what a constant loses.

    The median first epoch; without curves the loss that one run in ten exceeds.
    """
    firsts = [run.cv_curve[0] for run in runs if len(run.cv_curve) > 1]
    firsts = [first for first in firsts if np.isfinite(first)]
    if firsts:
        return float(np.median(firsts))
    return float(np.quantile([run.J_cv or 0.0 for run in runs], 0.9))


def scale_of(best: Floats, level: float, criteria: Criteria, *, stated: bool) -> Scale:
    """Return the unit: z where J_naive is stated, else bounds of what it may be.

    Args:
        best: J_cv of the best runs, `(draws,)`.
        level: J_naive, or about what is lost before training.
        criteria: Thresholds.
        stated: Whether `level` is J_naive.
    """
    learned = level - best
    if stated:
        has_signal = float(np.quantile(learned, criteria.quantiles[0])) > criteria.signal * level
        unit = learned if has_signal else np.full_like(learned, level)
        return Scale(worse=unit, good=unit, has_signal=has_signal, name="z")
    learned = np.where(learned > 0, learned, best)
    return Scale(
        worse=np.maximum(best, learned),
        good=np.minimum(best, learned),
        has_signal=True,
        name="the unit",
    )
