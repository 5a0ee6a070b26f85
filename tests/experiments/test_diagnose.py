"""`sweepspot diagnose` on real stores: what is labelled, what is said, what is written."""

from __future__ import annotations

import json
import math
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sweepspot.cli import main
from sweepspot.experiments import ExperimentStore, assess_experiment

pytestmark = pytest.mark.slow

Log = Callable[..., str]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Call]:
    """Return a function that runs the command: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sweepspot", "diagnose", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), out, err

    yield run
    signal.signal(signal.SIGTERM, before)


def curve(last: float, first: float = 1.0, n: int = 20) -> list[float]:
    """Return a curve that falls at once, and then stays."""
    return [first, *([last] * (n - 1))]


def log_sweep(
    log: Log, uri: str, *, train: str = "loss", cv: str = "val_loss", n: int = 10, **more: object
) -> dict[str, str]:
    """Log `n` equal runs, one that does not fit and one that fits too well; ids by name."""
    levels = {f"good-{i}": (0.2, 0.3) for i in range(n)}
    levels |= {"unfit": (0.8, 0.9), "overfit": (0.02, 0.9)}
    return {
        name: log(uri, name, {train: curve(one), cv: curve(other)}, **more)
        for name, (one, other) in levels.items()
    }


def labels(uri: str, experiment: str = "theirs", **options: object) -> dict[str, str]:
    assessed = assess_experiment(ExperimentStore(uri), experiment, **options)  # type: ignore[arg-type]
    return {row.run.name: str(row.verdict.label) for g in assessed.groups for row in g.runs}


def dump(uri: str) -> list[str]:
    """Return every row of a SQLite store, but for the version of its own schema."""
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    ("train", "cv"),
    [
        ("loss", "val_loss"),
        ("train_loss_epoch", "val_loss"),
        ("train/loss", "val/loss"),
        ("training_loss", "validation_loss"),
    ],
)
def test_runs_of_other_tools_are_labelled(log: Log, uri: str, train: str, cv: str) -> None:
    log_sweep(log, uri, train=train, cv=cv)

    found = labels(uri, J_naive=1.0)

    assert found["unfit"] == "high_bias"
    assert found["overfit"] == "high_variance"
    assert "high_bias" not in {found[f"good-{i}"] for i in range(10)}


@pytest.mark.parametrize("kind", ["file_uri", "server_uri"])
def test_a_file_store_and_a_server_are_read_and_written(
    request: pytest.FixtureRequest, log: Log, call: Call, kind: str
) -> None:
    uri = request.getfixturevalue(kind)
    log_sweep(log, uri)

    code, out, err = call("--experiment", "theirs", "--uri", uri, "--write", "--json")
    again = json.loads(call("--experiment", "theirs", "--uri", uri, "--write", "--json")[1])

    assert (code, err) == (0, "")
    found = json.loads(out)
    rows = {row["run_name"]: row for row in found["groups"][0]["runs"]}
    assert rows["unfit"]["label"] == "high_bias"
    assert (found["written"], found["unchanged"]) == (12, 0)
    assert (again["written"], again["unchanged"]) == (0, 12)


def test_the_table_says_what_was_compared_and_what_it_is_worth(
    log: Log, uri: str, call: Call
) -> None:
    ids = log_sweep(log, uri)

    code, out, err = call("--experiment", "theirs", "--uri", uri)

    assert (code, err) == (0, "")
    assert out.startswith("12 runs: the whole experiment; metrics loss, val_loss\n")
    row = next(line.split() for line in out.splitlines() if line.startswith("unfit"))
    assert row[:5] == ["unfit", ids["unfit"][:8], "0.8", "0.9", "high_bias"]
    assert "mostly bias" in " ".join(row)
    assert "2 of the 272 with high bias" in out
    assert "no --naive was stated" in out


def test_nothing_is_changed_without_write(log: Log, uri: str, call: Call) -> None:
    log_sweep(log, uri)
    before = dump(uri)

    for options in ([], ["--json"], ["--naive", "1.0"]):
        assert call("--experiment", "theirs", "--uri", uri, *options)[0] == 0

    assert dump(uri) == before


def test_write_sets_three_tags_and_a_second_time_nothing(log: Log, uri: str, call: Call) -> None:
    from mlflow import MlflowClient

    ids = log_sweep(log, uri)
    running = log(uri, "running", {"loss": [0.5], "val_loss": [0.5]}, status="RUNNING")
    before = dump(uri)

    out = call("--experiment", "theirs", "--uri", uri, "--write")[1]
    once = dump(uri)
    again = call("--experiment", "theirs", "--uri", uri, "--write")[1]

    client = MlflowClient(tracking_uri=uri)
    tags = client.get_run(ids["unfit"]).data.tags
    assert tags["sweepspot.label"] == "high_bias"
    assert tags["sweepspot.evidence"] == "history"
    assert "from logged losses" in tags["sweepspot.reason"]
    assert "sweepspot.label" not in client.get_run(running).data.tags
    assert "12 runs got the tags" in out
    assert "0 runs got the tags" in again
    assert "12 had them" in again
    assert dump(uri) == once
    assert {line.split(" ")[2] for line in set(once) - set(before)} == {'"tags"'}
    assert set(before) <= set(once)


def test_a_label_that_has_changed_is_written_again(log: Log, uri: str, call: Call) -> None:
    from mlflow import MlflowClient

    ids = log_sweep(log, uri)
    client = MlflowClient(tracking_uri=uri)
    call("--experiment", "theirs", "--uri", uri, "--write")
    client.set_tag(ids["unfit"], "sweepspot.label", "good_fit")

    out = call("--experiment", "theirs", "--uri", uri, "--write")[1]

    assert "1 runs got the tags" in out
    assert client.get_run(ids["unfit"]).data.tags["sweepspot.label"] == "high_bias"


def test_runs_of_our_own_sweeps_keep_the_verdict_of_their_sweep(
    log: Log, uri: str, call: Call
) -> None:
    own = {"sweepspot.kind": "trial", "sweepspot.root": "s", "mlflow.parentRunId": "s"}
    verdict = {"sweepspot.label": "good_fit", "sweepspot.reason": "as good as the best"}
    for i in range(4):
        log(uri, f"trial {i}", {"J_train": [0.2], "J_cv": [0.3]}, tags={**own, **verdict})
    log(uri, "late", {"J_train": [0.8], "J_cv": [0.9]}, tags=own)
    log(uri, "repeat", {"J_train": [0.2], "J_cv": [0.3]}, tags={"sweepspot.kind": "repeat"})
    log(uri, "sweep", {}, tags={"sweepspot.kind": "sweep"})
    before = dump(uri)

    out = call("--experiment", "theirs", "--uri", uri, "--write", "--naive", "1")[1]

    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "good_fit*" in rows["trial 0"]
    assert "as good as the best" in rows["trial 0"]
    assert " high_bias " in rows["late"]
    assert "left out  1 repeats of finalists" in out
    assert "left out  1 parent runs" in out
    assert "0 runs got the tags" in out
    assert dump(uri) == before


def test_what_cannot_be_assessed_says_why(log: Log, uri: str) -> None:
    log_sweep(log, uri)
    broken = {"loss": [1.0, math.nan], "val_loss": [1.0, math.nan]}
    infinite = {"loss": [1.0, math.inf], "val_loss": [1.0, math.inf]}
    fine = {"loss": [0.2], "val_loss": [0.3]}
    log(uri, "nan", broken)
    log(uri, "inf", infinite)
    for status in ("RUNNING", "FAILED", "KILLED"):
        log(uri, status, fine, status=status)
    log(uri, "blind", {"loss": [0.2]})
    log(uri, "two", {**fine, "train_loss": [0.2], "valid_loss": [0.3]})

    assessed = assess_experiment(ExperimentStore(uri), "theirs", J_naive=1.0)

    rows = {row.run.name: row.verdict for group in assessed.groups for row in group.runs}
    names = ("nan", "inf", "RUNNING", "FAILED", "KILLED", "blind", "two")
    assert {str(rows[name].label) for name in names} == {"not_assessed"}
    assert "ends in no number" in rows["nan"].reason
    assert "ends in no number" in rows["inf"].reason
    assert rows["KILLED"].reason == "its state is KILLED, not FINISHED"
    assert rows["blind"].reason.endswith("there is loss")
    assert rows["two"].reason.startswith("more than one pair")
    assert str(rows["unfit"].label) == "high_bias"


def test_runs_on_other_data_do_not_disturb(log: Log, uri: str) -> None:
    log_sweep(log, uri, digest="aaa")
    log(uri, "hard", {"loss": curve(0.8), "val_loss": curve(0.9)}, digest="bbb")

    found = labels(uri, J_naive=1.0)

    assert found["hard"] == "not_assessed"
    assert found["unfit"] == "high_bias"


def test_children_are_compared_with_their_siblings(log: Log, uri: str) -> None:
    parent = log(uri, "parent", {"best": [0.3]})
    log_sweep(log, uri, tags={"mlflow.parentRunId": parent})

    assessed = assess_experiment(ExperimentStore(uri), "theirs")

    [group] = assessed.groups
    assert group.by == f"children of run {parent[:8]}; metrics loss, val_loss"
    assert len(group.runs) == 12
    assert assessed.left_out == {"parent runs": 1}


def test_other_names_can_be_stated(log: Log, uri: str, call: Call) -> None:
    log_sweep(log, uri, train="fit/nll", cv="heldout/nll")
    named = ["--train-metric", "fit/nll", "--cv-metric", "heldout/nll"]

    without = call("--experiment", "theirs", "--uri", uri)
    code, out, _ = call("--experiment", "theirs", "--uri", uri, *named)

    assert without[0] == 0
    assert "no pair of train and validation loss that we know; there is fit/nll" in without[1]
    assert code == 0
    assert "metrics fit/nll, heldout/nll" in out
    assert " high_bias " in out


def test_a_train_loss_of_single_batches_is_not_one_weak_number(log: Log, uri: str) -> None:
    rng = np.random.default_rng(0)
    for i in range(8):
        batches = (0.3 * np.exp(rng.normal(0, 0.8, 200))).tolist()
        log(
            uri,
            f"run-{i}",
            {"train_loss": batches, "val_loss": curve(0.4)},
            every={"train_loss": 1, "val_loss": 10},
        )

    assessed = assess_experiment(ExperimentStore(uri), "theirs")

    trains = [row.J_train for row in assessed.groups[0].runs if row.J_train is not None]
    assert len(trains) == 8
    assert max(trains) < 3 * min(trains)


def test_an_unknown_experiment_names_those_there_are(log: Log, uri: str, call: Call) -> None:
    log_sweep(log, uri, n=0)

    code, out, err = call("--experiment", "their", "--uri", uri)

    assert (code, out) == (2, "")
    assert err == (
        "--experiment: must be an experiment of the store, got 'their'; there is theirs, Default\n"
    )


def test_a_deleted_experiment_is_said_to_be_deleted(log: Log, uri: str, call: Call) -> None:
    from mlflow import MlflowClient

    log_sweep(log, uri, n=0)
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name("theirs")
    client.delete_experiment(found.experiment_id)

    code, _, err = call("--experiment", "theirs", "--uri", uri)

    assert code == 2
    assert "must not be deleted" in err


def test_an_experiment_without_runs_is_refused(uri: str, call: Call) -> None:
    code, out, err = call("--experiment", "Default", "--uri", uri)

    assert (code, out) == (2, "")
    assert err == "--experiment: must have runs, got none in 'Default'; log some\n"


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, call: Call) -> None:
    database, folder = tmp_path / "none.db", tmp_path / "none"

    for where in (f"sqlite:///{database}", str(folder), folder.as_uri()):
        code, _, err = call("--experiment", "theirs", "--uri", where)
        assert code == 2
        assert err.startswith("--uri: ")
        assert len(err.splitlines()) == 1

    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_one_line(call: Call) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    code, out, err = call("--experiment", "theirs", "--uri", f"http://127.0.0.1:{port}")

    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert f"http://127.0.0.1:{port} does not answer" in err


@pytest.mark.parametrize("naive", ["0", "-1", "nan"])
def test_a_constant_without_a_loss_is_refused(log: Log, uri: str, call: Call, naive: str) -> None:
    log_sweep(log, uri, n=1)

    code, _, err = call("--experiment", "theirs", "--uri", uri, "--naive", naive)

    assert code == 2
    assert err.startswith("J_naive: must be finite and above 0")


def test_json_has_no_number_that_is_none(log: Log, uri: str, call: Call) -> None:
    log_sweep(log, uri)
    log(uri, "nan", {"loss": [math.nan], "val_loss": [math.nan]})

    out = call("--experiment", "theirs", "--uri", uri, "--json")[1]

    found = json.loads(out, parse_constant=pytest.fail)
    assert set(found) == {"experiment", "left_out", "groups", "worth"}
    rows = {row["run_name"]: row for row in found["groups"][0]["runs"]}
    assert rows["nan"]["J_cv"] is None
    assert rows["unfit"]["numbers"]["excess"]["low"] > 0.02
    assert sum(found["groups"][0]["verdict"]["labels"].values()) == 13
