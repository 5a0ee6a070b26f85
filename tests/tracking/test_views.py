"""The views that `sweepspot ui` links to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweepspot.protocols import Plan
from sweepspot.tracking.mlflow import MlflowTracker
from sweepspot.tracking.mlflow_store import connect
from sweepspot.tracking.views import views

pytestmark = pytest.mark.slow


def test_the_newest_sweep_of_a_name_comes_first_and_is_the_one_linked(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for sweep, experiment in (("digits", "old"), ("iris", "old"), ("digits", "new")):
        MlflowTracker(uri).start(Plan(sweep=sweep, experiment=experiment))

    found = views(uri)

    ids = {e.name: e.experiment_id for e in connect(uri).search_experiments()}
    assert list(found.items()) == [
        ("digits", f"/#/experiments/{ids['new']}/runs?viewStateShareKey=digits"),
        ("iris", f"/#/experiments/{ids['old']}/runs?viewStateShareKey=iris"),
    ]
