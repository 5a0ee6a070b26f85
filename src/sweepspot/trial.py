"""Trials and what came of them: the values that flow through a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from sweepspot.space import Params

__all__ = [
    "DIVERGED",
    "Curve",
    "Losses",
    "State",
    "Trial",
    "TrialResult",
    "result_from_json",
    "result_to_json",
    "run_id",
    "trial_from_json",
    "trial_seed",
    "trial_to_json",
]

DIVERGED = "diverged"
"""First word of the reason of a trial that failed because its loss or weights were not finite."""


class State(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One point of the space, to be trained at some fidelity.

    Attributes:
        number: Position in the sweep, from 0; a repeat carries its trial's number.
        params: The whole point: searched dimensions and fixed values.
        seed: Sets the initial weights, the order of the batches and dropout.
        epochs: The fidelity: train until this many epochs are completed, counted from the start.
        continues: `(number, epoch)` of the trial whose last weights and optimizer state this one
            trains on from, having completed `epoch` epochs.
        keeps_weights: Whether the trainer must store its weights, for a promotion or a champion.
        repeat: 0 for the sweep's own training, k >= 1 for the k-th fresh seed of a finalist.
    """

    number: int
    params: Params
    seed: int
    epochs: int
    continues: tuple[int, int] | None = None
    keeps_weights: bool = False
    repeat: int = 0

    @property
    def first_epoch(self) -> int:
        """How many epochs are completed before this trial trains its own first."""
        return self.continues[1] if self.continues else 0

    @property
    def key(self) -> str:
        """The name of its files: `00017`, or `00017-r2` for the second repeat."""
        return f"{self.number:05d}" + (f"-r{self.repeat}" if self.repeat else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """J by epoch, in inference mode and without penalties, at the weights of each epoch's end.

    Attributes:
        first_epoch: Epochs completed before the first entry was trained (0 unless continued).
        J_train: One value an epoch, on the rows kept for the diagnosis.
        J_cv: One value an epoch; these are the values that the engine hears.
    """

    J_train: tuple[float, ...] = ()
    J_cv: tuple[float, ...] = ()
    first_epoch: int = 0

    @property
    def steps(self) -> range:
        """The number of completed epochs at each entry, from 1."""
        return range(self.first_epoch + 1, self.first_epoch + 1 + len(self.J_cv))


@dataclass(frozen=True, kw_only=True, slots=True)
class Losses:
    """Per-example values at the weights kept, on the same rows for every trial of a sweep.

    Attributes:
        train: Loss of each kept training row, `(n_train,)` float32.
        cv: Loss of each kept cross-validation row, `(n_cv,)` float32.
        train_errors: Error of each kept training row (0 or 1 for classes, absolute for numbers).
        cv_errors: The same on the cross-validation rows.
    """

    train: npt.NDArray[np.float32]
    cv: npt.NDArray[np.float32]
    train_errors: npt.NDArray[np.float32]
    cv_errors: npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialResult:
    """What came of one trial.

    Attributes:
        trial: The trial as it was asked.
        state: How it ended.
        reason: Why it was pruned or failed, one line; None when complete.
        J_train: Mean loss on the whole training split at the weights kept; None when failed.
        J_cv: Mean loss on the whole cross-validation split; None when failed.
        error_train: Mean error on the training split.
        error_cv: Mean error on the cross-validation split.
        best_epoch: The epoch whose weights were kept, counted from 1.
        n_weights: Trainable weights of the network.
        curve: J by epoch.
        started_s: Start of the training, seconds since 1970 (UTC).
        elapsed_s: Seconds of building, training and evaluating.
        train_s: Seconds of `elapsed_s` that went into gradient steps.
        trainer: The tier that trained it: plain or compiled.
        trainer_reason: Why that tier.
        weights: SHA-256 of the stored weights, when the trial keeps them.
        losses: Per-example values; kept beside the journal, not in it.
    """

    trial: Trial
    state: State
    reason: str | None = None
    J_train: float | None = None
    J_cv: float | None = None
    error_train: float | None = None
    error_cv: float | None = None
    best_epoch: int = 0
    n_weights: int = 0
    curve: Curve = field(default_factory=Curve)
    started_s: float = 0.0
    elapsed_s: float = 0.0
    train_s: float = 0.0
    trainer: str = "plain"
    trainer_reason: str = ""
    weights: str | None = None
    losses: Losses | None = field(default=None, compare=False, repr=False)

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number

    @property
    def epochs(self) -> int:
        """Epochs completed, those of the trial it continues included."""
        return self.curve.first_epoch + len(self.curve.J_cv)

    @property
    def diverged(self) -> bool:
        """Whether its loss or weights left the range of numbers, which is no error of the code."""
        return self.state is State.FAILED and (self.reason or "").startswith(DIVERGED)

    def without_losses(self) -> TrialResult:
        """Return the same result without its arrays, as the journal remembers it."""
        return replace(self, losses=None)


def trial_seed(sweep_seed: int, number: int, repeat: int = 0) -> int:
    """Return the seed of one training, independent of every other and the same on every machine.

    Args:
        sweep_seed: `search.seed` of the sweep file.
        number: The trial's number, from 0.
        repeat: 0 for the sweep's own training, k for the k-th fresh seed.

    Example:
        >>> trial_seed(0, 3) == trial_seed(0, 3), trial_seed(0, 3) == trial_seed(0, 3, repeat=1)
        (True, False)
    """
    return int(np.random.SeedSequence([sweep_seed, number, repeat]).generate_state(1)[0] >> 1)


def run_id(number: int) -> str:
    """Name a trial as people and diagnoses do.

    Example:
        >>> run_id(7)
        '#007'
    """
    return f"#{number:03d}"


def trial_to_json(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON values, defaults left out."""
    record: dict[str, Any] = {
        "number": trial.number,
        "params": dict(trial.params),
        "seed": trial.seed,
        "epochs": trial.epochs,
    }
    if trial.continues:
        record["continues"] = list(trial.continues)
    if trial.keeps_weights:
        record["keeps_weights"] = True
    if trial.repeat:
        record["repeat"] = trial.repeat
    return record


def trial_from_json(record: Mapping[str, Any]) -> Trial:
    """Read a trial back; the inverse of `trial_to_json`."""
    continues = record.get("continues")
    return Trial(**{**record, "continues": tuple(continues) if continues else None})


def result_to_json(result: TrialResult) -> dict[str, Any]:
    """Return a result as JSON values, without its arrays; NaN and infinity become strings."""
    record = {
        name: _to_json(getattr(result, name))
        for name in TrialResult.__dataclass_fields__
        if name not in ("trial", "curve", "losses")
    }
    record["trial"] = trial_to_json(result.trial)
    record["curve"] = {
        "J_train": [_to_json(J) for J in result.curve.J_train],
        "J_cv": [_to_json(J) for J in result.curve.J_cv],
        "first_epoch": result.curve.first_epoch,
    }
    return record


def result_from_json(record: Mapping[str, Any]) -> TrialResult:
    """Read a result back; the inverse of `result_to_json`."""
    curve = record["curve"]
    fields = {k: _from_json(v) if k in _NUMBERS else v for k, v in record.items()}
    return TrialResult(
        **{
            **fields,
            "trial": trial_from_json(record["trial"]),
            "state": State(record["state"]),
            "curve": Curve(
                J_train=tuple(_from_json(J) for J in curve["J_train"]),
                J_cv=tuple(_from_json(J) for J in curve["J_cv"]),
                first_epoch=curve["first_epoch"],
            ),
        }
    )


_NUMBERS = frozenset({"J_train", "J_cv", "error_train", "error_cv"})


# JSON has no NaN and no infinity, and a diverged trial has both.
def _to_json(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return repr(float(value))
    return value


def _from_json(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value
