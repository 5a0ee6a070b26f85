import errno
import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweepspot.errors import SweepspotError
from sweepspot.journal import Journal, locked
from sweepspot.trial import (
    Curve,
    Losses,
    State,
    Trial,
    TrialResult,
    result_from_json,
    result_to_json,
    trial_from_json,
    trial_seed,
    trial_to_json,
)

values = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
Js = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def trials(draw):
    return Trial(
        number=draw(st.integers(0, 10**6)),
        params=draw(st.dictionaries(st.text(), values, max_size=4)),
        seed=draw(st.integers(0, 2**31)),
        epochs=draw(st.integers(1, 100)),
        continues=draw(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9))),
        keeps_weights=draw(st.booleans()),
        repeat=draw(st.integers(0, 5)),
    )


@st.composite
def results(draw):
    return TrialResult(
        trial=draw(trials()),
        state=draw(st.sampled_from(State)),
        reason=draw(st.none() | st.text()),
        J_train=draw(st.none() | Js),
        J_cv=draw(st.none() | Js),
        n_weights=draw(st.integers(0, 10**9)),
        curve=Curve(
            J_train=tuple(draw(st.lists(Js, max_size=4))),
            J_cv=tuple(draw(st.lists(Js, max_size=4))),
            first_epoch=draw(st.integers(0, 5)),
        ),
        weights=draw(st.none() | st.text()),
    )


def a_trial(number, repeat=0):
    return Trial(number=number, params={"units": 8}, seed=1, epochs=3, repeat=repeat)


def a_result(number, repeat=0, losses=None):
    return TrialResult(
        trial=a_trial(number, repeat), state=State.COMPLETE, J_train=0.1, J_cv=0.2, losses=losses
    )


def test_stored_losses_are_those_that_were_written(tmp_path):
    rng = np.random.default_rng(0)
    sizes = {"train": 31, "cv": 17, "train_errors": 31, "cv_errors": 17}
    losses = Losses(**{k: rng.random(n).astype(np.float32) for k, n in sizes.items()})
    with Journal(tmp_path / "s") as journal:
        journal.result(a_result(0, losses=losses))

        stored = journal.stored_losses(journal.results[0])

        for name, n_rows in sizes.items():
            rows, written = getattr(stored, name), getattr(losses, name)
            assert np.array_equal(np.asarray(rows), written)
            assert np.asarray(rows, np.float64).dtype == np.float64
            assert (len(rows), np.shape(rows)) == (n_rows, (n_rows,))
            assert np.array_equal(rows[::3], written[::3])
            # Nothing of it is kept in memory.
            assert not any(isinstance(getattr(rows, f), np.ndarray) for f in rows.__slots__)


def test_a_result_without_losses_has_none_stored(tmp_path):
    with Journal(tmp_path / "s") as journal:
        journal.result(a_result(0))

        assert journal.stored_losses(journal.results[0]) is None


@settings(deadline=None)
@given(results())
def test_results_survive_json(result):
    text = json.dumps(result_to_json(result), allow_nan=False)

    again = result_from_json(json.loads(text))

    # NaN is not equal to itself, so the records are compared.
    assert result_to_json(again) == result_to_json(result)
    assert again.trial == result.trial


@given(trials())
def test_trials_survive_json(trial):
    assert trial_from_json(json.loads(json.dumps(trial_to_json(trial)))) == trial


def test_what_was_written_is_read_back(tmp_path):
    losses = Losses(
        train=np.ones(4, np.float32),
        cv=np.zeros(3, np.float32),
        train_errors=np.ones(4, np.float32),
        cv_errors=np.zeros(3, np.float32),
    )
    with Journal(tmp_path / "s") as journal:
        journal.ask(a_trial(0))
        journal.result(a_result(0, losses=losses))
        journal.ask(a_trial(1))
        journal.result(a_result(0, repeat=2))
        journal.note("champion", {"number": 0})
        journal.note("champion", {"number": 1})

    with Journal(tmp_path / "s") as journal:
        assert journal.results == {0: a_result(0)}
        assert journal.repeats == {(0, 2): a_result(0, repeat=2)}
        assert journal.in_flight == [a_trial(1)]
        assert journal.notes == {"champion": {"number": 1}}
        kept = journal.losses(journal.results[0])
        assert np.array_equal(kept.train, losses.train)
        assert journal.losses(journal.repeats[0, 2]) is None


@pytest.mark.parametrize("torn", [b'{"event":"ask","tri', b"{", b'{"event":"note"}'])
def test_a_torn_last_line_is_cut_off(tmp_path, torn):
    with Journal(tmp_path) as journal:
        journal.ask(a_trial(0))
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(torn)

    with Journal(tmp_path) as journal:
        journal.result(a_result(0))

    with Journal(tmp_path) as journal:
        assert journal.results.keys() == {0}
        assert journal.in_flight == []


@pytest.mark.parametrize(
    "line", [b'{"event":"ask"}', b'{"event":"ask","trial":[]}', b"[]", b"3", b"", b"\xff"]
)
def test_a_broken_line_in_the_middle_is_named(tmp_path, line):
    (tmp_path / "journal.jsonl").write_bytes(line + b"\n")

    with pytest.raises(SweepspotError, match=r"journal.jsonl:1: must be a line of a journal"):
        Journal(tmp_path)


def test_one_driver_at_a_time(tmp_path):
    with Journal(tmp_path), pytest.raises(SweepspotError, match="another one is running"):
        Journal(tmp_path)


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)

    with pytest.raises(SweepspotError, match=r"that can lock a file .*No locks available; run in"):
        Journal(tmp_path)


def test_a_broken_journal_can_be_locked(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b"nonsense\n")

    with locked(tmp_path), pytest.raises(SweepspotError, match="another one is running"):
        Journal(tmp_path)

    assert (tmp_path / "journal.jsonl").read_bytes() == b"nonsense\n"


def test_no_journal_is_locked_while_a_driver_holds_it(tmp_path):
    with (
        Journal(tmp_path),
        pytest.raises(SweepspotError, match="another one is running"),
        locked(tmp_path),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SweepspotError, match="must be writable"):
        Journal(tmp_path / "file" / "sweep")


def test_a_full_disk_is_named(tmp_path):
    journal = Journal(tmp_path)
    journal.close()

    # Buffered as the real one is, so that closing it tries the line again.
    with (
        Path("/dev/full").open("ab") as journal._file,
        journal,
        pytest.raises(SweepspotError, match="make room"),
    ):
        journal.ask(a_trial(0))

    assert journal.asked == {}


def test_losses_that_cannot_be_written_are_named(tmp_path):
    (tmp_path / "losses").write_text("in the way")
    losses = Losses(**dict.fromkeys(Losses.__dataclass_fields__, np.zeros(3, np.float32)))

    with Journal(tmp_path) as journal:
        with pytest.raises(SweepspotError, match=r"00000.npz: must be written .*make room"):
            journal.result(replace(a_result(0), losses=losses))

        assert journal.results == {}


def test_a_note_that_says_nothing_new_is_not_written(tmp_path):
    with Journal(tmp_path) as journal:
        journal.note("naive", [1, 2])
        before = journal.path.read_bytes()

        journal.note("naive", [1, 2])

        assert journal.path.read_bytes() == before


def test_a_trial_that_goes_on_begins_where_it_was():
    assert a_trial(0).first_epoch == 0
    assert replace(a_trial(0), continues=(3, 9)).first_epoch == 9


def test_seeds_differ_by_sweep_number_and_repeat():
    seeds = {trial_seed(s, n, r) for s in range(5) for n in range(20) for r in range(3)}

    assert len(seeds) == 300
    assert trial_seed(0, 0) == trial_seed(0, 0, repeat=0)
