"""The trackers: where the runs of a sweep are written, for people to look at and compare."""

from __future__ import annotations

import os

from sweepspot.protocols import Tracker

__all__ = ["make_tracker"]

# MLflow reads most of these when it is imported, and child processes must find them too. What the
# user has set stays.
_QUIET_MLFLOW = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A uv.lock in the project would be exported as the champion's requirements.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # The outbox retries; a retry below it, of a call that did arrive, would make a run twice.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}
for _name, _value in _QUIET_MLFLOW.items():
    os.environ.setdefault(_name, _value)


def make_tracker(uri: str | None = None) -> Tracker:
    """Return the tracker that a tracking URI asks for.

    Args:
        uri: An MLflow tracking URI, or `memory:` to keep the runs in this process. When None,
            `MLFLOW_TRACKING_URI`, or else `sqlite:///mlruns/mlflow.db`.
    """
    if uri == "memory:":
        from sweepspot.tracking.memory import MemoryTracker

        return MemoryTracker()
    from sweepspot.tracking.mlflow import MlflowTracker

    return MlflowTracker(uri)
