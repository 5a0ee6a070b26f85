"""Where a sweep comes from: what may change between two runs of it, and what its page says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from sweepspot.datasets import load_dataset
from sweepspot.errors import SpecError
from sweepspot.journal import Journal
from sweepspot.provenance import as_yaml, check_fingerprint, plan
from sweepspot.space import Float
from sweepspot.spec import Data
from sweepspot.sweepfile import parse_spec

KEYS = {
    "name": "s",
    "data": {"source": "rows.npz"},
    "space": {"units": {"int": [4, 32]}, "activation": "relu"},
    "search": {"trials": 5},
    "train": {"epochs": 4},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.savez(folder / "rows.npz", X=rng.normal(size=(60, 3)), y=rng.integers(0, 2, 60))
    return load_dataset(Data(source="rows.npz"), task=None, folder=folder)


def check(folder, keys, dataset):
    with Journal(folder) as journal:
        check_fingerprint(parse_spec(keys), dataset, journal)
        return dict(journal.notes)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("space", {"space": {"units": {"int": [4, 64]}, "activation": "relu"}}),
        ("space", {"space": {"units": {"int": [4, 32]}, "activation": "tanh"}}),
        ("data.split", {"data": {"source": "rows.npz", "split": {"seed": 1}}}),
        ("model", {"model": "my.models:build"}),
        ("train", {"train": {"epochs": 5}}),
        ("search", {"search": {"trials": 5, "seed": 1}}),
        ("search", {"search": {"trials": 5, "sampler": "random"}}),
    ],
)
def test_a_part_that_trials_depend_on_may_not_change(tmp_path, dataset, part, change):
    check(tmp_path, KEYS, dataset)

    with pytest.raises(SpecError, match=f"^{part}: must be as in the 0 trials.*--fresh"):
        check(tmp_path, {**KEYS, **change}, dataset)


def test_other_rows_are_refused(tmp_path, dataset):
    check(tmp_path, KEYS, dataset)

    with pytest.raises(SpecError, match=r"^data: must be as in"):
        check(tmp_path, KEYS, replace(dataset, digest="other"))


def test_every_changed_part_is_named(tmp_path, dataset):
    check(tmp_path, KEYS, dataset)

    with pytest.raises(SpecError, match=r"^space, train: must be"):
        check(tmp_path, {**KEYS, "space": {"units": 8}, "train": {"epochs": 9}}, dataset)


@pytest.mark.parametrize(
    "change",
    [
        {"search": {"trials": 50}},
        {"search": {"trials": 5, "timeout": "1h"}},
        {"select": {"finalists": 1, "register": "flowers"}},
        {"baseline": {"target_error": 0.1}},
        {"tracking": {"experiment": "elsewhere"}},
    ],
)
def test_what_leaves_the_trials_as_they_are_may_change(tmp_path, dataset, change):
    before = check(tmp_path, KEYS, dataset)

    after = check(tmp_path, {**KEYS, **change}, dataset)

    assert after == before


def test_each_journal_is_a_sweep_of_its_own(tmp_path, dataset):
    first = check(tmp_path / "a", KEYS, dataset)
    second = check(tmp_path / "b", KEYS, dataset)

    assert first["sweep_id"] != second["sweep_id"]
    assert first["fingerprint"] == second["fingerprint"]


def test_python_is_written_as_a_sweep_file():
    keys = {
        **KEYS,
        "space": {"l2": Float(1e-6, 1e-2, log=True), "layers": {"int": [1, 3]}, "units": 8},
        "select": {"register": "flowers"},
        "task": "multiclass",
    }
    spec = parse_spec(keys)

    written = yaml.safe_load(as_yaml(spec))

    assert parse_spec(written) == spec
    assert written["space"]["l2"] == {"float": [1e-6, 1e-2], "log": True}
    assert "baseline" not in written


def test_the_plan_says_what_the_sweep_is(tmp_path, dataset, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("s.yaml").write_text(json.dumps(KEYS), encoding="utf-8")
    spec = parse_spec(KEYS)
    with Journal(folder / "mlruns" / "s") as journal:
        check_fingerprint(spec, dataset, journal)
        made = plan(spec, Path("s.yaml"), dataset, journal)
        sweep_id = journal.notes["sweep_id"]

    assert (made.sweep, made.experiment) == ("s", "project")
    assert made.params["trials"] == "5"
    assert made.tags["sweepspot.sweep_id"] == sweep_id
    assert made.tags["version.keras"].startswith("3.")
    assert "mlflow.source.git.commit" not in made.tags
    assert made.files == {"sweep.yaml": json.dumps(KEYS)}
    assert "- **search**: 5 trials, optuna tpe, seed 0" in made.description
    assert made.dataset["rows"] == 60


def test_an_experiment_may_be_named(tmp_path, dataset):
    spec = parse_spec({**KEYS, "tracking": {"experiment": "flowers"}})
    with Journal(tmp_path) as journal:
        check_fingerprint(spec, dataset, journal)
        made = plan(spec, None, dataset, journal)

    assert made.experiment == "flowers"
    assert yaml.safe_load(made.files["sweep.yaml"])["tracking"] == {"experiment": "flowers"}
