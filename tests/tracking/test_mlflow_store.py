"""Where the MLflow store is, and what a person is told when it cannot be used."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweepspot.errors import TrackingError
from sweepspot.protocols import Plan
from sweepspot.tracking import make_tracker
from sweepspot.tracking.memory import MemoryTracker
from sweepspot.tracking.refused import RefusedError

PLAN = Plan(sweep="digits", experiment="demo")


def test_the_default_store_is_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweepspot.tracking.mlflow_store import artifact_root, resolve

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)

    assert resolve(None) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert artifact_root(resolve(None)) == f"file://{tmp_path}/mlruns/artifacts"


def test_the_environment_names_a_store_and_the_sweep_file_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sweepspot.tracking.mlflow_store import artifact_root, resolve

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")

    assert resolve(None) == "http://tracking:5000"
    assert resolve("http://127.0.0.1:1") == "http://127.0.0.1:1"
    assert artifact_root("http://tracking:5000") is None


def test_a_sweep_that_nobody_will_look_up_stays_in_memory() -> None:
    assert isinstance(make_tracker("memory:"), MemoryTracker)


@pytest.mark.parametrize(
    "uri", ["foo://bar", "localhost:5000", "file:./mlruns", "postgresql+nothing://db/x", "./runs"]
)
def test_a_uri_that_is_none_is_refused_with_the_remedy(uri: str) -> None:
    with pytest.raises(RefusedError, match=r"tracking\.uri: .*; use sqlite:///path/to/file\.db"):
        make_tracker(uri).start(PLAN)


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_text("not a database, and longer than the header of one" * 100)
    started = time.monotonic()

    with pytest.raises(RefusedError, match=r"must be a SQLite file .* got .*mlflow\.db"):
        make_tracker(f"sqlite:///{path}").start(PLAN)

    assert time.monotonic() - started < 5


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file where the folder should be")

    with pytest.raises(RefusedError, match="must be a SQLite file that can be written"):
        make_tracker(f"sqlite:///{tmp_path}/mlruns/mlflow.db").start(PLAN)


def test_a_server_that_is_away_fails_fast_with_one_line() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    started = time.monotonic()

    with pytest.raises(TrackingError, match=rf"http://127\.0\.0\.1:{port} does not") as caught:
        make_tracker(f"http://127.0.0.1:{port}").start(PLAN)

    assert time.monotonic() - started < 5
    assert not isinstance(caught.value, RefusedError)
    assert "Connection refused" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_password_is_not_shown() -> None:
    from sweepspot.tracking.mlflow_store import redacted

    assert redacted("http://me:secret@host:5000/x") == "http://me:***@host:5000/x"
    assert redacted("http://host:5000") == "http://host:5000"


@pytest.mark.slow
def test_nothing_but_our_own_words_reaches_the_terminal(tmp_path: Path) -> None:
    code = (
        "from sweepspot.tracking import make_tracker\n"
        "from sweepspot.protocols import Plan\n"
        "from sweepspot.trial import State\n"
        "tracker = make_tracker()\n"
        "tracker.start(Plan(sweep='digits', experiment='demo', files={'a.txt': 'a'}))\n"
        "tracker.finish(State.COMPLETE)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert (done.stdout, done.stderr) == ("", "")
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == [
        "artifacts",
        "mlflow.db",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["mlruns"]


@pytest.mark.slow
def test_a_store_whose_making_was_killed_is_made_by_the_next_sweep(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    code = (
        "from sweepspot.tracking import make_tracker\n"
        "from sweepspot.protocols import Plan\n"
        f"make_tracker({uri!r}).start(Plan(sweep='digits', experiment='demo'))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as killed:
        while not any(path.stat().st_size for path in tmp_path.glob("**/mlflow.db")):
            time.sleep(0.005)
        killed.kill()

    run_id = make_tracker(uri).start(PLAN)

    assert make_tracker(uri).start(PLAN) == run_id


def test_what_the_user_has_set_stays() -> None:
    code = "import os, sweepspot.tracking; print(os.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'])"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "4\n"
