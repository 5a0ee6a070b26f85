"""The MLflow store: reads an experiment's runs and curves, and writes tags where it is told to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Experiment, Run, RunTag, ViewType

from sweepspot.errors import SpecError, SweepspotError, first_line
from sweepspot.experiments.records import Curve, LoggedPoint, LoggedRun
from sweepspot.tracking.mlflow_store import connect, resolve, sqlite_path, translated
from sweepspot.tracking.refused import RefusedError

__all__ = ["ExperimentStore"]

_PAGE = 1000
_LISTED = 20
# A server answers several requests at once; a SQLite file does not become faster by it.
_REQUESTS = 8


class ExperimentStore:
    """One store, open for reading; nothing in it is changed but by `write_tags`.

    Attributes:
        uri: Where it is, a relative path made absolute.
    """

    def __init__(self, uri: str | None = None) -> None:
        """Open a store that exists.

        Args:
            uri: An MLflow tracking URI, or the folder of a file store; when None,
                `MLFLOW_TRACKING_URI`, or else `sqlite:///mlruns/mlflow.db`.

        Raises:
            TrackingError: There is no store, or it does not answer.
        """
        self.uri, folder = _located(uri)
        if folder is not None:
            # MLflow 3 refuses to open one unless this is set; its runs can still be read.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        with translated(self.uri):
            self._client = connect(self.uri)

    def runs(self, experiment: str) -> list[LoggedRun]:
        """Return the runs of an experiment that are not deleted, in the order of their start.

        Raises:
            SpecError: There is no such experiment, or it has no runs.
            TrackingError: The store does not answer.
        """
        with self._answering():
            found: Experiment | None = self._client.get_experiment_by_name(experiment)
            if found is None:
                raise SpecError(_unknown(experiment, self._names()))
            if found.lifecycle_stage != "active":
                raise SpecError(
                    f"--experiment: must not be deleted, got {experiment!r}; name another, or run "
                    f"mlflow experiments restore --experiment-id {found.experiment_id}"
                )
            runs = [_logged(run) for run in self._search(found.experiment_id)]
        if not runs:
            raise SpecError(f"--experiment: must have runs, got none in {experiment!r}; log some")
        return sorted(runs, key=lambda run: (run.started_ms, run.id))

    def curves(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Curve]:
        """Return every point of some metrics, by run id and name.

        Args:
            wanted: Run ids and names of metrics.

        Raises:
            TrackingError: The store does not answer.
        """
        is_server = self.uri.startswith(("http:", "https:"))
        with self._answering(), ThreadPoolExecutor(_REQUESTS if is_server else 1) as pool:
            # One call a metric of a run is all that MLflow's public interface has; it takes 4 ms
            # in a SQLite file, so 1,000 runs take 9 s.
            found = pool.map(_curve, repeat(self._client), wanted)
            return dict(zip(wanted, found, strict=True))

    def write_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set some tags of a run, in one call.

        Raises:
            TrackingError: The store refuses, or does not answer.
        """
        with self._answering():
            self._client.log_batch(
                run_id, tags=[RunTag(key, value) for key, value in tags.items()], synchronous=True
            )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with translated(self.uri):
                yield
        except SweepspotError:
            raise
        except Exception as exc:
            # A database of another kind of store has exceptions of its own.
            raise RefusedError(f"--uri: cannot read the store ({first_line(exc)})") from exc

    def _names(self) -> list[str]:
        found = self._client.search_experiments(view_type=ViewType.ACTIVE_ONLY)
        return [experiment.name for experiment in found]

    def _search(self, experiment_id: str) -> Iterator[Run]:
        page = self._client.search_runs([experiment_id], max_results=_PAGE)
        yield from page
        while page.token:
            token = cast("str", page.token)
            page = self._client.search_runs([experiment_id], max_results=_PAGE, page_token=token)
            yield from page


def _located(uri: str | None) -> tuple[str, Path | None]:
    """Return a URI and, of a file store, its folder; reading must not make a new store."""
    chosen = resolve(uri)
    if (database := sqlite_path(chosen)) is not None:
        if not database.is_file():
            raise RefusedError(f"--uri: there must be a store at {database}; name another")
        return chosen, None
    parts = urlsplit(chosen)
    if parts.scheme not in ("", "file"):
        return chosen, None
    folder = Path(url2pathname(parts.path) if parts.scheme else chosen).absolute()
    if not folder.is_dir():
        raise RefusedError(
            f"--uri: must be a store that exists, got {chosen}; "
            "use sqlite:///path/to/file.db, http://host:port or the folder of a file store"
        )
    return folder.as_uri(), folder


def _logged(run: Run) -> LoggedRun:
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return LoggedRun(
        id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started_ms=run.info.start_time or 0,
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
        datasets=tuple(sorted({(_context(data), data.dataset.digest) for data in inputs})),
    )


def _context(data: DatasetInput) -> str:
    found = (tag.value for tag in data.tags if tag.key == "mlflow.data.context")
    return next(found, "data")


def _curve(client: MlflowClient, wanted: tuple[str, str]) -> Curve:
    return tuple(
        LoggedPoint(step=point.step, timestamp_ms=point.timestamp, value=point.value)
        for point in client.get_metric_history(*wanted)
    )


def _unknown(experiment: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    there = ", ".join(names[:_LISTED]) + more if names else "none"
    return f"--experiment: must be an experiment of the store, got {experiment!r}; there is {there}"
