"""The gates: what a model must be beside the baselines, on the cross-validation split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweepspot.competing import CompetingAlgorithm
from sweepspot.crowning.bootstrap import Floats, bounds
from sweepspot.crowning.records import Gate, Reached
from sweepspot.spec import SweepSpec
from sweepspot.trial import Losses

__all__ = ["Baselines", "gates_of"]

DRAWS = 1000
"""Bootstrap draws: the 5 % quantile of 1,000 lies between the true 3.7 and 6.4 %."""

CONFIDENCE = 0.95
"""Of each end of an interval by itself."""

_MISSED: tuple[Reached, ...] = ("no",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Baselines:
    """The baselines that have losses of their own, on the kept cv rows.

    Attributes:
        naive: `(n_cv,)`, of the best constant.
        algorithm: That the sweep competes with, None without one.
    """

    naive: Floats
    algorithm: CompetingAlgorithm | None = None


def gates_of(spec: SweepSpec, losses: Losses, baselines: Baselines) -> tuple[Gate, ...]:
    """Ask every gate about one model.

    The differences are paired, row by row, with a percentile bootstrap over rows (Efron 1979) that
    takes them as independent. Early stopping on the same rows flatters the model a little.

    Args:
        spec: States the targets, and which of the gates stop.
        losses: Of the model; its cv rows are used.
        baselines: On the same rows.
    """
    stopping = spec.select.gates
    seed, stated = spec.search.seed, spec.baseline
    found = [_gate("naive", losses.cv - baselines.naive, seed, stops_at=("no", "unclear"))]
    on_target = _MISSED if "target" in stopping else ()
    if stated.target_error is not None:
        values = losses.cv_errors - np.float64(stated.target_error)
        found.append(_gate("target_error", values, seed, stops_at=on_target))
    if stated.target_J is not None:
        values = losses.cv - np.float64(stated.target_J)
        found.append(_gate("target_J", values, seed, stops_at=on_target))
    if (competing := baselines.algorithm) is not None:
        on_algorithm = _MISSED if "algorithm" in stopping else ()
        beside = losses.cv - competing.cv_losses()
        found.append(_gate(competing.name, beside, seed, stops_at=on_algorithm))
    return tuple(found)


def _gate(name: str, differences: Floats, seed: int, *, stops_at: Sequence[Reached]) -> Gate:
    values = np.asarray(differences, dtype=np.float64)
    low, high = bounds(values, CONFIDENCE, seed, draws=DRAWS)
    reached: Reached = "yes" if high < 0 else "no" if low > 0 else "unclear"
    # A target that every draw meets exactly, such as an error of 0, is reached.
    if low == high == 0 and name != "naive":
        reached = "yes"
    return Gate(
        name=name,
        difference=float(values.mean()),
        low=low,
        high=high,
        reached=reached,
        stops=reached in stops_at,
    )
