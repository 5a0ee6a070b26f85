"""Looking up single runs in an MLflow store, and adding to them when no sweep is at work."""

from __future__ import annotations

from collections.abc import Mapping

from sweepspot.errors import SpecError, TrackingError
from sweepspot.tracking import entries
from sweepspot.tracking.mlflow_store import connect, redacted, resolve, translated
from sweepspot.tracking.refused import RefusedError

__all__ = ["annotate_trial", "trial_of_run"]


def trial_of_run(run_id: str, uri: str | None = None) -> tuple[str, int]:
    """Return the sweep and the number of the trial that a run is about.

    Args:
        run_id: Of a trial's run in MLflow.
        uri: As for `make_tracker`.

    Raises:
        SpecError: There is no such run, or it is not that of a trial.
        TrackingError: The store does not answer.
    """
    store = resolve(uri)
    client = connect(store)
    try:
        with translated(store):
            tags = client.get_run(run_id).data.tags
    except RefusedError as exc:
        raise SpecError(
            f"{run_id}: must be a run in the store at {redacted(store)}, got none of that id; "
            "name the trial as SWEEP#NUMBER, or set MLFLOW_TRACKING_URI"
        ) from exc
    if tags.get("sweepspot.kind") != "trial":
        raise SpecError(
            f"{run_id}: must be the run of a trial, got one of kind "
            f"{tags.get('sweepspot.kind', 'unknown')!r}; choose a run that has a number"
        )
    return tags["sweepspot.sweep"], int(tags["sweepspot.number"])


def annotate_trial(
    sweep_id: str,
    number: int,
    *,
    tags: Mapping[str, str],
    description: str,
    uri: str | None = None,
) -> None:
    """Add to the run of a trial, whatever the state of its sweep.

    Args:
        sweep_id: The tag `sweepspot.sweep_id` of the sweep's run.
        number: The trial.
        tags: To set.
        description: Markdown that replaces the one that is there.
        uri: As for `make_tracker`, but of an MLflow store.

    Raises:
        TrackingError: The store does not answer, or has no such run.
    """
    store = resolve(uri)
    client = connect(store)
    with translated(store):
        everywhere = [e.experiment_id for e in client.search_experiments()]
        parents = client.search_runs(everywhere, f"tags.`sweepspot.sweep_id` = '{sweep_id}'")
        roots = [run.info.run_id for run in parents]
        wanted = f"tags.`sweepspot.number` = '{number}' AND tags.`sweepspot.kind` = 'trial'"
        for root in roots:
            where = f"{wanted} AND tags.`sweepspot.root` = '{root}'"
            for run in client.search_runs(everywhere, where):
                for key, value in {**tags, "mlflow.note.content": description}.items():
                    client.set_tag(run.info.run_id, key, entries.cut(value))
                return
    raise TrackingError(f"tracking: the store at {redacted(store)} has no run of this trial")
