"""Where trials run: in the driver, or in worker processes."""

from __future__ import annotations

from pathlib import Path

from sweepspot.data import TrainingData
from sweepspot.protocols import Executor
from sweepspot.spec import SweepSpec

__all__ = ["make_executor"]


def make_executor(spec: SweepSpec, data: TrainingData, folder: Path) -> Executor:
    """Return the executor of a sweep.

    Args:
        spec: The sweep.
        data: What is trained and measured on.
        folder: `mlruns/<sweep>`, where weights are kept.
    """
    from sweepspot.executors.inline import InlineExecutor
    from sweepspot.training import make_trainer

    return InlineExecutor(make_trainer(spec, data, folder / "weights"))
