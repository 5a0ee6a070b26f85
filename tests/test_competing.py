"""The competing algorithm: measured once for each journal, under its own name."""

from pathlib import Path

import numpy as np
import pytest

from sweepspot.competing import CompetingAlgorithm
from sweepspot.datasets import load_dataset
from sweepspot.journal import Journal
from sweepspot.spec import COMPETITOR
from sweepspot.sweepfile import parse_spec


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "made") as opened:
        yield opened


@pytest.fixture(scope="module")
def training():
    return load_dataset(spec_of().data, task=None, folder=Path()).training


def spec_of(**parts):
    return parse_spec(
        {
            "name": "made",
            "data": {"source": "sklearn:iris"},
            "space": {"units": {"int": [4, 32]}},
            **parts,
        }
    )


def test_a_stated_target_has_no_competitor(training, journal):
    spec = spec_of(baseline={"target_error": 0.1})

    assert CompetingAlgorithm.of(spec, training, journal, print) is None


def test_it_is_trained_once_for_each_journal(training, journal):
    said = []
    first = CompetingAlgorithm.of(spec_of(), training, journal, said.append).measured()

    again = CompetingAlgorithm.of(spec_of(), training, journal, said.append).measured()

    assert said == [f"training {COMPETITOR} on the same rows, as a baseline"]
    assert again == first
    assert first.name == COMPETITOR


def test_losses_that_are_gone_are_made_anew(training, journal):
    competing = CompetingAlgorithm.of(spec_of(), training, journal, lambda text: None)
    J_cv = competing.measured().J_cv
    kept = competing.cv_losses()
    (journal.folder / "losses" / f"{COMPETITOR}.npy").unlink()

    anew = competing.cv_losses()

    # Of 30 rows all are kept.
    assert kept.mean() == pytest.approx(J_cv, rel=1e-6)
    np.testing.assert_array_equal(anew, kept)
