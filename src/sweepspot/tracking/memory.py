"""Runs kept in this process: the tracker of tests, and of a sweep that nobody will look up."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeAlias

from sweepspot.protocols import Model, Plan, RegisteredModel, Reigning
from sweepspot.tracking import entries
from sweepspot.tracking.entries import Point
from sweepspot.tracking.refused import RefusedError
from sweepspot.trial import State, TrialResult

__all__ = ["MemoryRun", "MemoryTracker"]

_Files: TypeAlias = Mapping[str, tuple[str, bytes]]
"""Name and content of each artifact."""


@dataclass(kw_only=True, slots=True)
class MemoryRun:
    """One run, as it stands.

    Attributes:
        id: Unique in its tracker.
        name: For people.
        parent: Id of the run that it hangs on; None for a sweep.
        status: RUNNING, FINISHED, FAILED or KILLED.
        params: Settings.
        points: Every value of every metric, each once.
        tags: As set last.
        description: Markdown.
        files: Contents by file name.
        dataset: What a sweep was trained on.
    """

    id: str
    name: str
    parent: str | None
    status: str
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    description: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    dataset: dict[str, object] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """The latest value of each metric: of the highest step, then the newest."""
        ranked = sorted(self.points, key=lambda point: (point.step, point.timestamp_ms))
        return {point.key: point.value for point in ranked}


class MemoryTracker:
    """Keeps every run in a dict.

    Attributes:
        runs: By run id, in the order in which they were made.
        champions: The registered model, by name in the registry.
    """

    def __init__(self) -> None:
        self.runs: dict[str, MemoryRun] = {}
        self.champions: dict[str, RegisteredModel] = {}
        self._versions: dict[str, list[tuple[str, str]]] = {}
        self._models: dict[str, tuple[str, _Files]] = {}
        self._plan = Plan(sweep="", experiment="")
        self._parent = ""

    def start(self, plan: Plan) -> str:
        """Find or make the parent run, mark it running, and return its id."""
        key = f"{plan.experiment}/{plan.sweep}/{plan.tags.get('sweepspot.sweep_id', '')}"
        run = self.runs.setdefault(
            key, MemoryRun(id=key, name=plan.sweep, parent=None, status="RUNNING")
        )
        run.status = "RUNNING"
        run.params |= entries.params(plan.params)
        run.tags |= entries.parent_tags(plan)
        run.description = plan.description
        run.files |= {name: text.encode() for name, text in plan.files.items()}
        run.dataset = dict(plan.dataset)
        self._plan, self._parent = plan, key
        return key

    def record(self, result: TrialResult, name: str) -> None:
        """Write one trial, or one repeat of a finalist."""
        key = self._key(result.number, result.trial.repeat)
        if key in self.runs:
            return
        parent = self._run(result.number).id if result.trial.repeat else self._parent
        self.runs[key] = MemoryRun(
            id=key,
            name=name,
            parent=parent,
            status=entries.status(result.state),
            params=entries.params(result.trial.params),
            points=entries.points(result),
            tags=entries.trial_tags(result, self._plan),
            description=result.reason or "",
        )

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
        run = self._run(number)
        run.tags |= tags or {}
        run.points += entries.changes(run.metrics, metrics or {})
        if description is not None:
            run.description = description
        try:
            run.files |= {name: path.read_bytes() for name, path in (files or {}).items()}
        except FileNotFoundError as exc:
            raise RefusedError(f"tracking: cannot read {exc.filename}; it must exist") from exc

    def register(self, model: RegisteredModel, number: int) -> str:
        """Keep the model as the champion of its name, and return its version."""
        version = (self._run(number).id, entries.fingerprint(model))
        versions = self._versions.setdefault(model.name, [])
        if version not in versions:
            versions.append(version)
        # Its files may be written over by the next model's.
        files = {name: (f.name, f.read_bytes()) for name, f in model.artifacts.items()}
        self._models[model.name] = (str(versions.index(version) + 1), files)
        self.champions[model.name] = model
        return self._models[model.name][0]

    def reigning(self, name: str) -> Reigning | None:
        """Return the version of a registered name that is `champion`, None when none is."""
        if (model := self.champions.get(name)) is None:
            return None
        version, files = self._models[name]
        return Reigning(version=version, tags=model.tags, load=lambda: _load(model.code, files))

    def finish(self, state: State | None) -> None:
        """Close the parent run: COMPLETE, FAILED, or None for interrupted."""
        self._run(None).status = entries.status(state)

    def _key(self, number: int | None, repeat: int = 0) -> str:
        if number is None:
            return self._parent
        return f"{self._parent}/{number}" + (f"/{repeat}" if repeat else "")

    def _run(self, number: int | None) -> MemoryRun:
        if (run := self.runs.get(self._key(number))) is None:
            missing = "the sweep has no run yet; call start first"
            if number is not None:
                missing = f"trial {number} has no run yet; record it first"
            raise RefusedError(f"tracking: {missing}")
        return run


def _load(code: Path, files: _Files) -> Model:
    """Run a model file as MLflow would, and let it load its files."""
    from mlflow.models import model as registry  # noqa: PLC0415

    spec = importlib.util.spec_from_file_location("registered_model", code)
    if spec is None or spec.loader is None:
        raise RefusedError(f"tracking: {code} must be a Python file; register it again")
    with warnings.catch_warnings():
        # MLflow warns about its own type hints when it meets a model class.
        warnings.simplefilter("ignore")
        # The file hands its model over when it is run.
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    loaded: Any = registry.__mlflow_model__
    with TemporaryDirectory() as folder:
        artifacts = {name: Path(folder, file) for name, (file, _) in files.items()}
        for name, (_, content) in files.items():
            artifacts[name].write_bytes(content)
        loaded.load_context(SimpleNamespace(artifacts=artifacts))
    return Model(
        answer=lambda rows: loaded.predict(None, rows, {"output": "probabilities"}),
        target=getattr(loaded, "meta", {}).get("target", {}),
    )
