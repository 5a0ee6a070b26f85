"""Champions that reign and challengers that come, in whole small sweeps with a real registry."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest

from sweepspot.cli import main
from sweepspot.crowning import Baselines, Crowning
from sweepspot.datasets import load_dataset
from sweepspot.datasets.baselines import naive
from sweepspot.errors import TrackingError
from sweepspot.journal import Journal
from sweepspot.judging import Judge
from sweepspot.ledger import TestLedger
from sweepspot.protocols import Model, Reigning
from sweepspot.sweep import Sweep
from sweepspot.trial import State

pytestmark = [
    pytest.mark.tf,
    pytest.mark.slow,
    # TensorFlow and MLflow warn about one another, none of it ours.
    pytest.mark.filterwarnings("ignore"),
]

WEAK, STRONG = 1, 12
"""Epochs after which a network on the digits is far from good, and good."""


def keys_of(name, epochs, **changed):
    keys = {
        "name": name,
        "data": {"source": "sklearn:digits"},
        "space": {"units": {"int": [24, 32]}, "learning_rate": 3e-3},
        "train": {"epochs": epochs},
        "search": {"trials": 2, "sampler": "random"},
        "baseline": {"target_J": 100.0},
        "select": {"finalists": 1, "repeats": 1, "register": "scans"},
    }
    return {**keys, **changed}


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    from mlflow import MlflowClient

    import sweepspot.tracking  # noqa: F401 - quiets MLflow before it is imported

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory, empty_database):
    """A project in which a weak champion was registered, and replaced by a strong one."""
    folder = tmp_path_factory.mktemp("run") / "project"
    (folder / "mlruns").mkdir(parents=True)
    copy(empty_database, folder / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        first = Sweep(**keys_of("weak", WEAK)).run()
        second = Sweep(**keys_of("strong", STRONG)).run()
        yield {"weak": first, "strong": second}


@pytest.fixture
def client():
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri="sqlite:///mlruns/mlflow.db")


def openings():
    return len(Path("mlruns/test_ledger.jsonl").read_text(encoding="utf-8").splitlines())


def sentences(text):
    return len(re.findall(r"[.](?= [A-Z#]|$)", text))


def test_the_first_champion_is_promoted(project):
    outcome = project["weak"].outcome

    assert outcome.status == "promoted"
    assert outcome.reigning == "scans/1"
    assert outcome.comparison is None
    assert sentences(outcome.because) == 2


def test_a_challenger_shown_to_be_better_takes_its_place(project, client):
    outcome = project["strong"].outcome

    version = client.get_model_version_by_alias("scans", "champion")
    assert (outcome.status, outcome.reigning) == ("promoted", "scans/2")
    assert str(version.version) == "2"
    assert outcome.comparison.high < 0
    assert outcome.comparison.same_test is True
    assert outcome.comparison.confidence == 0.975
    assert version.tags["sweepspot.replaced"] == "scans/1"
    assert version.tags["sweepspot.test_openings"] == "2"
    assert sentences(outcome.because) == 2


def test_the_comparison_is_of_the_losses_that_were_measured(project):
    weak, strong = project["weak"].champion, project["strong"]
    comparison = strong.outcome.comparison

    # Through the saved models and raw rows, and from the networks: float32 answers.
    assert comparison.J_reigning == pytest.approx(weak.J_test, rel=1e-4)
    assert comparison.J_challenger == pytest.approx(strong.champion.J_test, rel=1e-4)


def test_a_challenger_that_is_not_better_is_kept_out(project, client):
    result = Sweep(**keys_of("late", WEAK, search={"trials": 2, "seed": 3})).run()

    again = Sweep(**keys_of("late", WEAK, search={"trials": 2, "seed": 3})).run()

    assert result.outcome.status == again.outcome.status == "kept"
    assert result.outcome.reigning == "scans/2"
    assert result.champion.registered is None
    assert "The champion stays scans/2" in result.outcome.because
    assert sentences(result.outcome.because) == 2
    assert again.outcome.comparison == result.outcome.comparison
    assert len(client.search_model_versions("name = 'scans'")) == 2
    assert result.model == result.to_json()["model"] == "models:/scans@champion"
    assert Path(result.to_json()["champion"]["folder"], "champion.keras").exists()


def test_a_champion_that_reigns_already_is_left_alone(project, client):
    before = openings()

    again = Sweep(**keys_of("strong", STRONG)).run()

    assert again.outcome.status == "promoted"
    assert "already" in again.outcome.because
    assert again.outcome.comparison == project["strong"].outcome.comparison
    assert openings() == before
    assert len(client.search_model_versions("name = 'scans'")) == 2


def test_a_champion_that_was_replaced_stays_replaced(project, client):
    again = Sweep(**keys_of("weak", WEAK)).run()

    assert again.outcome.status == "kept"
    assert "has taken the place of scans/1" in again.outcome.because
    assert str(client.get_model_version_by_alias("scans", "champion").version) == "2"


def test_a_champion_of_other_test_rows_is_said_to_be_favoured(project):
    other = {"source": "sklearn:digits", "split": {"seed": 1}}

    result = Sweep(**keys_of("elsewhere", WEAK, data=other)).run()

    assert result.outcome.status == "kept"
    assert result.outcome.comparison.same_test is False
    assert "may have trained on these, which favours it" in result.outcome.because


def test_a_champion_of_another_task_is_kept_with_the_remedy(project):
    flowers = keys_of("flowers", STRONG, data={"source": "sklearn:iris"})

    result = Sweep(**flowers).run()

    assert result.outcome.status == "kept"
    assert result.outcome.comparison is None
    assert "could not be compared" in result.outcome.because
    assert "remove the alias champion from scans" in result.outcome.because


def test_the_outcome_is_on_disk_and_on_the_run(project, client):
    result = project["strong"]

    told = json.loads(Path("mlruns/strong/outcome.json").read_text(encoding="utf-8"))
    (parent,) = client.search_runs(
        [e.experiment_id for e in client.search_experiments()],
        "tags.`sweepspot.kind` = 'sweep' AND tags.`sweepspot.sweep` = 'strong'",
    )
    assert told["outcome"] == parent.data.tags["sweepspot.outcome"] == "promoted"
    # The last run of it found the champion reigning, and said so.
    assert told["because"] == parent.data.tags["sweepspot.champion_reason"]
    assert told["model"] == "models:/scans@champion"
    assert told["champion"]["number"] == result.champion.number
    assert "unsent" not in told
    assert result.to_json()["unsent"] == 0
    assert told["comparison"]["reigning"] == "scans/1"
    assert told["findings"] == [limit.to_json() for limit in result.findings]


def run_command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["sweepspot", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, capsys.readouterr().out


def write(keys):
    path = Path(f"{keys['name']}.json.yaml")
    path.write_text(json.dumps(keys), encoding="utf-8")
    return str(path)


def test_the_gate_of_select_ends_with_4_where_the_champion_is_kept(project, monkeypatch, capsys):
    weak, strong = write(keys_of("weak", WEAK)), write(keys_of("strong", STRONG))

    kept, out = run_command(monkeypatch, capsys, "select", weak, "--gate", "--json")
    without, _ = run_command(monkeypatch, capsys, "select", weak, "--quiet")
    promoted, _ = run_command(monkeypatch, capsys, "select", strong, "--gate", "--json")

    assert json.loads(out)["outcome"] == "kept"
    assert (kept, without, promoted) == (4, 0, 0)


def test_select_wants_a_sweep_that_was_run(project, monkeypatch, capsys):
    code, _ = run_command(monkeypatch, capsys, "select", write(keys_of("never", WEAK)))

    assert code == 2


def test_select_adds_no_trial_and_opens_the_test_split_for_a_new_candidate(project):
    before = openings()
    keys = keys_of("strong", STRONG, search={"trials": 9, "sampler": "random"})
    select: Mapping[str, object] = {
        "finalists": 1,
        "repeats": 1,
        "refit": "all",
        "cost": "inference_time",
    }

    result = Sweep(**{**keys, "select": select}).select()
    again = Sweep(**{**keys, "select": select}).select()

    assert len(result.frame) == 2
    assert result.outcome.status == "selected"
    assert result.champion.refit == "all"
    assert result.champion.weights != project["strong"].champion.weights
    assert result.champion.latency_s > 0
    assert openings() == before + 1
    assert again.champion == result.champion


def test_a_refit_takes_as_many_gradient_steps_as_the_repeat(project):
    import numpy as np

    keys = keys_of("refitted", 5)
    keys["select"] = {"finalists": 1, "repeats": 1, "refit": "all"}

    result = Sweep(**keys).run()

    with Journal(Path("mlruns/refitted")) as journal:
        repeat = journal.repeats[result.champion.number, 1]
    (path,) = Path("mlruns/refitted/weights").glob("*-all.npz")
    # 1,797 rows: 1,079 train and 359 cv; 34 steps of an epoch on train. Adam counts its own.
    with np.load(path) as arrays:
        assert int(arrays["optimizer_0"]) == 34 * repeat.best_epoch


def test_the_model_is_told_by_its_own_number_after_a_repeat_that_diverged(project):
    keys = keys_of("gap", WEAK, select={"finalists": 1, "repeats": 3})
    number = Sweep(**keys).run().champion.number
    with Journal(Path("mlruns/gap")) as journal:
        diverged = replace(journal.repeats[number, 1], state=State.FAILED, J_cv=None)
        journal.result(diverged)

    result = Sweep(**keys).select()

    better = min((2, 3), key=lambda k: repeat_J("gap", number, k))
    assert result.champion.repeat == result.outcome.selection.repeat == better
    assert f"The model is repeat {better} of #{number:03d}" in result.report.read_text()


def repeat_J(name, number, repeat):
    with Journal(Path("mlruns", name)) as journal:
        return journal.repeats[number, repeat].J_cv


class AwayStore:
    """A registry that does not answer."""

    def record(self, result, name):
        pass

    def register(self, model, number):
        raise TrackingError("the store does not answer")

    def reigning(self, name):
        raise TrackingError("the store does not answer")


def crown_weak(store, register):
    """Choose the champion of the weak sweep once more, with a registry of the test's own."""
    keys = keys_of("weak", WEAK)
    spec = Sweep(**{**keys, "select": {**keys["select"], "register": register}}).spec
    dataset = load_dataset(spec.data, task=None, folder=Path())
    constant = naive(dataset.training)
    with Journal(Path("mlruns/weak")) as journal:
        judge = Judge(spec, J_naive=constant.J_cv, algorithm=None, losses=journal.losses)
        return Crowning(
            spec,
            dataset,
            journal,
            baselines=Baselines(naive=constant.cv_losses),
            ledger=TestLedger(Path("mlruns/test_ledger.jsonl")),
            store=store,
            say=lambda text: None,
        ).run(lambda: pytest.fail("nothing is left to train"), judge.all(journal.results.values()))


@pytest.mark.parametrize(
    ("register", "status", "warning"),
    [("scans", "promoted", "was not asked"), ("others", "selected", "saved but not registered")],
)
def test_a_registry_that_is_away_loses_nothing(project, register, status, warning):
    before = openings()

    outcome = crown_weak(AwayStore(), register)

    assert outcome.status == status
    assert warning in outcome.warning
    assert sentences(outcome.because) == 2
    assert Path(outcome.champion.folder, "champion.keras").exists()
    assert openings() == before


class OtherStore(AwayStore):
    """A registry in which another model reigns."""

    def __init__(self, load):
        self.load = load

    def reigning(self, name):
        return Reigning(version="7", tags={}, load=self.load)


def does_not_load():
    raise RuntimeError("made with another version")


DIGITS = {"task": "multiclass", "labels": list(range(10))}


def answers_with(found):
    return lambda: Model(answer=lambda rows: found(len(rows)), target=DIGITS)


@pytest.mark.parametrize(
    ("load", "problem"),
    [
        (does_not_load, "made with another version"),
        (answers_with(lambda n: 1 / 0), "division by zero"),
        (answers_with(lambda n: ["three"] * n), "could not convert"),
    ],
)
def test_whatever_a_reigning_model_raises_leaves_it_reigning(project, load, problem):
    outcome = crown_weak(OtherStore(load), "others")

    assert outcome.status == "kept"
    assert outcome.reigning == "others/7"
    assert problem in outcome.because


def test_what_goes_wrong_with_our_own_model_is_not_blamed_on_the_reigning_one(project):
    saved = Path("mlruns/weak/champion/champion.keras")
    whole = saved.read_bytes()
    saved.write_bytes(b"not a network")

    try:
        with pytest.raises(Exception, match=r"champion\.keras"):
            crown_weak(OtherStore(does_not_load), "others")
    finally:
        saved.write_bytes(whole)


def test_a_missed_target_has_no_champion_until_the_gate_is_opened(project):
    keys = keys_of("missing", WEAK, baseline={"target_J": 1e-6})
    before = openings()

    stopped = Sweep(**keys).run()
    unopened = openings()
    keys["select"] = {**keys["select"], "gates": [], "register": "others"}
    let_in = Sweep(**keys).select()

    assert (stopped.outcome.status, stopped.champion) == ("none", None)
    assert "shown to miss target_J" in stopped.outcome.because
    assert sentences(stopped.outcome.because) == 2
    assert unopened == before
    assert let_in.outcome.status == "promoted"
