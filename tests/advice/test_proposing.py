import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planting import EPOCHS, declare, diagnosed, plant
from test_changes import BEST, advice, found

from sweepspot.advice import advise, propose
from sweepspot.advice.proposing import next_name
from sweepspot.diagnosis import Status
from sweepspot.space import Int
from sweepspot.sweepfile import read_spec

FILE = """\
# My sweep.
name: planted
data: {source: "sklearn:digits"}
space:
  units:         {int: [16, 256], log: true}   # wide enough?
  learning_rate: {float: [1e-4, 1e-1], log: true}
  dropout:       {float: [0.0, 0.5]}
train: {epochs: 10}
select: {finalists: 2}   # enough
"""


def read(text, folder):
    path = folder / "next.yaml"
    path.write_text(text)
    return read_spec(path)


@pytest.fixture
def spec(tmp_path):
    return read(FILE, tmp_path)


def test_the_file_says_each_change_and_why_above_its_line(spec):
    proposal = propose(spec, advice(found("D201", "units", "high")), text=FILE)

    assert proposal.text == (
        "# My sweep.\n"
        "# sweepspot: 1 change after planted (40 trials), for what limited it.\n"
        "# sweepspot: search.start holds the best points of planted.\n"
        "name: planted-2\n"
        'data: {source: "sklearn:digits"}\n'
        "space:\n"
        "  # sweepspot: units: upper edge 256 -> 768  (D201 it: so)\n"
        "  units:         {int: [16, 768], log: true}   # wide enough?\n"
        "  learning_rate: {float: [1e-4, 1e-1], log: true}\n"
        "  dropout:       {float: [0.0, 0.5]}\n"
        "train: {epochs: 10}\n"
        "select: {finalists: 2}   # enough\n"
        "search: {start: [\n"
        "    {units: 128, learning_rate: 0.001, dropout: 0.25}]}\n"
    )


def test_the_file_reads_as_the_proposed_sweep(spec, tmp_path):
    findings = (
        found("D201", "units", "high"),
        found("D204"),
        found("D206", "learning_rate", "high", value=0.02),
        found("D208", "dropout", value=0.25),
    )

    proposal = propose(spec, advice(*findings), text=FILE)

    again = read(proposal.text, tmp_path)
    assert again.model_dump() == proposal.spec.model_dump()
    assert again.train.epochs == 3 * EPOCHS
    assert again.space["dropout"] == 0.25
    assert again.search.start == ({"units": 128, "learning_rate": 0.001},)
    assert again.select == spec.select
    assert [change.key for change in proposal.changes] == [
        "space.units",
        "space.learning_rate",
        "space.dropout",
        "train.epochs",
    ]
    assert "each for what limited it" in proposal.because


def test_the_next_proposal_replaces_the_comments_of_the_last(spec, tmp_path):
    first = propose(spec, advice(found("D201", "units", "high")), text=FILE)

    second = propose(first.spec, advice(found("D201", "units", "high")), text=first.text)

    assert "256 ->" not in second.text
    assert "768 -> 2304" in second.text
    assert read(second.text, tmp_path).name == "planted-3"


def test_what_was_seen_without_a_change_is_told(spec):
    proposal = propose(spec, advice(found("D209"), found("D207", "units")), text=FILE)

    assert "# sweepspot: also seen: D209 it: so.\n" in proposal.text
    assert "D207" not in proposal.text


def test_nothing_to_change_is_said(spec):
    proposal = propose(spec, advice())

    assert proposal.changes == ()
    assert (
        proposal.because == "nothing to change: nothing found in planted (40 trials) "
        "asks for another space"
    )
    assert proposal.because in proposal.text
    assert proposal.spec.space == spec.space


def test_a_sweep_that_failed_altogether_says_so(tmp_path):
    facts = plant(lambda u: 1.0, fails=lambda u: True)
    given_ = advise(facts.spec, facts.results, facts.diagnosis, repeats={})

    proposal = propose(facts.spec, given_)

    assert proposal.changes == ()
    assert "no trial of planted (40 trials) can be compared" in proposal.because
    assert "D205" in proposal.text.replace("\n# sweepspot:   ", " ")
    assert read(proposal.text, tmp_path).search.start == ()


def test_of_anchors_the_file_is_written_anew(tmp_path):
    text = (
        "name: planted\ndata: {source: 'sklearn:digits'}\n"
        "space:\n  units_1: &width {int: [16, 256], log: true}\n  units_2: *width\n"
    )
    spec = read(text, tmp_path)
    best = {"units_1": 200, "units_2": 20}

    proposal = propose(spec, advice(found("D201", "units_1", "high"), best=(best,)), text=text)

    again = read(proposal.text, tmp_path)
    assert again.space == {"units_1": Int(16, 768, log=True), "units_2": Int(16, 256, log=True)}


def test_a_text_that_is_of_another_sweep_is_not_used(spec, tmp_path):
    proposal = propose(spec, advice(), text="name: other\nspaces: {}\n")

    assert read(proposal.text, tmp_path).model_dump() == proposal.spec.model_dump()


def test_a_data_file_is_named_from_where_the_proposal_lies(spec):
    proposal = propose(spec, advice(), text=FILE, source="../houses.csv")

    assert 'source: "../houses.csv"' in proposal.text
    assert proposal.spec.data.source == "../houses.csv"


def test_equal_points_are_started_from_once(spec):
    near = {**BEST, "dropout": 0.3}

    proposal = propose(spec, advice(found("D208", "dropout", value=0.25), best=(BEST, near)))

    assert proposal.spec.search.start == ({"units": 128, "learning_rate": 0.001},)


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("digits", (), "digits-2"),
        ("digits", ("digits-2", "digits-3"), "digits-4"),
        ("digits-9", (), "digits-10"),
        ("cifar-10", (), "cifar-10-2"),
        ("x" * 100, (), "x" * 90 + "-2"),
    ],
)
def test_the_next_name_is_free(name, taken, expected):
    assert next_name(name, taken) == expected


def test_records_become_json(spec):
    given_ = advice(found("D201", "units", "high", edge=256.0))
    proposal = propose(spec, given_)

    assert json.loads(json.dumps(given_.to_json()))["findings"][0]["status"] == "present"
    assert json.loads(json.dumps(proposal.to_json()))["changes"][0]["code"] == "D201"
    assert [f.status for f in given_.present] == [Status.PRESENT]


SPACES = st.fixed_dictionaries(
    {"units": st.just({"int": [16, 256], "log": True})},
    optional={
        "learning_rate": st.just({"float": [1e-4, 1e-1], "log": True}),
        "dropout": st.just({"float": [0.0, 0.5], "step": 0.1}),
        "layers": st.just({"int": [1, 3]}),
        "optimizer": st.just({"choice": ["adam", "sgd"]}),
        "activation": st.just("relu"),
    },
)


@given(
    space=SPACES,
    target=st.floats(-0.5, 1.5),
    limit=st.floats(0.5, 1.2),
    n=st.sampled_from([0, 3, 15]),
    seed=st.integers(0, 99),
)
def test_any_proposal_reads_and_moves_as_it_says(space, target, limit, n, seed, tmp_path_factory):
    def J(u):
        return sum((place - target) ** 2 for place in u.values())

    def fails(u):
        return u.get("learning_rate", 0) > limit

    facts = plant(J, n=n, space=space, fails=fails, seed=seed, diagnosis=diagnosed())
    given_ = advise(facts.spec, facts.results, facts.diagnosis, repeats={})

    proposal = propose(facts.spec, given_)

    again = read(proposal.text, tmp_path_factory.mktemp("p"))
    assert again.model_dump() == proposal.spec.model_dump()
    changed = {change.key.removeprefix("space.") for change in proposal.changes}
    assert {k for k in space if again.space[k] != facts.spec.space[k]} == changed - {"train.epochs"}
    for change in proposal.changes:
        before, after = facts.spec.space[change.key[6:]], again.space[change.key[6:]]
        if change.code == "D201":
            assert after.low < before.low or after.high > before.high
        if change.code == "D206" and isinstance(after, type(before)) and hasattr(after, "low"):
            assert after.low > before.low or after.high < before.high


def test_the_digits_sweep_can_be_followed(tmp_path):
    file = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
    spec = read_spec(file)
    text = file.read_text()

    proposal = propose(spec, advice(found("D201", "units", "high")), text=text)

    # Edited in place: all other lines are there still.
    lost = set(text.splitlines()) - set(proposal.text.splitlines())
    assert {line.split(":")[0].strip() for line in lost} == {"name", "units", "search"}
    assert read(proposal.text, tmp_path).search.trials == spec.search.trials


def test_a_declaration_of_defaults_is_enough(tmp_path):
    spec = declare({"units": {"int": [16, 256], "log": True}})

    proposal = propose(spec, advice(found("D201", "units", "high"), best=({"units": 250},)))

    assert read(proposal.text, tmp_path).search.start == ({"units": 250},)
