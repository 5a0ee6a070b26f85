"""The store that is MLflow's own for a while, and is not afterwards."""

import os

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("named", ["sqlite:///users.db", None])
def test_the_environments_store_is_what_it_was_afterwards(named, tmp_path, monkeypatch):
    from mlflow.tracking import get_tracking_uri

    from sweepspot.tracking.mlflow_registry import ambient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if named:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", named)
    before = get_tracking_uri()

    with ambient(f"sqlite:///{tmp_path}/other.db"):
        assert get_tracking_uri() == f"sqlite:///{tmp_path}/other.db"

    assert os.environ.get("MLFLOW_TRACKING_URI") == named
    assert get_tracking_uri() == before
