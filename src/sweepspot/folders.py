"""Where a project keeps its sweeps, and how their files are named."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "ADVICE_LEDGER",
    "ARTIFACTS",
    "BEFORE",
    "HOME",
    "JOURNAL",
    "OUTCOME",
    "REPORT",
    "STORE",
    "TEST_LEDGER",
]

HOME = Path("mlruns")
"""In the working directory: a folder for each sweep, and what all of them share."""

ADVICE_LEDGER, TEST_LEDGER = "advice_ledger.jsonl", "test_ledger.jsonl"
"""In `HOME`: verifications of all sweeps, openings of all test splits."""

STORE, ARTIFACTS = "mlflow.db", "artifacts"
"""In `HOME`: MLflow's own, where no other tracking store is named."""

BEFORE = ".before"
"""Ends the name of the folder in `HOME` to which a sweep is set aside when it begins anew."""

JOURNAL, OUTCOME, REPORT = "journal.jsonl", "outcome.json", "report.html"
"""In the folder of a sweep: what it remembers, what came of it, and the page that tells it."""
