"""A made-up sweep for the tests of the report: every kind of end, and its real diagnosis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sweepspot.diagnosis import Diagnosis
from sweepspot.judging import Competitor, Judge
from sweepspot.report.html import write_report
from sweepspot.selection import Candidate, Selection, finalists, select
from sweepspot.space import Params
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import Curve, Losses, State, Trial, TrialResult

AWKWARD = "<img src=x onerror=alert(1)> & </script>"
N_TRAIN, N_CV, EPOCHS = 600, 400, 30


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeSweep:
    spec: SweepSpec
    results: dict[int, TrialResult]
    diagnosis: Diagnosis
    selection: Selection

    def write(self, folder: Path) -> Path:
        """Write the report with everything that it can show."""
        return write_report(
            folder / "made" / "report.html",
            name=self.spec.name,
            results=self.results,
            diagnosis=self.diagnosis,
            space=self.spec.points,
            selection=self.selection,
            champion=self.selection.number,
            champion_lines=(
                f"champion  #{self.selection.number:03d} is the champion: {self.selection.because}",
                "scores    J_cv 0.1204, error 0.031; on the test split J 0.1321, error 0.036",
                "warning   this test split was opened 3 times by now",
                "model     models:/digits@champion",
            ),
            facts={"data": "sklearn:digits: 1,797 rows", "model": AWKWARD},
            go_on="sweepspot run sweeps/digits.yaml",
        )


def make_sweep(*, trials: int = 40, seed: int = 0) -> MadeSweep:
    """Return a sweep whose trials differ in bias and in variance, made without training."""
    spec = parse_spec(
        {
            "name": "made-digits",
            "data": {"source": "sklearn:digits"},
            "model": f"models:{AWKWARD}",
            "space": {
                "layers": {"int": [1, 3]},
                "units": {"int": [16, 256], "log": True},
                "learning_rate": {"float": [1e-4, 1e-1], "log": True},
                "dropout": {"float": [0.0, 0.5]},
                "l2": {"float": [1e-6, 1e-2], "log": True, "when": {"layers": [2, 3]}},
                AWKWARD: {"choice": ["adam", "rmsprop", "<b>sgd</b>"]},
            },
            "train": {"epochs": EPOCHS},
            "baseline": {"target_error": 0.02},
            "search": {"trials": trials},
        }
    )
    rng = np.random.default_rng(seed)
    hard = rng.exponential(size=N_TRAIN), rng.exponential(size=N_CV)
    results = {n: _train(n, spec.points.sample(rng), hard, rng) for n in range(trials)}
    results[3] = _failed(results[3], State.FAILED, "diverged: J_cv was nan at epoch 2")
    results[5] = _failed(results[5], State.FAILED, "build: ValueError: units must be > 0")
    results[8] = _pruned(results[8])
    rival = Competitor(name="hist_gradient_boosting", J_train=0.08, J_cv=0.2)
    judge = Judge(spec, J_naive=2.3, algorithm=rival, losses=lambda result: None)
    chosen = finalists(results, count=3)
    selection = select(
        [
            Candidate(
                number=r.number,
                n_weights=r.n_weights,
                repeats=(1, 2, 3, 4, 5),
                cv_losses=float(r.J_cv or 0) * hard[1] * rng.uniform(0.9, 1.1, size=(5, N_CV)),
            )
            for r in chosen
        ]
    )
    return MadeSweep(
        spec=spec, results=results, diagnosis=judge.all(results.values()), selection=selection
    )


def _train(
    number: int, params: Params, hard: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> TrialResult:
    units, rate, dropout = (float(params[k]) for k in ("units", "learning_rate", "dropout"))
    away = abs(math.log10(rate) + 2.4)
    J_train = 0.03 + 0.28 * away**2 + 0.35 * dropout + 3.0 / units
    J_cv = J_train + 0.09 + 0.03 * math.log(units / 16) * (1 - dropout) + 0.05 * rng.exponential()
    train = (J_train * hard[0] * rng.uniform(0.9, 1.1, N_TRAIN)).astype(np.float32)
    cv = (J_cv * hard[1] * rng.uniform(0.9, 1.1, N_CV)).astype(np.float32)
    t = np.arange(1, EPOCHS + 1)
    speed = 1.5 if number % 9 == 4 else 5.0
    fall = 2.2 * np.exp(-speed * t / EPOCHS)
    noise = rng.normal(scale=0.008, size=(2, EPOCHS))
    J_train, J_cv = float(train.mean()), float(cv.mean())
    return TrialResult(
        trial=Trial(number=number, params=params, seed=number, epochs=EPOCHS),
        state=State.COMPLETE,
        J_train=J_train,
        J_cv=J_cv,
        error_train=J_train / 4,
        error_cv=J_cv / 4,
        best_epoch=int(rng.integers(15, EPOCHS + 1)),
        n_weights=int(65 * units + 11 * units + int(params["layers"] > 1) * units**2),
        curve=Curve(
            J_train=tuple(float(J) for J in J_train + fall + noise[0]),
            J_cv=tuple(float(J) for J in J_cv + fall * 0.95 + noise[1]),
        ),
        elapsed_s=4.2 + number / 10,
        losses=Losses(train=train, cv=cv, train_errors=train / 4, cv_errors=cv / 4),
    )


def _failed(result: TrialResult, state: State, reason: str) -> TrialResult:
    return TrialResult(trial=result.trial, state=state, reason=reason, elapsed_s=0.4)


def _pruned(result: TrialResult) -> TrialResult:
    return TrialResult(
        trial=result.trial,
        state=State.PRUNED,
        reason="pruned at epoch 6",
        J_train=1.0,
        J_cv=1.1,
        error_train=0.3,
        error_cv=0.33,
        best_epoch=6,
        n_weights=result.n_weights,
        curve=Curve(J_train=result.curve.J_train[:6], J_cv=result.curve.J_cv[:6]),
        elapsed_s=0.9,
    )
