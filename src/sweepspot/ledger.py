"""The test ledger: how often each test split was opened, over all sweeps of a project."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from sweepspot.jsonlines import append_line, read_lines

__all__ = ["Opening", "TestLedger"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """One look at a test split.

    Attributes:
        test_digest: Hash of the test rows.
        sweep: Name of the sweep.
        candidate: What was measured: a hash of the weights.
        J_test: Mean loss on the test split.
        error_test: Mean error on the test split.
    """

    test_digest: str
    sweep: str
    candidate: str
    J_test: float
    error_test: float


class TestLedger:
    """The openings of every test split, one JSON object a line.

    A score on a test split is an honest estimate the first time; each further candidate that is
    measured on it, and reacted to, makes the next score a little too good.
    """

    # Its name begins like a test class's.
    __test__ = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def openings(self, test_digest: str) -> list[Opening]:
        """Return every opening of a test split, the first one first."""
        records = read_lines(self._path)
        return [Opening(**r) for r in records if r["test_digest"] == test_digest]

    def find(self, test_digest: str, candidate: str) -> Opening | None:
        """Return the stored result of a candidate, so that it is not measured twice."""
        found = (o for o in self.openings(test_digest) if o.candidate == candidate)
        return next(found, None)

    def add(self, opening: Opening) -> None:
        """Write an opening down, and wait until it is on disk."""
        append_line(self._path, asdict(opening))
