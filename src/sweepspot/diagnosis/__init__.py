"""Why a run is worse than it could be: evidence in, verdicts out; pure, from arrays alone."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sweepspot.diagnosis.baselines import (
    Baseline,
    StatedBaseline,
    below_baselines,
    parse_baselines,
)
from sweepspot.diagnosis.convergence import still_improving
from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.error import loss_disagrees_with_error
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.health import learned_nothing, suspiciously_good_cv, unstable_curve
from sweepspot.diagnosis.records import (
    BaselineVerdict,
    Diagnosis,
    Finding,
    Frontier,
    Interval,
    Label,
    NextStep,
    Status,
    SweepVerdict,
    Verdict,
)
from sweepspot.diagnosis.split import high_bias, high_variance
from sweepspot.diagnosis.steps import Edges
from sweepspot.diagnosis.sweeps import many_failures, no_signal, suspicious_split
from sweepspot.diagnosis.tables import (
    check_columns,
    columns_without_spread,
    evidence_of,
    naive_of,
    verdict_columns,
)
from sweepspot.diagnosis.validity import not_valid
from sweepspot.diagnosis.verdicts import SweepRule, TrialRule, judge_runs
from sweepspot.errors import SpecError

__all__ = [
    "SWEEP_RULES",
    "TRIAL_RULES",
    "Baseline",
    "BaselineVerdict",
    "Criteria",
    "Diagnosis",
    "Edges",
    "Evidence",
    "Finding",
    "Frontier",
    "Interval",
    "Label",
    "NextStep",
    "StatedBaseline",
    "Status",
    "SweepVerdict",
    "Verdict",
    "diagnose",
    "diagnose_frame",
]

TRIAL_RULES: tuple[TrialRule, ...] = (
    not_valid,
    still_improving,
    high_bias,
    high_variance,
    below_baselines,
    loss_disagrees_with_error,
    suspiciously_good_cv,
    learned_nothing,
    unstable_curve,
)
SWEEP_RULES: tuple[SweepRule, ...] = (no_signal, many_failures, suspicious_split)

_DEFAULTS = Criteria()


def diagnose(
    runs: Mapping[str, Evidence],
    *,
    J_naive: float,
    baselines: Mapping[str, StatedBaseline] | None = None,
    space: Edges | None = None,
    criteria: Criteria = _DEFAULTS,
    loss_floor: float | None = 0.0,
    error_naive: float | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Say for each run of a sweep why it is worse than the best known here, or that it is not.

    The label compares a run with the sweep's own frontier: its three best runs, chosen and
    measured on different cv rows. It is a prediction: that the prescribed step lowers J on unseen
    data more than the opposite one. What stands between a run and a target is in `baselines`.

    Args:
        runs: The evidence of each run by its id; all on the same rows, all of one sweep.
        J_naive: J of the best constant predictor on the cv rows, the zero of every share.
        baselines: Human level, a target, another algorithm: one J for both splits, a pair
            (J_train, J_cv), or a `Baseline`. The first one decides the sweep's verdict.
        space: The range of each hyperparameter, (low, high, whether logarithmic), for next steps
            that say how far to move an edge.
        criteria: Thresholds.
        loss_floor: The lowest value that the loss can take; None where it has none, as with a
            Poisson loss without its constant.
        error_naive: Error of the best constant predictor on the cv rows: the zero of every share
            in error, as J_naive is in J. Without it shares of wrong answers are compared as they
            are, and errors of another scale are not.
        seed: Seeds the bootstrap; the same evidence and seed give the same verdicts.

    Returns:
        A mapping from run id to `Verdict`, with `frontier` and `sweep`.

    Raises:
        SpecError: Losses are not finite, below their floor, or of different lengths; a baseline,
            J_naive or error_naive is not finite. All problems are named at once.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> hard = rng.exponential(size=300)
        >>> runs = {
        ...     f"run {i}": Evidence(train_losses=bias * hard, cv_losses=bias * hard[::-1])
        ...     for i, bias in enumerate([0.1] * 12 + [0.5])
        ... }
        >>> verdicts = diagnose(runs, J_naive=1.0)
        >>> str(verdicts["run 0"].label), str(verdicts["run 12"].label)
        ('good_fit', 'high_bias')
    """
    return judge_runs(
        runs,
        J_naive=J_naive,
        baselines=baselines,
        space=space,
        criteria=criteria,
        loss_floor=loss_floor,
        error_naive=error_naive,
        seed=seed,
        trial_rules=TRIAL_RULES,
        sweep_rules=SWEEP_RULES,
    )


def diagnose_frame(
    frame: pd.DataFrame,
    *,
    J_naive: float | None = None,
    baselines: Mapping[str, StatedBaseline] | None = None,
    criteria: Criteria = _DEFAULTS,
    loss_floor: float | None = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Diagnose a table of runs, each sweep on its own.

    Args:
        frame: A row a run, with a column `sweep` and either `J_train`, `J_cv`, `J_train_se`,
            `J_cv_se`, or vectors in `train_losses` and `cv_losses`. Other fields of `Evidence`,
            and `J_naive`, are read where there are such columns. Where the standard errors are
            missing, every run of that sweep is `inconclusive`, with its numbers and no bounds.
        J_naive: J of the best constant predictor, where no column says it.
        baselines: As for `diagnose`.
        criteria: Thresholds.
        loss_floor: As for `diagnose`.
        seed: Seeds the bootstrap of each sweep.

    Returns:
        The label, reason, first next step and numbers of each row, on the index of `frame`.

    Raises:
        SpecError: A column is missing, or the evidence is refused as by `diagnose`.
    """
    if frame.empty:
        raise SpecError("frame: must have at least one row, got none; pass the runs of a sweep")
    check_columns(frame)
    numbered = frame.reset_index(drop=True)
    parts = []
    for sweep, rows in numbered.groupby("sweep", sort=False):
        naive = naive_of(rows, J_naive, sweep)
        parse_baselines(baselines, naive)
        columns = columns_without_spread(rows, naive, criteria)
        if columns is None:
            diagnosis = diagnose(
                {str(position): run for position, run in evidence_of(rows).items()},
                J_naive=naive,
                baselines=baselines,
                criteria=criteria,
                loss_floor=loss_floor,
                seed=seed,
            )
            columns = verdict_columns(diagnosis)
        parts.append(pd.DataFrame(columns, index=rows.index))
    return pd.concat(parts).sort_index().set_axis(frame.index, axis=0)
