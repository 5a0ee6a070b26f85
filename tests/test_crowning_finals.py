"""Finalists on fresh seeds: which repeats count, and under which number."""

from dataclasses import replace

import numpy as np
import pytest

from sweepspot.crowning.finals import Finals
from sweepspot.journal import Journal
from sweepspot.selection import lower_median
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import Losses, State, Trial, TrialResult

FINALIST = TrialResult(
    trial=Trial(number=7, params={"units": 8}, seed=0, epochs=3),
    state=State.COMPLETE,
    J_cv=0.2,
    n_weights=99,
)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "made") as opened:
        yield opened


def note_repeat(journal, repeat, J):
    """Journal one repeat; it diverged where it has no J."""
    done = replace(FINALIST, trial=replace(FINALIST.trial, seed=repeat, repeat=repeat))
    if J is None:
        journal.result(replace(done, state=State.FAILED, reason="diverged", J_cv=None))
        return
    rows = np.full(5, J, dtype=np.float32)
    losses = Losses(train=rows, cv=rows, train_errors=rows, cv_errors=rows)
    journal.result(replace(done, J_cv=J, losses=losses))


def candidates_of(journal, repeats):
    spec = parse_spec(
        {
            "name": "made",
            "data": {"source": "sklearn:iris"},
            "space": {"units": {"int": [4, 32]}},
            "select": {"repeats": repeats},
        }
    )
    finals = Finals(
        spec,
        None,
        journal,
        lambda: pytest.fail("nothing is left to train"),
        record=lambda result, name: None,
        say=lambda text: None,
    )
    return finals.candidates([FINALIST])


def test_a_diverged_repeat_does_not_count_and_the_others_keep_their_numbers(journal):
    for repeat, J in enumerate((0.3, None, 0.1, 0.2), start=1):
        note_repeat(journal, repeat, J)

    (candidate,) = candidates_of(journal, 4)

    assert candidate.repeats == (1, 3, 4)
    assert candidate.cv_losses.mean(axis=1) == pytest.approx([0.3, 0.1, 0.2])
    assert lower_median(candidate) == 4


def test_a_repeat_whose_losses_are_gone_does_not_count(journal):
    for repeat, J in enumerate((0.3, 0.1, 0.2), start=1):
        note_repeat(journal, repeat, J)
    (first,) = (journal.folder / "losses").glob("*-r1.npz")
    first.unlink()

    (candidate,) = candidates_of(journal, 3)

    assert candidate.repeats == (2, 3)
    assert lower_median(candidate) == 2


def test_repeats_beyond_those_asked_for_do_not_count(journal):
    for repeat, J in enumerate((0.3, 0.1, 0.2), start=1):
        note_repeat(journal, repeat, J)

    (candidate,) = candidates_of(journal, 2)

    assert candidate.repeats == (1, 2)


def test_a_finalist_whose_repeats_all_diverged_is_no_candidate(journal):
    for repeat in (1, 2):
        note_repeat(journal, repeat, None)

    assert candidates_of(journal, 2) == []
