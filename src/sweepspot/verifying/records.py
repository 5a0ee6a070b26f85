"""What is verified: a run, the step that its verdict prescribes, and the step the other way."""

from __future__ import annotations

from dataclasses import dataclass

from sweepspot.diagnosis import Label, NextStep
from sweepspot.diagnosis.steps import short
from sweepspot.space import Params, Value

__all__ = ["AS_IT_WAS", "OPPOSITE", "PRESCRIBED", "Arm", "Prescription"]

AS_IT_WAS, PRESCRIBED, OPPOSITE = "as it was", "prescribed", "opposite"
"""The three ways in which a run is trained again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way in which a run is trained again, under each of the fresh seeds.

    Attributes:
        name: Which of the three.
        params: The whole point.
        epochs: The fidelity.
    """

    name: str
    params: Params
    epochs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Prescription:
    """A run and the step to verify.

    Attributes:
        number: The trial.
        label: Its label, which prescribes the step.
        step: The step; it has a key and a value to try.
        params: The run's whole point.
        epochs: The fidelity that it had.
        skipped: Steps that come before this one and cannot be tried, each with the reason.
    """

    number: int
    label: Label
    step: NextStep
    params: Params
    epochs: int
    skipped: tuple[str, ...] = ()

    @property
    def opposite(self) -> str | None:
        """The opposite step in words, None where there is none."""
        value = self.step.opposite
        if value is None:
            return None
        return f"{self._name}: {short(self.step.current)} -> {short(value)}"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The ways in which the run is trained again: two or three."""
        values = {PRESCRIBED: self.step.proposed, OPPOSITE: self.step.opposite}
        return (
            Arm(name=AS_IT_WAS, params=self.params, epochs=self.epochs),
            *(self._arm(name, value) for name, value in values.items() if value is not None),
        )

    def _arm(self, name: str, value: Value) -> Arm:
        if self.step.parameter is None:
            return Arm(name=name, params=self.params, epochs=int(value))
        changed = {**self.params, self.step.parameter: value}
        return Arm(name=name, params=changed, epochs=self.epochs)

    @property
    def _name(self) -> str:
        return (self.step.key or "").partition(".")[2]
