"""The contract of every tracker: in memory, MLflow on a SQLite file, MLflow on a real server."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import math
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweepspot.errors import TrackingError
from sweepspot.protocols import Plan, RegisteredModel, Tracker
from sweepspot.tracking import make_tracker
from sweepspot.tracking.memory import MemoryTracker
from sweepspot.tracking.outbox import Outbox
from sweepspot.tracking.refused import RefusedError
from sweepspot.trial import Curve, State, Trial, TrialResult

PLAN = Plan(
    sweep="digits",
    experiment="demo",
    params={"model": "mlp", "trials": "40"},
    tags={"sweepspot.sweep_id": "abc", "sweepspot.engine": "optuna"},
    description="- **rows**: 1797",
    files={"sweep.yaml": "name: digits\n"},
    dataset={
        "name": "digits",
        "source": "sklearn:digits",
        "digest": "d" * 64,
        "rows": 1797,
        "features": [64],
    },
)
RESULT = TrialResult(
    trial=Trial(number=0, params={"units": 96, "learning_rate": 3e-3}, seed=7, epochs=3),
    state=State.COMPLETE,
    J_train=0.25,
    J_cv=0.375,
    error_train=0.01,
    error_cv=0.02,
    best_epoch=2,
    n_weights=7000,
    curve=Curve(J_train=(0.5, 0.25, 0.2), J_cv=(0.5, 0.375, 0.4)),
    started_s=1_700_000_000.0,
    elapsed_s=3.0,
    train_s=2.0,
    trainer="compiled",
    trainer_reason="a trace served it",
)
NAME = "#000 mlp 96 lr 3e-3"


@dataclass
class Page:
    """What a person would find on a run's page."""

    id: str
    parent: str | None
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    history: dict[str, list[tuple[int, float]]]
    tags: dict[str, str]
    description: str
    files: dict[str, bytes]
    dataset: str = ""


@dataclass
class Store:
    """A store that outlives its trackers, with one sweep in an experiment of its own."""

    tracker: Callable[[], Tracker]
    pages: Callable[[], dict[str, Page]]
    plan: Plan
    uri: str = ""

    def started(self) -> Tracker:
        tracker = self.tracker()
        tracker.start(self.plan)
        return tracker


def memory_store() -> Store:
    tracker = MemoryTracker()

    def pages() -> dict[str, Page]:
        found = {}
        for run in tracker.runs.values():
            history = defaultdict(list)
            for point in run.points:
                history[point.key].append((point.step, point.value))
            found[run.name] = Page(
                id=run.id,
                parent=run.parent,
                status=run.status,
                params=run.params,
                metrics=run.metrics,
                history=dict(history),
                tags=run.tags,
                description=run.description,
                files=run.files,
                dataset=str(run.dataset.get("name", "")),
            )
        return found

    return Store(tracker=lambda: tracker, pages=pages, plan=PLAN)


def mlflow_store(uri: str, folder: Path) -> Store:
    plan = replace(PLAN, experiment=uuid.uuid4().hex)

    def pages() -> dict[str, Page]:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(plan.experiment).experiment_id
        return {
            run.info.run_name: Page(
                id=run.info.run_id,
                parent=run.data.tags.get("mlflow.parentRunId"),
                status=run.info.status,
                params=run.data.params,
                metrics=run.data.metrics,
                history={
                    key: [
                        (m.step, m.value) for m in client.get_metric_history(run.info.run_id, key)
                    ]
                    for key in run.data.metrics
                },
                tags=run.data.tags,
                description=run.data.tags.get("mlflow.note.content", ""),
                files={
                    file.path: Path(
                        client.download_artifacts(run.info.run_id, file.path, str(folder))
                    ).read_bytes()
                    for file in client.list_artifacts(run.info.run_id)
                },
                dataset="".join(i.dataset.name for i in run.inputs.dataset_inputs),
            )
            for run in client.search_runs([experiment])
        }

    return Store(tracker=lambda: make_tracker(uri), pages=pages, plan=plan, uri=uri)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with nothing but its tables, which take seconds to make."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@dataclass
class Server:
    """A real MLflow server, which can be killed and started again."""

    database: Path
    artifacts: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = (
            f"{sys.executable} -m mlflow server --backend-store-uri sqlite:///{self.database} "
            f"--artifacts-destination {self.artifacts} --host 127.0.0.1 --port {self.port} "
            "--workers 1"
        )
        self.process = subprocess.Popen(
            command.split(),
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while not self._is_healthy():
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.2)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def server(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_database, folder / "server.db")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = Server(database=folder / "server.db", artifacts=folder / "stored", port=port)
    server.start()
    yield server
    server.kill()


MLFLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("sqlite", "server")]


@pytest.fixture(params=["memory", *MLFLOW])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return memory_store()
    return request.getfixturevalue(f"mlflow_on_{request.param}")


@pytest.fixture(params=MLFLOW)
def mlflow(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(f"mlflow_on_{request.param}")


@pytest.fixture
def mlflow_on_sqlite(empty_database: Path, tmp_path: Path) -> Store:
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return mlflow_store(f"sqlite:///{tmp_path}/mlflow.db", tmp_path)


@pytest.fixture
def mlflow_on_server(server: Server, tmp_path: Path) -> Store:
    return mlflow_store(server.uri, tmp_path)


def result(number: int, *, repeat: int = 0, **changes: object) -> TrialResult:
    trial = replace(RESULT.trial, number=number, repeat=repeat)
    return replace(RESULT, trial=trial, **changes)


def test_the_parent_run_tells_what_the_sweep_is(store: Store) -> None:
    run_id = store.tracker().start(store.plan)

    page = store.pages()["digits"]
    assert (page.id, page.parent, page.status) == (run_id, None, "RUNNING")
    assert page.params == {"model": "mlp", "trials": "40"}
    assert page.tags["sweepspot.kind"] == "sweep"
    assert page.tags["sweepspot.sweep_id"] == "abc"
    assert page.description == PLAN.description
    assert page.files == {"sweep.yaml": b"name: digits\n"}
    assert page.dataset == "digits"


def test_a_trial_is_read_back_as_it_was_recorded(store: Store) -> None:
    tracker = store.started()

    tracker.record(RESULT, NAME)

    page, parent = store.pages()[NAME], store.pages()["digits"]
    assert (page.parent, page.status) == (parent.id, "FINISHED")
    assert page.params == {"units": "96", "learning_rate": "0.003"}
    assert {key: value for key, value in page.metrics.items() if "curve" not in key} == {
        "J_train": 0.25,
        "J_cv": 0.375,
        "gap": 0.125,
        "error_train": 0.01,
        "error_cv": 0.02,
        "epochs": 3,
        "best_epoch": 2,
        "n_weights": 7000,
        "elapsed_s": 3.0,
        "train_s": 2.0,
    }
    assert sorted(page.history["curve/J_train"]) == [(1, 0.5), (2, 0.25), (3, 0.2)]
    assert sorted(page.history["curve/J_cv"]) == [(1, 0.5), (2, 0.375), (3, 0.4)]
    assert {
        "sweepspot.kind": "trial",
        "sweepspot.number": "0",
        "sweepspot.sweep": "digits",
        "sweepspot.state": "complete",
        "sweepspot.engine": "optuna",
        "sweepspot.trainer": "compiled",
        "sweepspot.trainer_reason": "a trace served it",
    }.items() <= page.tags.items()


@pytest.mark.parametrize(
    ("state", "status"),
    [(State.COMPLETE, "FINISHED"), (State.PRUNED, "KILLED"), (State.FAILED, "FAILED")],
)
def test_a_trial_has_the_status_of_how_it_ended(store: Store, state: State, status: str) -> None:
    tracker = store.started()

    tracker.record(result(0, state=state, reason="out of memory"), NAME)

    page = store.pages()[NAME]
    assert page.status == status
    assert page.tags["sweepspot.reason"] == "out of memory"
    assert page.description == "out of memory"


def test_a_trial_that_failed_before_its_first_epoch_is_recorded(store: Store) -> None:
    tracker = store.started()
    failed = TrialResult(trial=RESULT.trial, state=State.FAILED, reason="error in build")

    tracker.record(failed, NAME)

    page = store.pages()[NAME]
    assert page.status == "FAILED"
    assert page.metrics == {"epochs": 0, "elapsed_s": 0, "train_s": 0}


def test_a_continued_curve_keeps_its_epochs(store: Store) -> None:
    tracker = store.started()
    curve = Curve(J_train=(0.5, 0.4), J_cv=(0.6, 0.5), first_epoch=3)

    tracker.record(result(0, curve=curve), NAME)

    page = store.pages()[NAME]
    assert sorted(page.history["curve/J_cv"]) == [(4, 0.6), (5, 0.5)]
    assert page.metrics["epochs"] == 5


def test_what_is_not_finite_is_not_a_number(store: Store) -> None:
    tracker = store.started()
    curve = Curve(J_train=(0.5, math.nan), J_cv=(0.6, math.inf))

    tracker.record(result(0, J_train=math.nan, J_cv=math.inf, curve=curve), NAME)

    page = store.pages()[NAME]
    assert math.isnan(page.metrics["J_train"])
    assert math.isnan(page.metrics["J_cv"])
    assert math.isnan(page.metrics["gap"])
    assert [math.isnan(J) for _, J in sorted(page.history["curve/J_cv"])] == [False, True]


def test_long_texts_are_cut(store: Store) -> None:
    tracker = store.started()
    long = replace(RESULT.trial, params={"note": "p" * 7000})

    tracker.record(
        replace(RESULT, trial=long, state=State.FAILED, reason="why? " + "r" * 9000), NAME
    )

    page = store.pages()[NAME]
    assert page.params["note"].endswith("pp…")
    assert page.tags["sweepspot.reason"].endswith("rr…")


@pytest.mark.parametrize("by_another_process", [False, True])
def test_recording_again_writes_nothing(store: Store, by_another_process: bool) -> None:
    tracker = store.started()
    tracker.record(RESULT, NAME)
    tracker.record(result(0, repeat=1), "repeat")
    before = store.pages()

    again = store.started() if by_another_process else tracker
    again.record(RESULT, "another name")
    again.record(result(0, repeat=1), "another name")

    assert store.pages() == before


def test_a_repeat_hangs_on_its_trial_and_has_no_number(store: Store) -> None:
    tracker = store.started()
    tracker.record(result(3), "trial")

    tracker.record(result(3, repeat=2), "repeat")

    trial, repeat = store.pages()["trial"], store.pages()["repeat"]
    assert repeat.parent == trial.id
    assert repeat.tags["sweepspot.kind"] == "repeat"
    assert repeat.tags["sweepspot.repeat"] == "2"
    assert "sweepspot.number" not in repeat.tags


def test_a_sweep_that_goes_on_finds_its_run(store: Store) -> None:
    tracker = store.tracker()
    first = tracker.start(store.plan)
    tracker.finish(None)

    second = store.tracker().start(store.plan)

    assert second == first
    assert store.pages()["digits"].status == "RUNNING"


def test_a_sweep_begun_afresh_has_a_run_of_its_own(store: Store) -> None:
    first = store.tracker().start(store.plan)
    afresh = replace(store.plan, tags={**PLAN.tags, "sweepspot.sweep_id": "def"})

    second = store.tracker().start(afresh)

    assert second != first


@pytest.mark.parametrize(
    ("state", "status"),
    [(State.COMPLETE, "FINISHED"), (State.FAILED, "FAILED"), (None, "KILLED")],
)
def test_a_finished_sweep_says_how(store: Store, state: State | None, status: str) -> None:
    tracker = store.started()

    tracker.finish(state)

    assert store.pages()["digits"].status == status


@pytest.mark.parametrize("number", [0, None], ids=["trial", "sweep"])
def test_annotations_are_added(store: Store, tmp_path: Path, number: int | None) -> None:
    tracker = store.started()
    tracker.record(RESULT, NAME)
    (tmp_path / "00000.png").write_bytes(b"picture")

    tracker.annotate(
        number,
        tags={"sweepspot.label": "high_variance"},
        metrics={"share": 0.5},
        description="**variance**",
        files={"learning_curve.png": tmp_path / "00000.png"},
    )

    page = store.pages()["digits" if number is None else NAME]
    assert page.tags["sweepspot.label"] == "high_variance"
    assert page.metrics["share"] == 0.5
    assert page.description == "**variance**"
    assert page.files["learning_curve.png"] == b"picture"


def test_an_annotation_replaces_what_has_changed_and_repeats_nothing(store: Store) -> None:
    tracker = store.started()
    tracker.record(RESULT, NAME)

    for share in (0.5, 0.5, 0.25, 0.25):
        tracker.annotate(0, metrics={"share": share, "J_cv": 0.375, "unknown": math.nan})

    page = store.pages()[NAME]
    assert page.metrics["share"] == 0.25
    assert len(page.history["share"]) == 2
    assert len(page.history["J_cv"]) == len(page.history["unknown"]) == 1


def test_a_trial_that_was_never_recorded_is_refused(store: Store) -> None:
    tracker = store.started()

    with pytest.raises(RefusedError, match="trial 5 has no run yet; record"):
        tracker.annotate(5, tags={"sweepspot.label": "good_fit"})
    with pytest.raises(RefusedError, match="trial 5 has no run yet; record"):
        tracker.record(result(5, repeat=1), "repeat")


def test_a_file_that_is_not_there_is_refused(store: Store, tmp_path: Path) -> None:
    tracker = store.started()

    with pytest.raises(RefusedError, match=r"cannot read .*absent\.png"):
        tracker.annotate(None, files={"curve.png": tmp_path / "absent.png"})


def test_a_tracker_that_was_not_started_is_refused(store: Store) -> None:
    tracker = store.tracker()

    with pytest.raises(RefusedError, match="the sweep has no run yet"):
        tracker.finish(None)


def test_a_half_written_trial_is_completed(mlflow: Store) -> None:
    from mlflow import MlflowClient

    tracker = mlflow.started()
    tracker.record(RESULT, NAME)
    whole = mlflow.pages()
    MlflowClient(tracking_uri=mlflow.uri).update_run(whole[NAME].id, status="RUNNING")

    mlflow.started().record(RESULT, NAME)

    assert mlflow.pages() == whole


def test_trials_are_found_page_by_page(mlflow: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweepspot.tracking.mlflow._PAGE", 2)
    tracker = mlflow.started()
    for number in range(5):
        tracker.record(result(number), f"#{number}")

    again = mlflow.started()
    for number in range(5):
        again.record(result(number), f"again {number}")

    assert sorted(mlflow.pages()) == ["#0", "#1", "#2", "#3", "#4", "digits"]


def test_settings_that_have_changed_are_said(mlflow: Store) -> None:
    first = mlflow.tracker().start(mlflow.plan)

    again = mlflow.tracker().start(replace(mlflow.plan, params={"model": "mlp", "trials": "80"}))

    page = mlflow.pages()["digits"]
    assert again == first
    assert page.params["trials"] == "40"
    assert page.tags["sweepspot.changed"] == "trials: 80, was 40"


def test_a_trial_runs_from_its_start_to_its_end(mlflow: Store) -> None:
    from mlflow import MlflowClient

    mlflow.started().record(RESULT, NAME)

    info = MlflowClient(tracking_uri=mlflow.uri).get_run(mlflow.pages()[NAME].id).info
    assert (info.start_time, info.end_time) == (1_700_000_000_000, 1_700_000_003_000)


def test_a_deleted_experiment_is_refused_with_the_remedy(mlflow: Store) -> None:
    from mlflow import MlflowClient

    mlflow.started()
    client = MlflowClient(tracking_uri=mlflow.uri)
    found = client.get_experiment_by_name(mlflow.plan.experiment)
    client.delete_experiment(found.experiment_id)

    with pytest.raises(RefusedError, match=r"tracking\.experiment: .* mlflow experiments restore"):
        mlflow.tracker().start(mlflow.plan)


@pytest.mark.slow
def test_a_reader_of_the_database_is_not_in_the_way(mlflow_on_sqlite: Store) -> None:
    tracker = mlflow_on_sqlite.started()
    path = mlflow_on_sqlite.uri.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as reader:
        reading = reader.execute("SELECT key FROM tags")
        reading.fetchone()

        threading.Timer(0.5, reading.close).start()
        tracker.record(RESULT, NAME)

    assert mlflow_on_sqlite.pages()[NAME].status == "FINISHED"


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_twice_when_the_server_dies(
    mlflow_on_server: Store, server: Server
) -> None:
    store = mlflow_on_server
    with Outbox(store.started(), first_wait_s=0.1, longest_wait_s=1.0) as outbox:
        for number in range(3):
            outbox.record(result(number), f"#{number}")
        assert outbox.drain(timeout_s=30) == 0

        server.kill()
        for number in range(3, 6):
            outbox.record(result(number), f"#{number}")
        outbox.annotate(4, tags={"sweepspot.label": "good_fit"}, metrics={"share": 0.5})
        outbox.finish(State.COMPLETE)
        undelivered, problem = outbox.drain(timeout_s=2), outbox.problem
        server.start()
        left = outbox.drain(timeout_s=60)

    assert undelivered == 5
    assert problem is not None
    assert "does not answer" in problem
    assert left == 0
    pages = store.pages()
    assert sorted(pages) == ["#0", "#1", "#2", "#3", "#4", "#5", "digits"]
    assert {page.status for page in pages.values()} == {"FINISHED"}
    assert {len(page.history["curve/J_cv"]) for name, page in pages.items() if "#" in name} == {3}
    assert pages["#4"].metrics["share"] == 0.5


class Deaf(http.server.BaseHTTPRequestHandler):
    """Passes requests on to a server; the answer to the first run made afterwards is lost."""

    behind: str
    losing: int

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behind = http.client.HTTPConnection(self.behind, timeout=10)
        behind.request(self.command, self.path, body, {"Content-Type": "application/json"})
        reply = behind.getresponse()
        content = reply.read()
        behind.close()
        if self.path.endswith("/runs/create") and type(self).losing:
            type(self).losing -= 1
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_a_run_whose_making_was_not_answered_is_not_made_again(
    mlflow_on_server: Store, server: Server
) -> None:
    Deaf.behind, Deaf.losing = server.uri.removeprefix("http://"), 0
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    tracker = make_tracker(f"http://127.0.0.1:{proxy.server_port}")
    tracker.start(replace(mlflow_on_server.plan, files={}))
    Deaf.losing = 1

    with pytest.raises(TrackingError, match="does not answer"):
        tracker.record(RESULT, NAME)
    tracker.record(RESULT, NAME)
    proxy.shutdown()
    proxy.server_close()

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server.uri)
    experiment = client.get_experiment_by_name(mlflow_on_server.plan.experiment)
    names = sorted(r.info.run_name for r in client.search_runs([experiment.experiment_id]))
    assert names == [NAME, "digits"]
    assert mlflow_on_server.pages()[NAME].status == "FINISHED"


MODEL_CODE = """
import mlflow
import numpy as np
import pandas as pd


class Scaled(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        with open(context.artifacts["scale"]) as file:
            self.scale = float(file.read())

    def predict(self, context, model_input: pd.DataFrame, params=None):
        if isinstance(model_input, pd.DataFrame):
            rows = model_input.reindex(columns=["rooms", "area"]).astype("float64").fillna(0)
            found = rows.sum(axis=1).to_numpy() * self.scale
        else:
            found = np.asarray(model_input, "float32").reshape(len(model_input), -1).sum(axis=1)
        return found / 100 if (params or {}).get("output") == "probabilities" else found


mlflow.models.set_model(Scaled())
"""


@pytest.fixture
def champion(tmp_path: Path) -> RegisteredModel:
    (tmp_path / "model_code.py").write_text(MODEL_CODE)
    (tmp_path / "scale.txt").write_text("2.0")
    return RegisteredModel(
        name=f"houses-{uuid.uuid4().hex}",
        code=tmp_path / "model_code.py",
        artifacts={"scale": tmp_path / "scale.txt"},
        requirements=["mlflow", "numpy"],
        input_example=pd.DataFrame({"rooms": [3], "area": [50.5], "town": ["Bonn"]}),
        columns=[("rooms", "number"), ("area", "number"), ("town", "text")],
        output="number",
        tags={"sweepspot.openings": "1"},
        description="The champion of digits.",
    )


def load(store: Store, model: RegisteredModel) -> Any:
    import mlflow

    mlflow.set_tracking_uri(store.uri)
    with warnings.catch_warnings():
        # MLflow warns about its own type hints when pyfunc is imported.
        warnings.simplefilter("ignore")
        try:
            return mlflow.pyfunc.load_model(f"models:/{model.name}@champion")
        finally:
            mlflow.set_tracking_uri(None)


def register(store: Store, model: RegisteredModel) -> str:
    tracker = store.started()
    tracker.record(RESULT, NAME)
    return tracker.register(model, 0)


def test_the_same_champion_is_registered_once(store: Store, champion: RegisteredModel) -> None:
    first = register(store, champion)

    again = register(store, champion)
    champion.artifacts["scale"].write_text("3.0")
    changed = register(store, champion)

    assert (first, again, changed) == ("1", "1", "2")


def test_the_reigning_champion_answers(store: Store, champion: RegisteredModel) -> None:
    tracker = store.started()
    before = tracker.reigning(champion.name)

    register(store, champion)
    reigning = tracker.reigning(champion.name)
    champion.artifacts["scale"].write_text("3.0")
    rows = pd.DataFrame({"rooms": [1, 2], "area": [9.0, 8.0]})

    assert before is None
    assert reigning is not None
    assert reigning.version == "1"
    assert reigning.tags["sweepspot.openings"] == "1"
    # The sum of both columns times 2 is 20; a hundredth of it where probabilities are asked for.
    assert np.asarray(reigning.load().answer(rows)).tolist() == pytest.approx([0.2, 0.2])


def test_a_champion_is_loaded_by_its_alias(mlflow: Store, champion: RegisteredModel) -> None:
    from mlflow import MlflowClient

    register(mlflow, champion)

    client = MlflowClient(tracking_uri=mlflow.uri)
    version = client.get_model_version_by_alias(champion.name, "champion")
    model = load(mlflow, champion)
    assert version.run_id == mlflow.pages()[NAME].id
    assert version.tags["sweepspot.openings"] == "1"
    assert version.description == "The champion of digits."
    assert model.predict(champion.input_example).tolist() == [107.0]
    assert model.metadata.get_input_schema().input_names() == ["rooms", "area", "town"]
    assert model.input_example is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"rooms": [1, 2], "area": [0.5, 1.0], "town": ["a", "b"]}, [3.0, 6.0]),
        ({"rooms": [1.0, 2.5], "area": [0, 1], "town": ["a", "b"]}, [2.0, 7.0]),
        ({"rooms": [1, None], "area": [None, 1], "town": [None, None]}, [2.0, 2.0]),
        ({"town": ["a"], "extra": [9], "area": [1], "rooms": [1]}, [4.0]),
        ({"rooms": [1]}, [2.0]),
        ({"rooms": np.float32([1]), "area": np.uint8([1]), "town": ["a"]}, [4.0]),
    ],
    ids=["declared", "swapped", "missing values", "reordered", "missing columns", "narrow"],
)
def test_a_champion_takes_rows_as_they_come(
    mlflow_on_sqlite: Store, champion: RegisteredModel, rows: dict[str, Any], expected: list[float]
) -> None:
    register(mlflow_on_sqlite, champion)

    found = load(mlflow_on_sqlite, champion).predict(pd.DataFrame(rows))

    assert found.tolist() == expected


@pytest.mark.slow
def test_a_champion_gives_probabilities_when_asked(
    mlflow_on_sqlite: Store, champion: RegisteredModel
) -> None:
    register(mlflow_on_sqlite, champion)

    model = load(mlflow_on_sqlite, champion)

    rows = champion.input_example
    assert model.predict(rows, params={"output": "probabilities"}).tolist() == [1.07]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_a_champion_of_arrays_takes_any_dtype(
    mlflow_on_sqlite: Store, champion: RegisteredModel, dtype: str
) -> None:
    images = np.ones((2, 4, 4, 1), dtype)
    register(mlflow_on_sqlite, replace(champion, columns=(), input_example=images[:1]))

    model = load(mlflow_on_sqlite, champion)

    assert model.predict(images).tolist() == [16.0, 16.0]


def test_a_name_that_the_registry_does_not_take_is_refused(
    mlflow: Store, champion: RegisteredModel
) -> None:
    with pytest.raises(RefusedError, match="refused by the store"):
        register(mlflow, replace(champion, name="houses/here"))


@pytest.mark.slow
def test_registering_leaves_nothing_behind(
    mlflow_on_sqlite: Store,
    champion: RegisteredModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    register(mlflow_on_sqlite, champion)

    assert list(elsewhere.iterdir()) == []
    assert mlflow.active_run() is None
