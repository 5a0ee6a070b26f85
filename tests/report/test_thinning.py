"""What a report draws of a large sweep."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from made_sweep import make_sweep
from sweepspot.diagnosis import Diagnosis
from sweepspot.report.html import write_report
from sweepspot.report.thinning import DRAWN, drawn, ranked
from sweepspot.trial import State, TrialResult, run_id

TRIALS = 3 * DRAWN


@pytest.fixture(scope="module")
def results() -> dict[int, TrialResult]:
    """Return a large sweep made of a small one, every 50th trial failed."""
    made = make_sweep(trials=30).results
    found = {}
    for number in range(TRIALS):
        result = made[(0, 1, 2, 4)[number % 4]]
        found[number] = replace(
            result,
            trial=replace(result.trial, number=number),
            state=State.COMPLETE if number % 50 else State.FAILED,
            J_cv=(result.J_cv or 0.0) + 0.001 * number if number % 50 else None,
        )
    return found


def test_a_small_sweep_is_drawn_whole(results: dict[int, TrialResult]) -> None:
    few = {n: results[n] for n in range(DRAWN)}

    assert drawn(few) is few


def test_a_large_sweep_is_drawn_by_its_best_and_evenly(results: dict[int, TrialResult]) -> None:
    last = ranked(results)[-2]

    shown = drawn(results, always=[last])

    assert DRAWN <= len(shown) <= DRAWN + 1
    order = ranked(results)
    places = [order.index(number) for number in shown]
    assert set(range(DRAWN // 2)) <= set(places)
    assert last in shown
    gaps = [b - a for a, b in zip(sorted(places), sorted(places)[1:], strict=False)]
    assert max(gaps) <= TRIALS // (DRAWN // 2)
    assert list(shown) == sorted(shown)


def test_the_page_of_a_large_sweep_stays_small_and_says_so(
    results: dict[int, TrialResult], tmp_path: Path
) -> None:
    made = make_sweep(trials=30)
    verdicts = {run_id(n): made.diagnosis[run_id(n % 30)] for n in results}
    labels = Counter(str(v.label) for v in verdicts.values())
    sweep = replace(made.diagnosis.sweep, labels=dict(labels))
    diagnosis = Diagnosis(verdicts=verdicts, sweep=sweep, frontier=made.diagnosis.frontier)

    page = write_report(
        tmp_path / "report.html",
        name="large",
        results=results,
        diagnosis=diagnosis,
        space=made.spec.points,
    ).read_text()

    assert f"This page draws {DRAWN:,} of {TRIALS:,} trials" in page
    assert f"A sweep of {TRIALS} trials" in page
    assert len(re.findall(r"<tr data-trial=", page)) == DRAWN
    assert len(re.findall(r"<option value=.\d", page)) == DRAWN
    assert all(f"<b>{count}</b>" in page for count in labels.values())
