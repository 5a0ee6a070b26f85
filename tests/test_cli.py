"""The command line: exit codes, what is printed where, and what stays unloaded."""

import json
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sweepspot.cli import main
from sweepspot.cli.next import _write
from sweepspot.errors import SweepspotError

HEAVY = ("tensorflow", "keras", "optuna", "keras_tuner", "mlflow")
IRIS = """\
name: iris
data: {source: "sklearn:iris"}
space:
  units: {int: [4, 32]}
  learning_rate: {float: [1e-4, 1e-1], log: true}
train: {epochs: 4}
search: {trials: 5}
select: {finalists: 2, repeats: 2, register: flowers}
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def call(monkeypatch, capsys):
    """Return a function that runs a command line: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sweepspot", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def write(name, text):
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_check_says_what_the_sweep_will_do(call):
    code, out, err = call("check", write("iris.yaml", IRIS))

    words = " ".join(out.split())
    assert (code, err) == (0, "")
    for fact in (
        "data sklearn:iris: 150 rows (90 train, 30 cv, 30 test), inputs 4",
        "task multiclass, 3 classes",
        "space units [4, 32], learning_rate [0.0001, 0.1] log",
        "search 5 trials, optuna tpe, seed 0",
        "baselines naive, frontier, hist_gradient_boosting",
        "registered as flowers",
    ):
        assert fact in words
    assert out.splitlines()[-1] == "ready: sweepspot run iris.yaml"


def test_check_prints_one_json_object(call):
    code, out, err = call("check", write("iris.yaml", IRIS), "--json")

    plan = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert plan["sweep"] == "iris"
    assert plan["task"] == "multiclass, 3 classes"


def test_check_leaves_no_trace(call, tmp_path):
    call("check", write("iris.yaml", IRIS))

    assert [p.name for p in tmp_path.iterdir()] == ["iris.yaml"]


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_bad_file_gives_a_line_for_each_problem(call, command):
    bad = write("bad.yaml", IRIS.replace("[4, 32]", "[32, 4]").replace("epochs: 4", "epochs: 0"))

    code, out, err = call(command, bad)

    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "bad.yaml:4: space.units: low must be <= high, got [32, 4]; swap them",
        "bad.yaml:6: train.epochs: must be greater than 0, got 0",
    ]


def test_data_that_is_not_there_is_one_line(call):
    file = write("gone.yaml", IRIS.replace("sklearn:iris", "gone.csv"))

    code, out, err = call("check", file)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "gone.csv" in err


@pytest.mark.parametrize("arguments", [("frobnicate",), ("check",), ("check", "x.yaml", "--nope")])
def test_a_command_that_is_not_one_is_explained(call, arguments):
    code, out, err = call(*arguments)

    assert (code, out) == (2, "")
    assert "Usage: " in err
    assert "Traceback" not in err


def test_help_names_the_commands(call):
    code, out, _ = call("--help")

    assert code == 0
    for command in ("check", "run", "ui"):
        assert f" {command} " in out


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--help",), ("check", "iris.yaml")])
def test_nothing_heavy_is_imported(arguments):
    write("iris.yaml", IRIS)
    code = f"""
import sys
from pathlib import Path
from sweepspot.cli import main
sys.argv = ["sweepspot", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print([name for name in {HEAVY!r} if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def write_noise(name="noise", **parts):
    """Write a sweep whose labels are drawn by lot."""
    lot = random.Random(0)
    rows = [f"{lot.random():.4f},{lot.random():.4f},{lot.choice('uv')}" for _ in range(300)]
    write(f"{name}.csv", "\n".join(["a,b,y", *rows]))
    keys = {
        "name": name,
        "data": {"source": f"{name}.csv", "target": "y"},
        "space": {"units": {"int": [4, 32]}},
        "train": {"epochs": 2},
        "search": {"trials": 2},
        "baseline": {"target_error": 0.1},
        "select": {"finalists": 1, "repeats": 1},
        "tracking": {"uri": "memory:"},
        "workers": 1,
        **parts,
    }
    return write(f"{name}.yaml", json.dumps(keys))


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_without_a_champion_the_exit_code_is_3(call):
    code, out, _ = call("run", write_noise(), "--json")

    result = json.loads(out)
    assert (code, out.count("\n")) == (3, 1)
    assert result["champion"] is None
    assert "naive baseline" in result["because"]


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_interrupted_sweep_says_how_to_go_on(call):
    # A shell starts its background jobs with interrupts ignored, and tests may be one of those.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    write(
        "interrupting.py",
        "import os, signal\n\n\ndef build(hp):\n    os.kill(os.getpid(), signal.SIGINT)\n",
    )
    file = write_noise(model="interrupting:build", space={"units": {"int": [4, 32]}})

    try:
        code, _, err = call("run", file)
    finally:
        signal.signal(signal.SIGINT, before)

    assert code == 130
    assert err.splitlines()[-1] == "interrupted; run the same command again to go on"


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_broken_journal_is_cured_by_what_its_error_recommends(call):
    journal, before = Path("mlruns/noise/journal.jsonl"), Path("mlruns/noise.before")
    for folder, text in ((journal.parent, "nonsense\n"), (before, "of an earlier one\n")):
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text(text)
    file = write_noise()

    code, _, err = call("run", file)
    assert (code, err.count("\n")) == (2, 1)
    assert "journal.jsonl:1: must be a line of a journal" in err
    assert err.endswith("or start over with run --fresh\n")

    code, _, _ = call("run", file, "--fresh", "--quiet")

    assert code == 3
    assert journal.read_text().count('"event":"result"') >= 2
    assert (before / "journal.jsonl").read_text() == "nonsense\n"


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("missing/next.yaml", "must be in a folder that can be written, got missing"),
        ("iris.yaml", "must be a new file, got one that exists"),
    ],
)
def test_a_place_for_no_proposal_is_refused_before_one_is_made(call, output, problem):
    # A sweep that never ran has a problem of its own, which comes later.
    code, out, err = call("next", write("iris.yaml", IRIS), "-o", output)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"{output}: {problem}; ")


def test_a_proposal_replaces_no_file_that_came_meanwhile():
    write("next.yaml", IRIS)

    with pytest.raises(SweepspotError, match=r"next.yaml: must be a new file .* got File exists;"):
        _write(Path("next.yaml"), "name: iris-2\n")

    assert Path("next.yaml").read_text() == IRIS


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The URI of an MLflow store without a run."""
    import sweepspot.tracking  # noqa: F401 - quiets MLflow before it is imported
    from sweepspot.tracking.mlflow_store import connect, resolve

    uri = resolve(f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db")
    connect(uri)
    return uri


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def serve_by(monkeypatch, script):
    """Let a script of the shell be the server that `ui` starts."""
    Path("server").write_text(f"#!/bin/sh\n{script}\n")
    Path("server").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(Path("server").absolute()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("status", [0, 1, 7])
def test_ui_ends_as_its_server_does(call, store, monkeypatch, status):
    serve_by(monkeypatch, f"exit {status}")

    port = free_port()

    code, out, _ = call("ui", "--uri", store, "--port", str(port))

    assert code == status
    assert out == f"MLflow UI: http://127.0.0.1:{port}   (Ctrl-C ends it)\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_port_that_is_taken_is_refused(call, tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        code, out, err = call("ui", "--uri", f"sqlite:///{tmp_path}/mlflow.db", "--port", str(port))

    assert (code, out) == (2, "")
    assert err.startswith(f"--port {port}: must be free on 127.0.0.1, got Address already in use;")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_interrupting_is_how_ui_ends(call, store, monkeypatch):
    serve_by(monkeypatch, "kill -INT $PPID; sleep 60")
    port = free_port()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        code, _, err = call("ui", "--uri", store, "--port", str(port))
    finally:
        signal.signal(signal.SIGINT, before)

    assert (code, err) == (0, "")


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_failing_trials_are_one_line(call):
    write("failing.py", "def build(hp):\n    raise ValueError('no network today')\n")
    file = write_noise(model="failing:build", search={"trials": 9})

    code, _, err = call("run", file)

    assert code == 2
    assert err.count("\n") == 1
    assert "ValueError: no network today" in err
    assert Path("mlruns/noise/journal.jsonl").exists()
