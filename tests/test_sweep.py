"""Whole sweeps, small and real: Keras trains, MLflow keeps, and a crash changes nothing."""

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from sweepspot.errors import SpecError, TrialError
from sweepspot.journal import Journal
from sweepspot.sweep import Sweep, SweepResult

pytestmark = [
    pytest.mark.tf,
    pytest.mark.slow,
    # TensorFlow, MLflow and Keras Tuner warn about one another, none of it ours.
    pytest.mark.filterwarnings("ignore"),
]

ENGINES = {
    "optuna": {"engine": "optuna"},
    "random": {"engine": "keras_tuner", "sampler": "random"},
    "hyperband": {"engine": "keras_tuner", "sampler": "hyperband"},
}
NAMES = pytest.mark.parametrize("name", ENGINES)


def keys_of(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "data": {"source": "sklearn:iris"},
        "space": {
            "units": {"int": [4, 32]},
            "learning_rate": {"float": [1e-3, 1e-1], "log": True},
        },
        "train": {"epochs": 4},
        "search": {**ENGINES[name], "trials": 5},
        "baseline": {"target_error": 0.6},
        # With more, results come in an order that no two runs share.
        "workers": 1,
        "select": {"finalists": 2, "repeats": 2, "register": f"flowers-{name}"},
    }


@dataclass(frozen=True)
class Swept:
    """A sweep that has been run in a folder of its own."""

    folder: Path
    result: SweepResult

    @property
    def client(self):
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=f"sqlite:///{self.folder}/mlruns/mlflow.db")

    def runs(self, kind=None):
        where = f"tags.`sweepspot.kind` = '{kind}'" if kind else ""
        client = self.client
        everywhere = [e.experiment_id for e in client.search_experiments()]
        return client.search_runs(everywhere, where, max_results=500)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """A store with nothing but its tables, which take seconds to make."""
    from mlflow import MlflowClient

    import sweepspot.tracking  # noqa: F401 - quiets MLflow before it is imported

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


def with_store(folder, database):
    (folder / "mlruns").mkdir(parents=True)
    copy(database, folder / "mlruns" / "mlflow.db")
    return folder


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory, empty_database):
    """Return a function that runs the sweep of an engine, once."""
    done: dict[str, Swept] = {}

    def swept(name):
        if name not in done:
            folder = with_store(tmp_path_factory.mktemp("run") / "project", empty_database)
            with pytest.MonkeyPatch.context() as patch:
                patch.delenv("MLFLOW_TRACKING_URI", raising=False)
                patch.chdir(folder)
                done[name] = Swept(folder=folder, result=Sweep(**keys_of(name)).run())
        return done[name]

    return swept


@pytest.fixture
def here(tmp_path, monkeypatch, empty_database):
    """Run in a folder of its own, with an empty store."""
    folder = with_store(tmp_path / "project", empty_database)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(folder)
    return folder


@NAMES
def test_each_trial_is_a_child_with_its_verdict(sweeps, name):
    swept = sweeps(name)

    (parent,) = swept.runs("sweep")
    children = swept.runs("trial")
    frame = swept.result.frame
    assert len(children) == len(frame) == 5
    assert parent.info.status == "FINISHED"
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert sorted(run.data.tags["sweepspot.label"] for run in children) == sorted(frame["label"])
    assert {run.info.status for run in children} == {"FINISHED"}
    assert sorted(round(run.data.metrics["J_cv"], 6) for run in children) == sorted(
        round(J, 6) for J in frame["J_cv"]
    )
    assert len(swept.runs("repeat")) == 4


@NAMES
def test_the_champion_answers_from_the_registry(sweeps, name):
    import mlflow
    from sklearn.datasets import load_iris

    swept = sweeps(name)
    champion = swept.result.champion
    version = swept.client.get_model_version_by_alias(f"flowers-{name}", "champion")

    mlflow.set_tracking_uri(f"sqlite:///{swept.folder}/mlruns/mlflow.db")
    try:
        model = mlflow.pyfunc.load_model(f"models:/flowers-{name}@champion")
    finally:
        mlflow.set_tracking_uri(None)
    rows = load_iris(as_frame=True)
    wrong = (model.predict(rows.data) != rows.target.to_numpy()).mean()

    assert champion.registered == f"flowers-{name}/{version.version}"
    assert version.tags["sweepspot.number"] == str(champion.number)
    assert version.tags["sweepspot.test_openings"] == "1"
    # 30 of the 150 rows are the cv split and 30 the test split, each measured in the sweep.
    least = (champion.error_cv * 30 + champion.error_test * 30) / 150
    assert least - 1e-6 <= wrong <= least + 90 / 150


@NAMES
def test_running_again_adds_nothing(sweeps, name, monkeypatch):
    swept = sweeps(name)
    before = {run.info.run_id: (run.info.status, run.data.metrics) for run in swept.runs()}
    monkeypatch.chdir(swept.folder)

    again = Sweep(**keys_of(name)).run()

    assert {r.info.run_id: (r.info.status, r.data.metrics) for r in swept.runs()} == before
    assert again.champion == swept.result.champion
    assert again.frame.equals(swept.result.frame)
    assert len(swept.client.search_model_versions(f"name = 'flowers-{name}'")) == 1
    assert len(Path("mlruns/test_ledger.jsonl").read_text().splitlines()) == 1


def test_a_changed_space_is_refused(sweeps, monkeypatch):
    swept = sweeps("random")
    monkeypatch.chdir(swept.folder)

    with pytest.raises(SpecError, match=r"^space: must be as in the 5 trials"):
        Sweep(**{**keys_of("random"), "space": {"units": {"int": [4, 64]}}}).run()


def test_labels_drawn_by_lot_have_no_champion(here):
    lot = random.Random(0)
    rows = [f"{lot.random():.4f},{lot.random():.4f},{lot.choice('uv')}" for _ in range(300)]
    Path("lots.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")

    result = Sweep(
        name="lots",
        data={"source": "lots.csv", "target": "y"},
        space={"units": {"int": [4, 32]}},
        train={"epochs": 3},
        search={"trials": 3},
        baseline={"target_error": 0.1},
        select={"finalists": 2, "repeats": 2, "register": "lots"},
        tracking={"uri": "memory:"},
    ).run()

    assert result.champion is None
    assert "is not shown to beat the naive baseline" in result.outcome.because
    assert not Path("mlruns/test_ledger.jsonl").exists()


def test_a_build_that_always_fails_stops_the_sweep(here):
    Path("always_failing.py").write_text(
        "def build(hp):\n    raise ValueError('there is no network')\n", encoding="utf-8"
    )
    sweep = Sweep(**{**keys_of("optuna"), "model": "always_failing:build"})

    with pytest.raises(
        TrialError, match=r"#002: the first 3 trials failed.*ValueError: there is no network"
    ):
        sweep.run()

    stopped = Swept(folder=here, result=None)
    assert [run.info.status for run in stopped.runs("sweep")] == ["FAILED"]
    assert [run.info.status for run in stopped.runs("trial")] == ["FAILED"] * 3


ANY_TUNERS_MODEL = """
import keras


def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    with hp.name_scope("hidden"):
        model.add(keras.layers.Dense(hp.Int("units", 4, 16), activation="relu"))
        if hp.Boolean("norm"):
            model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.Dense(hp.Fixed("classes", 3)))
    kind = hp.Choice("kind", ["adam", "sgd"])
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    with hp.conditional_scope("kind", ["sgd"]):
        momentum = hp.Float("momentum", 0.5, 0.9)
    assert (momentum is not None) == ("momentum" in hp) == (kind == "sgd")
    adam = momentum is None
    optimizer = keras.optimizers.Adam(rate) if adam else keras.optimizers.SGD(rate, momentum)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss=loss)
    return model
"""


@pytest.mark.parametrize("name", ["optuna", "random"])
def test_a_build_for_keras_tuner_runs_under_each_engine(here, name):
    Path("any_tuners_model.py").write_text(ANY_TUNERS_MODEL, encoding="utf-8")
    keys = {**keys_of(name), "model": "any_tuners_model:build", "train": {"epochs": 2}}
    keys["search"]["start"] = [{"kind": "adam", "hidden/norm": True}, {"kind": "sgd"}]
    del keys["space"]

    result = Sweep(**keys).run()

    frame = result.frame.set_index("number").sort_index()
    assert set(frame["state"]) == {"complete"}
    assert set(frame["trainer"]) == {"compiled"}
    assert set(frame["params.classes"]) == {3}
    assert frame.loc[0, "params.hidden/norm"]
    assert frame["params.kind"].tolist()[:2] == ["adam", "sgd"]
    assert frame["params.momentum"].notna().equals(frame["params.kind"] == "sgd")
    runs = Swept(folder=here, result=result).runs("trial")
    units = {int(r.data.tags["sweepspot.number"]): r.data.params["hidden/units"] for r in runs}
    assert units == frame["params.hidden/units"].astype(str).to_dict()
    assert result.champion is not None


def test_the_same_build_runs_under_keras_tuner(here, monkeypatch):
    import keras_tuner
    from sklearn.datasets import load_iris

    Path("any_tuners_model.py").write_text(ANY_TUNERS_MODEL, encoding="utf-8")
    monkeypatch.syspath_prepend(here)
    build = importlib.import_module("any_tuners_model").build
    rows = load_iris()
    tuner = keras_tuner.RandomSearch(build, objective="val_loss", max_trials=2, seed=2)

    tuner.search(rows.data, rows.target, validation_split=0.2, epochs=1, verbose=0)

    points = [trial.hyperparameters.values for trial in tuner.oracle.get_best_trials(2)]
    assert sorted(point["kind"] for point in points) == ["adam", "sgd"]
    assert all(("momentum" in point) == (point["kind"] == "sgd") for point in points)


RUN = """
import json, sys
from sweepspot.sweep import Sweep
Sweep(**json.load(open("keys.json"))).run()
"""


def test_a_killed_sweep_ends_as_one_that_was_not(sweeps, here):
    Path("keys.json").write_text(json.dumps(keys_of("optuna")), encoding="utf-8")
    killed = subprocess.Popen([sys.executable, "-c", RUN], stderr=subprocess.PIPE)
    wait_for_results(Path("mlruns/optuna/journal.jsonl"), 2, killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    with Journal(Path("mlruns/optuna")) as journal:
        at_the_kill = len(journal.results)

    result = Sweep(**keys_of("optuna")).run()

    whole = sweeps("optuna").result
    now = Swept(folder=here, result=result)
    assert 2 <= at_the_kill < 5
    columns = ["number", "params.units", "params.learning_rate", "state"]
    assert result.frame[columns].equals(whole.frame[columns])
    assert result.frame["J_cv"].tolist() == pytest.approx(whole.frame["J_cv"].tolist(), abs=1e-6)
    assert result.champion.number == whole.champion.number
    assert len(now.runs("trial")) == 5
    assert {run.info.status for run in now.runs()} == {"FINISHED"}


def wait_for_results(path, count, process):
    end = time.monotonic() + 120
    while not path.exists() or path.read_text().count('"event":"result"') < count:
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < end, "no results in two minutes"
        time.sleep(0.01)
