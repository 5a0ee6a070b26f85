"""What a sweep is going to do, known before anything heavy is imported."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweepspot.datasets import Dataset, load_dataset
from sweepspot.families import declared_space
from sweepspot.networks import FAMILIES, n_weights
from sweepspot.space import Choice, Dimension, Space, Value, describe
from sweepspot.spec import SweepSpec
from sweepspot.sweepfile import parse_spec, read_spec
from sweepspot.trial import run_id

__all__ = ["Preview", "preview", "preview_file", "run_name", "shape_of", "with_space"]

_SHAPING = ("layers", "units", "blocks", "filters", "kernel", "batch_norm")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The plan of a sweep.

    Attributes:
        name: Of the sweep.
        facts: What people read before they start it, in order: heading and text.
        notes: What they should know about the data.
    """

    name: str
    facts: Mapping[str, str]
    notes: tuple[str, ...]


def preview_file(path: Path) -> Preview:
    """Read a sweep file and load its data, and say what the sweep will do.

    Raises:
        SpecError: The file or its data cannot be used.
    """
    spec = with_space(read_spec(path))
    return preview(spec, load_dataset(spec.data, task=spec.task, folder=path.parent))


def with_space(spec: SweepSpec) -> SweepSpec:
    """Return the same declaration with the space of a user's `build(hp)`, where none was written.

    Raises:
        SpecError: `build` cannot be imported, fails, or declares what no space can be.
    """
    if spec.space:
        return spec
    return parse_spec({**spec.model_dump(by_alias=True), "space": declared_space(spec.model)})


def preview(spec: SweepSpec, dataset: Dataset) -> Preview:
    """Say what a sweep will do.

    Args:
        spec: The checked sweep file.
        dataset: As loaded; the test split stays closed.
    """
    return Preview(
        name=spec.name,
        facts={
            "data": _data(spec, dataset),
            "task": _task(dataset),
            "model": _model(spec, dataset),
            "space": _space(spec.points),
            "search": _search(spec),
            "training": _training(spec),
            "baselines": ", ".join(_baselines(spec, dataset)),
            "selection": _selection(spec),
            "tracking": _tracking(spec),
        },
        notes=(*dataset.notes, *_search_notes(spec)),
    )


def _data(spec: SweepSpec, dataset: Dataset) -> str:
    training = dataset.training
    shape = " x ".join(str(n) for n in training.input_shape)
    return (
        f"{spec.data.source}: {dataset.n_rows:,} rows ({len(training.train):,} train, "
        f"{len(training.cv):,} cv, {dataset.n_test:,} test), inputs {shape}"
    )


def _task(dataset: Dataset) -> str:
    classes = f", {len(dataset.class_labels)} classes" if len(dataset.class_labels) > 1 else ""
    return f"{dataset.task}{classes}"


def _model(spec: SweepSpec, dataset: Dataset) -> str:
    if spec.model not in FAMILIES:
        return spec.model
    sizes = _sizes(spec, dataset)
    return f"{spec.model}, {min(sizes):,} to {max(sizes):,} weights"


def _sizes(spec: SweepSpec, dataset: Dataset) -> list[int]:
    """Count the weights at every corner of what shapes the network."""
    space = spec.points
    corners = {
        name: _corner_values(d)
        for name, d in space.dimensions.items()
        if name in _SHAPING or name.startswith("units_")
    }
    training = dataset.training
    return [
        n_weights(
            spec.model,
            {**space.fixed, **dict(zip(corners, values, strict=True))},
            training.input_shape,
            training.n_outputs,
        )
        for values in itertools.islice(itertools.product(*corners.values()), 4096)
    ]


def _corner_values(dimension: Dimension) -> tuple[Value, ...]:
    if isinstance(dimension, Choice):
        return dimension.options
    return (dimension.low, dimension.high)


def _space(space: Space) -> str:
    parts = [f"{name} {describe(d)}" for name, d in space.dimensions.items()]
    parts += [f"{name} = {value}" for name, value in space.fixed.items()]
    size = space.size
    count = "" if size is None or not space.dimensions else f" ({size:,} points)"
    return ", ".join(parts) + count if parts else "nothing to search"


def _search(spec: SweepSpec) -> str:
    search = spec.search
    text = f"{search.trials} trials, {search.engine} {search.sampler}"
    if search.pruner != "none":
        text += f", {search.pruner} pruner"
    if search.start:
        ordinary = " (as ordinary trials)" if search.engine == "keras_tuner" else ""
        points = "points" if len(search.start) > 1 else "point"
        text += f", {len(search.start)} given {points} first{ordinary}"
    if search.timeout:
        text += f", no new trial after {search.timeout:g} s"
    return f"{text}, seed {search.seed}"


def _search_notes(spec: SweepSpec) -> tuple[str, ...]:
    """Say when Keras Tuner's Hyperband is given too few trials to train any to the end."""
    if spec.search.sampler != "hyperband":
        return ()
    needed = _hyperband_trials(spec.train.epochs)
    if spec.search.trials >= needed:
        return (f"search: hyperband ends after one pass, {needed} trials",)
    return (
        f"search.trials: one pass of hyperband over {spec.train.epochs} epochs is {needed} trials; "
        f"with {spec.search.trials} the later brackets are left out, and with them most trials "
        "that are trained to the end",
    )


def _hyperband_trials(epochs: int, factor: int = 3) -> int:
    """Count the trials of one pass of Keras Tuner's Hyperband.

    Args:
        epochs: Of a trial that is trained to the end.
        factor: By which each round has fewer trials and more epochs.

    References:
        Li et al., Hyperband (2018), with the rounding of Keras Tuner.

    Example:
        >>> _hyperband_trials(9), _hyperband_trials(30)
        (23, 90)
    """
    brackets = 0
    while factor ** (brackets + 1) <= epochs:
        brackets += 1
    end = math.ceil(1 + math.log(epochs, factor))
    return sum(
        math.ceil(end / (bracket + 1) * factor ** (bracket - r))
        for bracket in range(brackets + 1)
        for r in range(bracket + 1)
    )


def _training(spec: SweepSpec) -> str:
    train = spec.train
    stop = train.early_stopping
    patience = (
        f", early stopping after {stop.patience} epochs without a better J_cv" if stop else ""
    )
    return f"{train.epochs} epochs, batch {train.batch_size}{patience}; trainer: {spec.trainer}"


def _baselines(spec: SweepSpec, dataset: Dataset) -> list[str]:
    stated = ["naive", "frontier"]
    if spec.baseline.target_error is not None:
        stated.append(f"target error {spec.baseline.target_error:g}")
    if spec.baseline.target_J is not None:
        stated.append(f"target J {spec.baseline.target_J:g}")
    if algorithm := spec.baseline.competitor(dataset.training.input_shape):
        stated.append(algorithm)
    return stated


def _selection(spec: SweepSpec) -> str:
    select = spec.select
    target = f"registered as {select.register_as}" if select.register_as else "not registered"
    if select.refit == "all":
        target = f"refit on train and cv, {target}"
    return (
        f"{select.finalists} finalists x {spec.repeats} fresh seeds, {select.rule}, {target} "
        f"({select.finalists * spec.repeats} trainings more)"
    )


def _tracking(spec: SweepSpec) -> str:
    trials = spec.search.trials
    return (
        f"1 parent run, {trials} child runs with curves and verdicts, "
        # As `report.curves.PICTURES`, which this need not load Matplotlib for.
        f"up to {min(trials, 60)} with a picture, in "
        f"{spec.tracking.uri or 'mlruns/mlflow.db (or MLFLOW_TRACKING_URI)'}"
    )


def shape_of(params: Mapping[str, Value], model: str) -> str:
    """Write the shape of a network as people do: `mlp 2x96`.

    Example:
        >>> shape_of({"layers": 2, "units": 96}, "mlp")
        'mlp 2x96'
    """
    if model == "mlp":
        return f"mlp {params.get('layers', 2)}x{params.get('units', 64)}"
    if model == "cnn":
        return f"cnn {params.get('blocks', 2)}x{params.get('filters', 16)}"
    return model.rsplit(":", 1)[-1]


def run_name(number: int, params: Mapping[str, Value], model: str) -> str:
    """Name a trial's run: `#017 mlp 2x96 lr 3e-3`.

    Example:
        >>> run_name(17, {"layers": 2, "units": 96, "learning_rate": 0.0031}, "mlp")
        '#017 mlp 2x96 lr 3.1e-3'
    """
    name = f"{run_id(number)} {shape_of(params, model)}"
    rate = params.get("learning_rate")
    return f"{name} lr {_short(float(rate))}" if isinstance(rate, int | float) else name


def _short(value: float) -> str:
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
