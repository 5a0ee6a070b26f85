"""The executor of a sweep, made when it is first asked for."""

from __future__ import annotations

from pathlib import Path

from sweepspot.data import TrainingData
from sweepspot.executors import make_executor
from sweepspot.protocols import Executor
from sweepspot.spec import SweepSpec

__all__ = ["Workers"]


class Workers:
    """One executor for all that is trained of a sweep: TensorFlow is slow to load."""

    def __init__(self, spec: SweepSpec, data: TrainingData, folder: Path) -> None:
        """Take on a sweep; nothing is loaded or started.

        Args:
            spec: The sweep.
            data: What is trained and measured on.
            folder: `mlruns/<sweep>`, where weights are kept.
        """
        self._spec = spec
        self._data = data
        self._folder = folder
        self._made: Executor | None = None

    def executor(self) -> Executor:
        """Return the one executor."""
        if self._made is None:
            self._made = make_executor(self._spec, self._data, self._folder)
        return self._made

    @property
    def summary(self) -> str:
        """How many workers trained, and what they gained; empty where none did."""
        return self._made.summary if self._made else ""

    def close(self) -> None:
        """End its workers, if it was ever made."""
        if self._made is not None:
            self._made.close()
