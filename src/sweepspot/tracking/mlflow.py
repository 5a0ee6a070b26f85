"""MLflow, written through explicit run ids: no fluent run, no autolog, nothing ambient."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    Metric,
    Param,
    Run,
    RunTag,
)

from sweepspot.errors import TrackingError
from sweepspot.protocols import Plan, RegisteredModel, Reigning
from sweepspot.tracking import entries, mlflow_registry
from sweepspot.tracking.entries import Point
from sweepspot.tracking.mlflow_store import artifact_root, connect, resolve, translated
from sweepspot.tracking.refused import RefusedError
from sweepspot.tracking.views import add_view
from sweepspot.trial import State, TrialResult

__all__ = ["MlflowTracker"]

_PAGE = 1000
_CLOSED = ("FINISHED", "FAILED", "KILLED")
_LONGEST_DIGEST = 36


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """What is known to be in the store of one trial or repeat.

    Attributes:
        run_id: Of its run.
        closed: Whether everything that `record` writes is there.
        tags: Those that are known to be there.
        metrics: The latest value of each metric, but for curves.
    """

    run_id: str
    closed: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sweep:
    """The sweep's place in the store."""

    client: MlflowClient
    experiment_id: str
    run_id: str
    plan: Plan


class MlflowTracker:
    """A parent run for the sweep, a child for each trial, a grandchild for each repeat.

    A child is made when its trial has ended, in three calls; a process that dies between them
    leaves it RUNNING, and recording the trial again completes it.

    Attributes:
        uri: Where the store is, a relative SQLite path made absolute.
    """

    def __init__(self, uri: str | None = None) -> None:
        self.uri = resolve(uri)
        self._sweep: _Sweep | None = None
        # None: not known, because the store has failed in the middle of a call.
        self._written: dict[tuple[int, int], _Written] | None = None

    def start(self, plan: Plan) -> str:
        """Find or make the parent run, mark it running, and return its id.

        Raises:
            TrackingError: The URI is not one, or its store does not answer.
        """
        with translated(self.uri):
            client = connect(self.uri)
            experiment = _experiment(client, plan.experiment, artifact_root(self.uri))
            parent = _find_parent(client, experiment, plan)
            found = parent is not None
            tags = entries.parent_tags(plan)
            parent = parent or client.create_run(experiment, tags=tags, run_name=plan.sweep)
            self._sweep = _Sweep(
                client=client, experiment_id=experiment, run_id=parent.info.run_id, plan=plan
            )
            self._written = None if found else {}
            _describe_sweep(self._sweep, parent)
        return str(parent.info.run_id)

    def record(self, result: TrialResult, name: str) -> None:
        """Write one trial, or one repeat of a finalist; nothing when it is there already."""
        key = (result.number, result.trial.repeat)
        with self._reaching_store() as sweep:
            written = self._runs(sweep).get(key)
            if written and written.closed:
                return
            run_id = written.run_id if written else self._create(sweep, result, name)
            points = entries.points(result)
            sweep.client.log_batch(
                run_id,
                metrics=_metrics(points),
                params=_params(entries.params(result.trial.params)),
                synchronous=True,
            )
            sweep.client.set_terminated(
                run_id, entries.status(result.state), end_time=entries.ended_ms(result)
            )
            metrics = {p.key: p.value for p in points if not _is_curve(p.key)}
            self._runs(sweep)[key] = _Written(run_id=run_id, closed=True, metrics=metrics)

    def annotate(
        self,
        number: int | None,
        *,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        description: str | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> None:
        """Add to a trial's run, or to the parent run when `number` is None.

        A metric that is there already is replaced where its value has changed. All that is new is
        one call, and nothing new is none.
        """
        with self._reaching_store() as sweep:
            before = self._known(sweep, number)
            note = {} if description is None else {"mlflow.note.content": description}
            wanted = {key: entries.cut(value) for key, value in {**(tags or {}), **note}.items()}
            new = {key: value for key, value in wanted.items() if before.tags.get(key) != value}
            points = entries.changes(before.metrics, metrics or {})
            if new or points:
                sweep.client.log_batch(
                    before.run_id, metrics=_metrics(points), tags=_tags(new), synchronous=True
                )
            for file, path in (files or {}).items():
                _upload(sweep.client, before.run_id, file, path)
            if number is not None:
                self._runs(sweep)[number, 0] = replace(
                    before,
                    tags={**before.tags, **new},
                    metrics={**before.metrics, **{p.key: p.value for p in points}},
                )

    def register(self, model: RegisteredModel, number: int) -> str:
        """Store the model with the run of trial `number`, register it, point `champion` at it.

        The same model of the same run is registered once, however often this is called.

        Returns:
            The version in the registry.
        """
        with self._reaching_store() as sweep:
            return mlflow_registry.register(
                sweep.client,
                model,
                experiment_id=sweep.experiment_id,
                run_id=self._run_id(sweep, number),
            )

    def reigning(self, name: str) -> Reigning | None:
        """Return the version of a registered name that is `champion`, None when none is."""
        with self._reaching_store() as sweep:
            return mlflow_registry.reigning(sweep.client, name)

    def finish(self, state: State | None) -> None:
        """Close the parent run: COMPLETE, FAILED, or None for interrupted."""
        with self._reaching_store() as sweep:
            sweep.client.set_terminated(sweep.run_id, entries.status(state))

    @contextmanager
    def _reaching_store(self) -> Iterator[_Sweep]:
        if self._sweep is None:
            raise RefusedError("tracking: the sweep has no run yet; call start first")
        try:
            with translated(self.uri):
                yield self._sweep
        except RefusedError:
            raise
        except TrackingError:
            # The call may have arrived all the same: look before writing again.
            self._written = None
            raise

    def _runs(self, sweep: _Sweep) -> dict[tuple[int, int], _Written]:
        if self._written is None:
            self._written = _children(sweep)
        return self._written

    def _known(self, sweep: _Sweep, number: int | None) -> _Written:
        if number is None:
            return _written(sweep.client.get_run(sweep.run_id))
        if (written := self._runs(sweep).get((number, 0))) is None:
            raise RefusedError(f"tracking: trial {number} has no run yet; record it first")
        return written

    def _run_id(self, sweep: _Sweep, number: int | None) -> str:
        return sweep.run_id if number is None else self._known(sweep, number).run_id

    def _create(self, sweep: _Sweep, result: TrialResult, name: str) -> str:
        parent = self._run_id(sweep, result.number if result.trial.repeat else None)
        tags = entries.trial_tags(result, sweep.plan) | {
            "mlflow.parentRunId": parent,
            "sweepspot.root": sweep.run_id,
        }
        if result.reason:
            tags["mlflow.note.content"] = entries.cut(result.reason)
        run = sweep.client.create_run(
            sweep.experiment_id, start_time=entries.started_ms(result), tags=tags, run_name=name
        )
        key = (result.number, result.trial.repeat)
        self._runs(sweep)[key] = _Written(run_id=run.info.run_id, closed=False)
        return str(run.info.run_id)


def _experiment(client: MlflowClient, name: str, root: str | None) -> str:
    found: Experiment | None = client.get_experiment_by_name(name)
    if found is None:
        return client.create_experiment(name, artifact_location=root)
    if found.lifecycle_stage != "active":
        raise RefusedError(
            f"tracking.experiment: must not be deleted, got {name!r}; name another, or run "
            f"mlflow experiments restore --experiment-id {found.experiment_id}"
        )
    return found.experiment_id


def _find_parent(client: MlflowClient, experiment_id: str, plan: Plan) -> Run | None:
    wanted = {"sweepspot.kind": "sweep", "sweepspot.sweep": plan.sweep}
    if sweep_id := plan.tags.get("sweepspot.sweep_id"):
        wanted["sweepspot.sweep_id"] = sweep_id
    found = client.search_runs([experiment_id], _where(wanted), max_results=1)
    return found[0] if found else None


def _describe_sweep(sweep: _Sweep, parent: Run) -> None:
    client, plan, run_id = sweep.client, sweep.plan, sweep.run_id
    tags = entries.parent_tags(plan) | {"mlflow.note.content": entries.cut(plan.description)}
    before, now = parent.data.params, entries.params(plan.params)
    # MLflow's parameters cannot change, but a sweep can be given more trials.
    if changed := [f"{k}: {v}, was {before[k]}" for k, v in now.items() if before.get(k, v) != v]:
        tags["sweepspot.changed"] = entries.cut("; ".join(changed))
    new = {name: value for name, value in now.items() if name not in before}
    client.update_run(run_id, status="RUNNING")
    client.log_batch(run_id, params=_params(new), tags=_tags(tags), synchronous=True)
    if plan.dataset:
        client.log_inputs(run_id, [_dataset_input(plan.dataset)])
    for name, text in plan.files.items():
        client.log_text(run_id, text, name)
    add_view(client, sweep.experiment_id, plan.sweep, run_id)


def _dataset_input(facts: Mapping[str, object]) -> DatasetInput:
    dataset = Dataset(
        name=str(facts.get("name", "data")),
        digest=str(facts.get("digest", ""))[:_LONGEST_DIGEST],
        source_type="local",
        source=json.dumps({"uri": str(facts.get("source", ""))}),
        profile=json.dumps({"num_rows": facts.get("rows"), "features": facts.get("features")}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _children(sweep: _Sweep) -> dict[tuple[int, int], _Written]:
    """Find what is in the store of a sweep, by (number, repeat)."""
    runs = list(_search(sweep, {"sweepspot.root": sweep.run_id}))
    # A repeat has no number of its own: it is its parent's.
    numbers = {
        run.info.run_id: int(number)
        for run in runs
        if (number := run.data.tags.get("sweepspot.number")) is not None
    }
    return {
        (n, int(run.data.tags.get("sweepspot.repeat", 0))): _written(run)
        for run in runs
        if (n := numbers.get(_numbered(run))) is not None
    }


def _written(run: Run) -> _Written:
    return _Written(
        run_id=run.info.run_id,
        closed=run.info.status in _CLOSED,
        tags=run.data.tags,
        metrics={k: v for k, v in run.data.metrics.items() if not _is_curve(k)},
    )


def _is_curve(key: str) -> bool:
    return key.startswith("curve/")


def _search(sweep: _Sweep, tags: Mapping[str, str]) -> Iterator[Run]:
    search = partial(
        sweep.client.search_runs, [sweep.experiment_id], _where(tags), max_results=_PAGE
    )
    page = search()
    yield from page
    while page.token:
        # Declared as a number; bytes from a database and text from a server.
        page = search(page_token=cast("str", page.token))
        yield from page


def _numbered(run: Run) -> str:
    is_repeat = "sweepspot.repeat" in run.data.tags
    return run.data.tags["mlflow.parentRunId"] if is_repeat else run.info.run_id


def _where(tags: Mapping[str, str]) -> str:
    return " AND ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())


def _metrics(points: Sequence[Point]) -> list[Metric]:
    return [Metric(p.key, p.value, p.timestamp_ms, p.step) for p in points]


def _params(params: Mapping[str, str]) -> list[Param]:
    return [Param(key, value) for key, value in params.items()]


def _tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, entries.cut(value)) for key, value in tags.items()]


def _upload(client: MlflowClient, run_id: str, name: str, path: Path) -> None:
    """Store a file under a name that need not be its own."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, Path(name).name)
        shutil.copyfile(path, copy)
        folders = "/".join(Path(name).parts[:-1])
        client.log_artifact(run_id, str(copy), folders or None)
