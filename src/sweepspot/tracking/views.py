"""A ready view of each sweep in the MLflow UI: its trials with their labels, the best first."""

from __future__ import annotations

import json

from mlflow import MlflowClient

from sweepspot.tracking.mlflow_store import connect, translated

__all__ = ["add_view", "views"]

# Where the UI keeps the views that people share by a link (MLflow 3.17, `viewStateShareKey`).
_TAG = "mlflow.sharedViewState."

_COLUMNS = (
    "tags.`sweepspot.label`",
    "metrics.`J_cv`",
    "metrics.`J_train`",
    "metrics.`error_cv`",
    "metrics.`n_weights`",
    "tags.`sweepspot.reason`",
)


def add_view(client: MlflowClient, experiment_id: str, sweep: str, run_id: str) -> None:
    """Give an experiment a view of one sweep's trials.

    Args:
        client: Of the store.
        experiment_id: The sweep's experiment.
        sweep: Name of the sweep, and of the view.
        run_id: Of its parent run; an earlier sweep of the same name has another.
    """
    state = {
        "searchFilter": f"tags.`sweepspot.root` = '{run_id}' and tags.`sweepspot.kind` = 'trial'",
        "orderByKey": "metrics.`J_cv`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": list(_COLUMNS),
    }
    client.set_experiment_tag(experiment_id, f"{_TAG}{sweep}", json.dumps(state))
    # Else the UI takes it for an experiment with prompts and traces.
    client.set_experiment_tag(experiment_id, "mlflow.experimentKind", "custom_model_development")


def views(uri: str) -> dict[str, str]:
    """Return the view of each sweep of a store, as the path of a link, the newest sweep first.

    Of a name that several experiments have, it is the view of its newest sweep.

    Args:
        uri: Of the store.

    Raises:
        TrackingError: The store cannot be read.
    """
    with translated(uri):
        client = connect(uri)
        experiments = [e.experiment_id for e in client.search_experiments()]
        found = client.search_runs(
            experiments,
            "tags.`sweepspot.kind` = 'sweep'",
            order_by=["attributes.start_time DESC"],
        )
    newest: dict[str, str] = {}
    for run in found:
        newest.setdefault(run.data.tags["sweepspot.sweep"], run.info.experiment_id)
    return {
        sweep: f"/#/experiments/{experiment}/runs?viewStateShareKey={sweep}"
        for sweep, experiment in newest.items()
    }
