"""Every seam of Sweepspot on one page: what an engine, an executor, a trainer and a tracker are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from sweepspot.trial import State, Trial, TrialResult

__all__ = [
    "Engine",
    "Executor",
    "Model",
    "Plan",
    "RegisteredModel",
    "Reigning",
    "Report",
    "Tracker",
    "Trainer",
]

Report: TypeAlias = Callable[[int, int, float], bool]
"""Called as `report(number, epochs_completed, J_cv)` after each epoch; True means prune."""


class Engine(Protocol):
    """Proposes points and learns from their results; it never sees a model.

    Only the driver talks to an engine, from one thread. Numbers count from 0 without a gap.
    """

    def ask(self, n: int) -> list[Trial]:
        """Propose at most `n` new trials.

        Returns:
            Fewer than `n` when the engine waits for results in flight; none when nothing is left
            to propose, or nothing can be proposed before another result is told.
        """
        ...

    def report(self, number: int, epoch: int, J_cv: float) -> bool:
        """Hear the J_cv of one epoch of a trial in flight.

        Args:
            number: The trial.
            epoch: Epochs completed, from 1.
            J_cv: Of this epoch, not the best so far; may be NaN.

        Returns:
            Whether the trial should stop here, as pruned.
        """
        ...

    def tell(self, result: TrialResult) -> None:
        """Hear how a trial ended; `result.J_cv` is the objective, always minimised."""
        ...

    def replay(self, trial: Trial, result: TrialResult | None) -> None:
        """Relive one journaled trial, in number order, before anything is asked.

        The point is set, not sampled; every value of the result's curve is reported, and the
        result told.

        Args:
            trial: The trial as it was asked.
            result: How it ended; None when it was in flight, and it stays so.
        """
        ...


class Executor(Protocol):
    """Runs trials somewhere: in the driver, in processes, on a cluster."""

    @property
    def free(self) -> int:
        """How many more trials it can take now; 0 when all workers are busy."""
        ...

    @property
    def summary(self) -> str:
        """How many workers train, and why so many; for people."""
        ...

    def submit(self, trials: Sequence[Trial]) -> None:
        """Take on trials; at most `free` of them."""
        ...

    def wait(self, report: Report) -> list[TrialResult]:
        """Block until at least one trial has ended; epoch reports are answered meanwhile.

        Returns:
            The results, in the order in which they ended; empty only when nothing is in flight.
        """
        ...

    def close(self) -> None:
        """End the workers; trials in flight are dropped."""
        ...


class Trainer(Protocol):
    """Trains a group of trials; a plain fit is a group of one."""

    def train(self, group: Sequence[Trial], report: Report) -> Iterator[TrialResult]:
        """Train each trial, and yield each result once.

        A failure of the model, of Keras or of TensorFlow is a result with state FAILED, never an
        exception.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a tracker writes about a sweep before its first trial.

    Attributes:
        sweep: Name of the sweep, and of its parent run.
        experiment: Name of the experiment it goes into.
        params: Settings worth comparing between sweeps, flat.
        tags: Versions, git commit, engine and the like.
        description: Markdown for the parent run's page.
        files: Texts to keep with the parent run, by file name.
        dataset: What was trained on: name, source, digest, rows and features.
    """

    sweep: str
    experiment: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    dataset: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredModel:
    """A model on its way into a registry.

    Attributes:
        name: Name in the registry.
        code: The model-from-code file.
        artifacts: Files that it loads, by the name under which it asks for them.
        requirements: Pinned packages that it needs, `name==version`.
        input_example: A few raw rows, from which the signature is read: a DataFrame or an array.
        columns: `(name, kind)` of each raw column, kind one of number and text; empty for arrays.
        output: "integer", "number" or "text": what one prediction is.
        tags: For the model version.
        description: Markdown for the model version's page.
    """

    name: str
    code: Path
    artifacts: Mapping[str, Path]
    requirements: Sequence[str]
    input_example: Any
    columns: Sequence[tuple[str, str]]
    output: str
    tags: Mapping[str, str]
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A loaded model.

    Attributes:
        answer: Takes raw rows; returns probabilities `(rows, classes)` for classes, and values in
            target units `(rows,)` for numbers. Raises whatever it likes for rows it cannot take.
        target: What it says about its target: `task` and `labels`; empty when it says nothing.
    """

    answer: Callable[[Any], Any]
    target: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reigning:
    """The version of a registered model that has the alias `champion`.

    Attributes:
        version: In the registry.
        tags: Of the version.
        load: Loads it; raises whatever loading raises.
    """

    version: str
    tags: Mapping[str, str]
    load: Callable[[], Model]


class Tracker(Protocol):
    """Holds a run for the sweep and one for each trial. Every call may be repeated without harm."""

    def start(self, plan: Plan) -> str:
        """Find or make the parent run, mark it running, and return its id."""
        ...

    def record(self, result: TrialResult, name: str) -> None:
        """Write one trial, or one repeat of a finalist, with its curve, numbers, tags and state.

        Args:
            result: As journaled; a `repeat` >= 1 becomes a child of its trial's run.
            name: The run's name, `#017 mlp 2x96 lr 3e-3`.
        """
        ...

    def annotate(
        self,
        number: int | None,
        *,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        description: str | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> None:
        """Add to a trial's run, or to the parent run when `number` is None."""
        ...

    def register(self, model: RegisteredModel, number: int) -> str:
        """Store the model with the run of trial `number`, register it, point `champion` at it.

        Returns:
            The version in the registry.
        """
        ...

    def reigning(self, name: str) -> Reigning | None:
        """Return the version of a registered name that is `champion`, None when none is."""
        ...

    def finish(self, state: State | None) -> None:
        """Close the parent run: COMPLETE, FAILED, or None for interrupted."""
        ...
