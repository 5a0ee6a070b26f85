"""What one run lets us see: its losses, curves, state and settings; refused here when unusable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from sweepspot.errors import SpecError

__all__ = ["Evidence", "Parameter", "RunState", "Vector", "check_evidence"]

Parameter = float | int | str | bool | None
RunState = Literal["complete", "pruned", "failed", "diverged"]
Vector = Sequence[float] | npt.NDArray[np.floating] | npt.NDArray[np.integer]

_STATES = ("complete", "pruned", "failed", "diverged")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """Everything a verdict about one run may look at.

    Either per-example losses or means with their standard errors are given. Losses are clean: in
    inference mode, without penalty, at the weights kept, on the same rows for every run of a call;
    Keras's own `loss` and `val_loss` are neither.

    Attributes:
        train_losses: `(n_train,)`, the loss of each training example.
        cv_losses: `(n_cv,)`, the loss of each cross-validation example.
        J_train: Mean loss on the training split, where the losses were not kept.
        J_cv: Mean loss on the cross-validation split, where the losses were not kept.
        J_train_se: Standard error of `J_train`.
        J_cv_se: Standard error of `J_cv`.
        train_curve: J_train by epoch, epoch 1 first; may end in NaN where training blew up.
        cv_curve: J_cv by epoch, epoch 1 first.
        train_errors: `(n_train,)`, another measure of each example such as 0/1 error.
        cv_errors: `(n_cv,)`, the same of each cross-validation example.
        error_train: Share of wrong answers, where the error of each example was not kept.
        error_cv: The same on the cross-validation split.
        state: `complete`, `pruned`, `failed` or `diverged`.
        reason: Why it failed, in a few words.
        epochs: Epochs trained; the length of `cv_curve` when None.
        full_fidelity: Whether it could spend all the training that a trial of this sweep may.
        params: Its hyperparameters in the words of the sweep file, for concrete next steps.
    """

    train_losses: Vector | None = None
    cv_losses: Vector | None = None
    J_train: float | None = None
    J_cv: float | None = None
    J_train_se: float | None = None
    J_cv_se: float | None = None
    train_curve: Vector | None = None
    cv_curve: Vector | None = None
    train_errors: Vector | None = None
    cv_errors: Vector | None = None
    error_train: float | None = None
    error_cv: float | None = None
    state: RunState = "complete"
    reason: str = ""
    epochs: int | None = None
    full_fidelity: bool = True
    params: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def has_losses(self) -> bool:
        """Whether the per-example losses of both splits are here."""
        return self.train_losses is not None and self.cv_losses is not None

    @property
    def has_means(self) -> bool:
        """Whether both means and both standard errors are here."""
        means = (self.J_train, self.J_cv, self.J_train_se, self.J_cv_se)
        return all(value is not None for value in means)

    @property
    def is_partial(self) -> bool:
        """Whether it saw less training than a full trial of its sweep."""
        return self.state == "pruned" or (self.state == "complete" and not self.full_fidelity)

    @property
    def is_broken(self) -> bool:
        """Whether it failed or diverged."""
        return self.state in ("failed", "diverged")

    @property
    def is_comparable(self) -> bool:
        """Whether it can be compared with the frontier at the end of training."""
        return (
            self.state == "complete" and self.full_fidelity and (self.has_losses or self.has_means)
        )

    @property
    def last_epoch(self) -> int | None:
        """The epoch at which it stands, if that is known."""
        if self.epochs is not None:
            return self.epochs
        return None if self.cv_curve is None else len(self.cv_curve)


def check_evidence(runs: Mapping[str, Evidence], *, loss_floor: float | None) -> None:
    """Refuse evidence that no rule may look at, all problems at once.

    Args:
        runs: The evidence of each run, by its id.
        loss_floor: The lowest value that the loss can take, None if it has no lowest.

    Raises:
        SpecError: Losses are not finite, below their floor, of another shape than those of the
            other runs, or given beside means; a standard error is negative; a state is unknown.
    """
    problems: list[str] = []
    for run, evidence in runs.items():
        if evidence.state not in _STATES:
            problems.append(
                f"run {run!r}: state must be one of {', '.join(_STATES)}, got {evidence.state!r}; "
                "name how it ended"
            )
        problems += _means_problems(run, evidence)
        for name in ("train_losses", "cv_losses", "train_errors", "cv_errors"):
            floor = loss_floor if name.endswith("losses") else 0.0
            problems += _vector_problems(f"run {run!r}: {name}", getattr(evidence, name), floor)
        problems += _pair_problems(run, evidence)
        problems += [
            f"run {run!r}: {name} must be a share from 0 to 1, got {value}; keep each example's "
            "error where it is none"
            for name in ("error_train", "error_cv")
            if (value := getattr(evidence, name)) is not None and not 0 <= value <= 1
        ]
    if not problems:
        problems = _length_problems(runs)
    if problems:
        raise SpecError(*problems)


def _vector_problems(where: str, values: Vector | None, floor: float | None) -> list[str]:
    if values is None:
        return []
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return [f"{where} must be numbers, got {type(values).__name__}; pass a vector of floats"]
    if array.ndim != 1 or array.size == 0:
        return [f"{where} must be a vector, got shape {array.shape}; pass one loss an example"]
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        return [
            f"{where} must be finite, got {bad} of {array.size} that are not; "
            "pass the run as state='diverged' without losses"
        ]
    if floor is not None and array.min() < floor:
        return [
            f"{where} must be at least {floor:g}, got {array.min():g}; "
            "pass loss_floor=None if this loss has no lowest value"
        ]
    return []


def _means_problems(run: str, evidence: Evidence) -> list[str]:
    names = ("J_train", "J_cv", "J_train_se", "J_cv_se")
    given = {name: value for name in names if (value := getattr(evidence, name)) is not None}
    if not given:
        return []
    if evidence.train_losses is not None or evidence.cv_losses is not None:
        return [f"run {run!r}: give losses or means, got both; leave out {', '.join(given)}"]
    if len(given) < len(names):
        missing = ", ".join(name for name in names if name not in given)
        return [f"run {run!r}: means need all of {', '.join(names)}, got no {missing}; add them"]
    problems = [
        f"run {run!r}: {name} must be finite, got {value}; pass the run as state='diverged'"
        for name, value in given.items()
        if not np.isfinite(value)
    ]
    problems += [
        f"run {run!r}: {name} must be at least 0, got {value}; pass a standard error"
        for name, value in given.items()
        if name.endswith("_se") and value < 0
    ]
    return problems


def _pair_problems(run: str, evidence: Evidence) -> list[str]:
    problems = []
    for one, other in (("train_losses", "cv_losses"), ("train_errors", "cv_errors")):
        if (getattr(evidence, one) is None) != (getattr(evidence, other) is None):
            problems.append(f"run {run!r}: {one} and {other} must come together, got one; add both")
    for losses, errors in (("train_losses", "train_errors"), ("cv_losses", "cv_errors")):
        a, b = getattr(evidence, losses), getattr(evidence, errors)
        if a is not None and b is not None and np.shape(a) != np.shape(b):
            problems.append(
                f"run {run!r}: {errors} must be as long as {losses}, got {len(b)} and {len(a)}; "
                "measure both on the same rows"
            )
    return problems


def _length_problems(runs: Mapping[str, Evidence]) -> list[str]:
    problems = []
    for name in ("train_losses", "cv_losses"):
        lengths = {len(values) for e in runs.values() if (values := getattr(e, name)) is not None}
        if len(lengths) > 1:
            problems.append(
                f"{name}: must have the same length in every run, got {sorted(lengths)}; "
                "measure all runs on the same rows"
            )
    kinds = {e.has_losses for e in runs.values() if e.has_losses or e.has_means}
    if len(kinds) > 1:
        problems.append(
            "runs: must all have losses or all have means, got some of each; pass one kind"
        )
    return problems
