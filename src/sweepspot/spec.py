"""The sweep file: one pydantic model, the same from YAML and from Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from sweepspot.data import Task
from sweepspot.folders import ADVICE_LEDGER, ARTIFACTS, BEFORE, STORE, TEST_LEDGER
from sweepspot.space import Choice, Float, Int, Space, Value

__all__ = [
    "COMPETITOR",
    "SAMPLERS",
    "Algorithm",
    "Baseline",
    "Data",
    "EarlyStopping",
    "Pruner",
    "Search",
    "Select",
    "SplitFractions",
    "SweepSpec",
    "Tracking",
    "Train",
    "seconds",
]

Algorithm: TypeAlias = Literal["hist_gradient_boosting"]
COMPETITOR: Algorithm = "hist_gradient_boosting"
"""The algorithm to compete with where a sweep names none."""
Pruner: TypeAlias = Literal["none", "median", "percentile", "successive_halving", "hyperband"]
SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "optuna": ("tpe", "random", "qmc", "grid"),
    "keras_tuner": ("random", "bayesian", "hyperband", "grid"),
}
FEWEST_REPEATS, MOST_REPEATS = 2, 5
"""Fresh seeds for each finalist where a sweep does not say how many: docs/decisions/0076."""

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: Any) -> Any:
    """Turn `90`, `90s`, `15m`, `2h` or `1d` into seconds; anything else is left for the check.

    Example:
        >>> seconds("2h")
        7200.0
    """
    if isinstance(value, str) and (m := re.fullmatch(r"\s*([\d.]+)\s*([smhd])\s*", value)):
        return float(m[1]) * _UNIT_SECONDS[m[2]]
    return value


Seconds: TypeAlias = Annotated[PositiveFloat, BeforeValidator(seconds)]
Fraction: TypeAlias = Annotated[float, Field(gt=0, lt=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SplitFractions(_Section):
    """How the rows are divided; what is left after cv and test is trained on."""

    cv: Fraction = Field(default=0.2, description="Share of the rows for cross-validation.")
    test: Fraction = Field(default=0.2, description="Share of the rows kept for the champion.")
    seed: int = Field(default=0, ge=0, description="Seed of the division.")

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> SplitFractions:
        if self.cv + self.test >= 1:
            raise ValueError(
                f"cv + test must be < 1, got {self.cv + self.test:g}; leave rows to train on"
            )
        return self


class Data(_Section):
    """Where the examples come from."""

    source: str = Field(
        description="`sklearn:digits`, or a .csv, .parquet or .npz file (relative to this file)."
    )
    target: str | tuple[str, ...] | None = Field(
        default=None, description="Target column; several for multilabel."
    )
    split: SplitFractions = SplitFractions()


class EarlyStopping(_Section):
    """When a trial that no longer improves stops; the best weights are kept either way."""

    patience: PositiveInt = Field(default=5, description="Epochs without a better J_cv.")
    min_delta: float = Field(default=0.0, ge=0, description="What counts as better, in J.")


class Train(_Section):
    """How each trial is trained."""

    epochs: PositiveInt = Field(default=30, description="Epochs at full fidelity.")
    batch_size: PositiveInt = Field(default=32, description="Examples a gradient step.")
    early_stopping: EarlyStopping | None = Field(default=EarlyStopping())

    def batch_size_of(self, params: Mapping[str, Value]) -> int:
        """Return the examples a gradient step of a point, which may have its own batch size."""
        return int(params.get("batch_size", self.batch_size))


class Search(_Section):
    """Who proposes the trials, and how many."""

    engine: Literal["optuna", "keras_tuner"] = "optuna"
    sampler: Literal["tpe", "random", "qmc", "grid", "bayesian", "hyperband"] = "tpe"
    pruner: Pruner = "none"
    trials: PositiveInt = Field(default=40, description="Trials in all, resumed ones included.")
    seed: int = Field(default=0, ge=0, description="Seed of the search and of every training.")
    start: tuple[Mapping[str, Value], ...] = Field(
        default=(), description="Points to try first; what a point leaves out is drawn."
    )
    timeout: Seconds | None = Field(
        default=None, description="Ask no further trial after this time: 90s, 15m, 2h."
    )

    @model_validator(mode="before")
    @classmethod
    def _default_sampler(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and raw.get("engine") == "keras_tuner" and "sampler" not in raw:
            return {**raw, "sampler": "bayesian"}
        return raw

    @model_validator(mode="after")
    def _engine_can_do_it(self) -> Search:
        allowed = SAMPLERS[self.engine]
        if self.sampler not in allowed:
            raise ValueError(
                f"sampler of {self.engine} must be one of {', '.join(allowed)}, "
                f"got {self.sampler!r}"
            )
        if self.engine == "keras_tuner" and self.pruner != "none":
            raise ValueError(
                f"keras_tuner has no pruners, got {self.pruner!r}; "
                "use sampler: hyperband, or engine: optuna"
            )
        return self


class Baseline(_Section):
    """What the sweep is measured against, beside the naive baseline and its own frontier."""

    target_error: float | None = Field(
        default=None, ge=0, description="Error rate, or absolute error in the target's units."
    )
    target_J: float | None = Field(default=None, ge=0, description="Mean loss.")
    algorithm: Algorithm | None = Field(
        default=None, description="A competing algorithm, trained on the same rows."
    )

    def competitor(self, input_shape: tuple[int, ...]) -> Algorithm | None:
        """Return the algorithm to compete with: the stated one, or one for want of a target.

        Args:
            input_shape: Of one example; an algorithm for tables takes a row of features.
        """
        has_target = self.target_error is not None or self.target_J is not None
        return self.algorithm or (None if has_target or len(input_shape) > 1 else COMPETITOR)


class Select(_Section):
    """How the champion is chosen."""

    finalists: PositiveInt = Field(default=3, description="Trials that are trained again.")
    repeats: PositiveInt | None = Field(
        default=None,
        description="Fresh seeds for each finalist; 2 to 5 when left out, so that there are no "
        "more of these trainings than trials.",
    )
    rule: Literal["one_standard_error", "lowest_mean"] = "one_standard_error"
    cost: Literal["weights", "inference_time"] = Field(
        default="weights", description="What the cheapest of equal finalists has least of."
    )
    gates: tuple[Literal["target", "algorithm"], ...] = Field(
        default=("target",),
        description="Baselines that no champion may be shown to miss, beside naive.",
    )
    margin: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of J by which a clearly smaller challenger may be worse.",
    )
    refit: Literal["none", "all"] = Field(
        default="none", description="Train the champion's point once more on train and cv."
    )
    register_as: str | None = Field(
        default=None, alias="register", description="Name in the model registry."
    )

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Tracking(_Section):
    """Where the runs go."""

    uri: str | None = Field(default=None, description="MLflow tracking URI.")
    experiment: str | None = Field(
        default=None, description="Experiment; the project folder's name when left out."
    )


def _kind(raw: Any) -> str | None:
    """Tell by its one telling key which kind of dimension an entry of the space is."""
    if isinstance(raw, Float | Int | Choice):
        return type(raw).__name__.lower()
    if isinstance(raw, Mapping):
        return next((kind for kind in ("float", "int", "choice") if kind in raw), None)
    return "value" if isinstance(raw, bool | int | float | str) else None


Entry: TypeAlias = Annotated[
    Annotated[Float, Tag("float")]
    | Annotated[Int, Tag("int")]
    | Annotated[Choice, Tag("choice")]
    | Annotated[Value, Tag("value")],
    Discriminator(
        _kind,
        custom_error_type="dimension",
        custom_error_message="must be a plain value, or have one of the keys float, int, choice; "
        "write {float: [low, high]}, {int: [low, high]} or {choice: [a, b]}",
    ),
]


_TAKEN = frozenset({ADVICE_LEDGER, ARTIFACTS, STORE, TEST_LEDGER})


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise ValueError(
            f"must be letters, digits, '_', '.' and '-' alone, got {name!r}; rename it"
        )
    # Lower case, since some file systems know no other.
    lower = name.lower()
    # SQLite adds -journal and -wal to the name of its database; an experiment that MLflow makes by
    # itself keeps its files in a folder of its number.
    if lower in _TAKEN or lower.startswith(f"{STORE}-") or name.isdecimal():
        raise ValueError(
            f"must not be what mlruns/ holds for all sweeps ({', '.join(sorted(_TAKEN))}) "
            f"nor a number alone, as MLflow names folders there, got {name!r}; rename it"
        )
    if lower.endswith(BEFORE):
        raise ValueError(
            f"must not end in {BEFORE}, where --fresh sets an earlier sweep aside and replaces "
            f"what is there, got {name!r}; rename it"
        )
    return name


def _worker_count(raw: Any) -> Any:
    if raw != "auto" and (isinstance(raw, bool) or not isinstance(raw, int) or raw < 1):
        raise ValueError(f"must be auto or a whole number from 1, got {raw!r}")
    return raw


class SweepSpec(_Section):
    """One sweep, as its file declares it."""

    name: Annotated[str, AfterValidator(_file_name)] = Field(
        description="Name of the sweep, its folder under mlruns/ and its parent run."
    )
    data: Data
    task: Task | None = Field(default=None, description="Inferred from the target when left out.")
    model: str = Field(default="mlp", description="A family, or `my_package.models:build`.")
    space: Mapping[str, Entry] = Field(
        default_factory=dict,
        description="What is searched, and what is fixed; what `build(hp)` declares if left out.",
    )
    train: Train = Train()
    search: Search = Search()
    baseline: Baseline = Baseline()
    select: Select = Select()
    criteria: Mapping[str, int | float] = Field(
        default_factory=dict, description="Thresholds of the diagnosis, by name."
    )
    verify: int = Field(
        default=0,
        ge=0,
        description="How many of the best trials with a prescribed step have it tried.",
    )
    tracking: Tracking = Tracking()
    trainer: Literal["auto", "plain"] = Field(default="auto", description="The training tier.")
    workers: Annotated[Literal["auto"] | PositiveInt, BeforeValidator(_worker_count)] = Field(
        default="auto",
        description="Trials trained at once: `auto` for all cores, or 1 to repeat bit for bit.",
    )

    @property
    def repeats(self) -> int:
        """Fresh seeds for each finalist: as stated, else 2 to 5, as few as the trials are."""
        affordable = self.search.trials // self.select.finalists
        return self.select.repeats or max(FEWEST_REPEATS, min(MOST_REPEATS, affordable))

    @property
    def points(self) -> Space:
        """The search space with its conditions in order."""
        return Space.of(self.space)
