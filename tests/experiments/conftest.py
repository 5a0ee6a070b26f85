"""Real MLflow stores, and runs logged into them as other tools log theirs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

Log = Callable[..., str]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sweepspot.tracking.mlflow_store import connect

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def uri(empty_database: Path, tmp_path: Path) -> str:
    """Return the URI of an empty SQLite store."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def file_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URI of a file store, as older versions of MLflow left them."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "mlruns"
    folder.mkdir()
    return folder.as_uri()


@pytest.fixture(scope="session")
def server_uri(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URI of a real server."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_database, folder / "server.db")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = (
        f"{sys.executable} -m mlflow server --backend-store-uri sqlite:///{folder}/server.db "
        f"--artifacts-destination {folder}/stored --host 127.0.0.1 --port {port} --workers 1"
    )
    process = subprocess.Popen(
        command.split(),
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not come up")


@pytest.fixture
def log() -> Log:
    """Return a function that logs one run by the client, as a tool would."""
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

    def write(
        uri: str,
        name: str,
        curves: Mapping[str, Sequence[float]],
        *,
        experiment: str = "theirs",
        status: str = "FINISHED",
        tags: Mapping[str, str] | None = None,
        digest: str = "",
        every: Mapping[str, int] | None = None,
    ) -> str:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        where = found.experiment_id if found else client.create_experiment(experiment)
        run = client.create_run(where, run_name=name, tags=dict(tags or {}))
        points = [
            Metric(metric, value, 1000 * k, k * (every or {}).get(metric, 1))
            for metric, values in curves.items()
            for k, value in enumerate(values)
        ]
        client.log_batch(run.info.run_id, metrics=points, synchronous=True)
        if digest:
            data = Dataset("rows", digest, "local", "{}")
            inputs = DatasetInput(data, [InputTag("mlflow.data.context", "train")])
            client.log_inputs(run.info.run_id, [inputs])
        if status != "RUNNING":
            client.set_terminated(run.info.run_id, status)
        return str(run.info.run_id)

    return write
