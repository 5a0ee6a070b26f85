import json
from dataclasses import replace

import numpy as np
import pytest
from planting import plant

from sweepspot.advice import load_sweep, next_sweep
from sweepspot.errors import SpecError
from sweepspot.journal import Journal
from sweepspot.trial import Losses

FILE = """\
name: planted
data: {source: "sklearn:digits"}
space:
  units:         {int: [16, 256], log: true}
  learning_rate: {float: [1e-4, 1e-1], log: true}
  dropout:       {float: [0.0, 0.5]}
train: {epochs: 10}
"""
KEYS = {
    "name": "planted",
    "data": {"source": "sklearn:digits"},
    "space": {
        "units": {"int": [16, 256], "log": True},
        "learning_rate": {"float": [1e-4, 1e-1], "log": True},
        "dropout": {"float": [0.0, 0.5]},
    },
    "train": {"epochs": 10},
}


def with_losses(result, seed):
    hard = np.random.default_rng(0).exponential(size=(2, 100))
    jitter = np.random.default_rng(seed).uniform(0.95, 1.05, size=(2, 100))
    train, cv = (hard * jitter * result.J_cv).astype(np.float32)
    return replace(result, losses=Losses(train=train, cv=cv, train_errors=train, cv_errors=cv))


@pytest.fixture
def swept(tmp_path):
    """Return a sweep file and its home, with forty trials that want more units."""
    file, home = tmp_path / "sweeps" / "planted.yaml", tmp_path / "mlruns"
    file.parent.mkdir()
    file.write_text(FILE)
    facts = plant(lambda u: 0.2 + (u["units"] - 1.3) ** 2, n=40)
    with Journal(home / "planted") as journal:
        for number, result in facts.results.items():
            journal.ask(result.trial)
            journal.result(with_losses(result, number))
        repeat = replace(facts.results[0], trial=replace(facts.results[0].trial, repeat=1))
        journal.result(repeat)
        journal.note("naive", {"J_cv": 5.0, "J_train": 5.0, "error_cv": 0.9})
        journal.note("spec", KEYS)
    return file, home


def test_a_sweep_is_read_while_its_driver_holds_the_lock(swept):
    file, home = swept

    with Journal(home / "planted") as journal:
        found = load_sweep(file, home)

        assert found.results == journal.results
        assert found.repeats == journal.repeats
        assert found.notes == journal.notes
        losses = found.losses(found.results[3])

    assert losses.cv.shape == (100,)
    assert found.losses(found.repeats[0, 1]) is None


def test_reading_changes_nothing_and_skips_a_torn_line(swept):
    file, home = swept
    path = home / "planted" / "journal.jsonl"
    torn = path.read_bytes() + b'{"event":"result","res'
    path.write_bytes(torn)

    found = load_sweep(file, home)

    assert len(found.results) == 40
    assert path.read_bytes() == torn


def test_the_folder_alone_is_enough_with_a_declaration(swept):
    file, home = swept

    assert (
        load_sweep(home / "planted").spec.model_dump() == load_sweep(file, home).spec.model_dump()
    )


def test_the_next_sweep_follows_from_what_is_remembered(swept):
    file, home = swept

    proposal = next_sweep(file, home)

    assert proposal.spec.name == "planted-2"
    assert "units: upper edge 256 -> 768" in {change.text for change in proposal.changes}
    assert proposal.text.startswith("# sweepspot: ")


def test_a_name_that_is_taken_is_passed_over(swept):
    _, home = swept
    (home / "planted-2").mkdir()

    assert next_sweep(home / "planted", home).spec.name == "planted-3"


def test_a_competing_algorithm_is_heard(swept):
    file, home = swept
    with Journal(home / "planted") as journal:
        journal.note("algorithm", [0.001, 0.01])

    proposal = next_sweep(file, home)

    assert "D202" in proposal.text or "D203" in proposal.text


@pytest.mark.parametrize(
    ("source", "into", "expected"),
    [
        ("houses.csv", "other", "../sweeps/houses.csv"),
        ("houses.csv", "sweeps", "houses.csv"),
        ("/data/houses.csv", "other", "/data/houses.csv"),
        ("sklearn:digits", "other", "sklearn:digits"),
    ],
)
def test_a_data_file_is_found_from_another_folder(swept, source, into, expected):
    file, home = swept
    file.write_text(FILE.replace("sklearn:digits", source))

    proposal = next_sweep(file, home, into=file.parents[1] / into)

    assert proposal.spec.data.source == expected


def test_a_sweep_that_never_ran_is_refused(swept, tmp_path):
    file, _ = swept

    with pytest.raises(SpecError, match="must be the journal of a sweep that ran"):
        load_sweep(file, tmp_path / "nowhere")


def test_a_file_of_another_space_is_refused(swept):
    file, home = swept
    file.write_text(FILE.replace("[16, 256]", "[16, 32]"))

    with pytest.raises(SpecError, match="must declare the space that trial #"):
        load_sweep(file, home)


def test_a_folder_without_a_declaration_is_refused(tmp_path):
    with Journal(tmp_path / "bare"):
        pass

    with pytest.raises(SpecError, match="holds no declaration; name the sweep file"):
        load_sweep(tmp_path / "bare")


def test_without_the_naive_baseline_nothing_is_advised(swept):
    file, home = swept
    path = home / "planted" / "journal.jsonl"
    lines = [x for x in path.read_text().splitlines() if json.loads(x).get("name") != "naive"]
    path.write_text("\n".join(lines) + "\n")

    with pytest.raises(SpecError, match="no naive baseline yet"):
        next_sweep(file, home)


def test_a_broken_line_is_named(swept):
    file, home = swept
    path = home / "planted" / "journal.jsonl"
    path.write_text("nonsense\n" + path.read_text())

    with pytest.raises(SpecError, match=r"journal.jsonl:1: must be a line of a journal"):
        load_sweep(file, home)
