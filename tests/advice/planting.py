"""Planted sweeps: results whose J is a closed form over the space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sweepspot.advice.facts import Facts, position
from sweepspot.diagnosis import Diagnosis, Label, SweepVerdict, Verdict
from sweepspot.space import Choice, Value
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import Curve, State, Trial, TrialResult, run_id

EPOCHS = 10
SPACE: Mapping[str, Any] = {
    "units": {"int": [16, 256], "log": True},
    "learning_rate": {"float": [1e-4, 1e-1], "log": True},
    "dropout": {"float": [0.0, 0.5]},
}

Places = Mapping[str, float]


def declare(space: Mapping[str, Any] = SPACE, **keys: Any) -> SweepSpec:
    return parse_spec(
        {
            "name": "planted",
            "data": {"source": "sklearn:digits"},
            "space": dict(space),
            "train": {"epochs": EPOCHS},
            **keys,
        }
    )


def result(
    number: int,
    params: Mapping[str, Value],
    J_cv: float | None,
    *,
    state: State = State.COMPLETE,
    best_epoch: int = 5,
    epochs: int = EPOCHS,
    repeat: int = 0,
    reason: str | None = None,
) -> TrialResult:
    """Return a result whose curve is flat but for its best epoch."""
    trial = Trial(number=number, params=dict(params), seed=number, epochs=epochs, repeat=repeat)
    curve = Curve() if J_cv is None else Curve(J_cv=(J_cv,) * epochs)
    return TrialResult(
        trial=trial,
        state=state,
        reason=reason,
        J_cv=J_cv,
        J_train=J_cv,
        best_epoch=best_epoch,
        curve=curve,
    )


def places(spec: SweepSpec, params: Mapping[str, Value]) -> dict[str, float]:
    """Return where a point lies in each dimension, 0 to 1; an option by its place."""
    return {
        name: (
            float(d.options.index(params[name]))
            if isinstance(d, Choice)
            else position(d, float(params[name]))
            if d.low < d.high
            else 0.0
        )
        for name, d in spec.points.dimensions.items()
        if name in params
    }


def diagnosed(
    labels: Mapping[int, Label] | None = None, sweep: SweepVerdict | None = None
) -> Diagnosis:
    return Diagnosis(
        verdicts={run_id(n): Verdict(label=lab, reason="") for n, lab in (labels or {}).items()},
        sweep=sweep or SweepVerdict(label=Label.INCONCLUSIVE, reason=""),
    )


def plant(
    J: Callable[[Places], float],
    *,
    n: int = 40,
    space: Mapping[str, Any] = SPACE,
    fails: Callable[[Places], bool] = lambda u: False,
    diagnosis: Diagnosis | None = None,
    seed: int = 0,
    **keys: Any,
) -> Facts:
    """Return a sweep: points drawn evenly, J by a formula, failures by another."""
    spec = declare(space, **keys)
    rng = np.random.default_rng(seed)
    results = {}
    for number in range(n):
        params = spec.points.sample(rng)
        u = places(spec, params)
        one = result(number, params, J(u) + 1e-3 * float(rng.standard_normal()))
        if fails(u):
            one = replace(
                one, state=State.FAILED, J_cv=None, J_train=None, reason="diverged: J is NaN"
            )
        results[number] = one
    return Facts(
        spec=spec,
        results=results,
        repeats={},
        diagnosis=diagnosed() if diagnosis is None else diagnosis,
    )
