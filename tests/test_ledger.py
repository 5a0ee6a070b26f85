"""The test ledger: every opening of a test split is counted, and none is measured twice."""

from dataclasses import replace

from sweepspot.ledger import Opening, TestLedger

OPENING = Opening(test_digest="d1", sweep="s", candidate="c1", J_test=0.25, error_test=0.125)


def test_a_split_that_was_never_opened_has_no_openings(tmp_path):
    ledger = TestLedger(tmp_path / "mlruns" / "ledger.jsonl")

    assert ledger.openings("d1") == []
    assert ledger.find("d1", "c1") is None
    assert not (tmp_path / "mlruns").exists()


def test_openings_are_counted_over_sweeps_and_splits(tmp_path):
    ledger = TestLedger(tmp_path / "mlruns" / "ledger.jsonl")
    other_sweep = replace(OPENING, sweep="t", candidate="c2")
    ledger.add(OPENING)
    ledger.add(replace(OPENING, test_digest="d2"))
    ledger.add(other_sweep)

    again = TestLedger(tmp_path / "mlruns" / "ledger.jsonl")

    assert again.openings("d1") == [OPENING, other_sweep]
    assert again.find("d1", "c2") == other_sweep
    assert again.find("d2", "c2") is None


def test_a_line_torn_by_a_crash_is_passed_over(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = TestLedger(path)
    ledger.add(OPENING)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"test_digest": "d1", "swe')

    assert ledger.openings("d1") == [OPENING]


def test_an_opening_after_a_torn_line_counts(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"test_digest": "d1", "swe', encoding="utf-8")

    TestLedger(path).add(OPENING)

    assert TestLedger(path).openings("d1") == [OPENING]
