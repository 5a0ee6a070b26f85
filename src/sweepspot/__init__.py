"""Hyperparameter sweeps for Keras that say why a run is worse than it could be."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweepspot.diagnosis import Evidence, diagnose, diagnose_frame
    from sweepspot.space import Choice, Float, Int
    from sweepspot.sweep import Sweep, SweepResult

__all__ = [
    "Choice",
    "Evidence",
    "Float",
    "Int",
    "Sweep",
    "SweepResult",
    "diagnose",
    "diagnose_frame",
]

# Read by the libraries when they are first imported, so it has to be said before that. TensorFlow
# logs its search for a GPU as errors; MLflow reports usage to its makers unless it is told not to.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

_HOMES = {
    **dict.fromkeys(("Choice", "Float", "Int"), "sweepspot.space"),
    **dict.fromkeys(("Evidence", "diagnose", "diagnose_frame"), "sweepspot.diagnosis"),
    **dict.fromkeys(("Sweep", "SweepResult"), "sweepspot.sweep"),
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: `sweepspot --help` needs none of it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
