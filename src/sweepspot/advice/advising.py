"""Advice: every rule about a sweep's space is asked once its trials are judged."""

from __future__ import annotations

from collections.abc import Mapping

from sweepspot.advice.dimensions import dimensions_that_mattered
from sweepspot.advice.edges import best_at_edge
from sweepspot.advice.facts import Facts
from sweepspot.advice.failures import failing_region, failures
from sweepspot.advice.limits import too_few_epochs, whole_sweep_biased, whole_sweep_varied
from sweepspot.advice.noise import seed_noise
from sweepspot.advice.records import Advice
from sweepspot.diagnosis import Diagnosis
from sweepspot.spec import SweepSpec
from sweepspot.trial import TrialResult

__all__ = ["advise"]


def advise(
    spec: SweepSpec,
    results: Mapping[int, TrialResult],
    diagnosis: Diagnosis,
    *,
    repeats: Mapping[tuple[int, int], TrialResult],
) -> Advice:
    """Say what limits a sweep: its space, its epochs, its failures, its noise.

    Args:
        spec: The sweep as declared.
        results: Its results, by number; of a sweep that still runs, those so far.
        diagnosis: The verdicts of these results.
        repeats: Its finalists on fresh seeds, by number and repeat; may be empty.

    Returns:
        The answer of every rule: D201 for each side of each range, D202 whole sweep, or most of
        its trials, biased, D203 varied, D204 too few epochs, D205 failures, D206 where, D207 and
        D208 for each dimension, D209 seed noise. A rule with too few trials answers unknown.
    """
    facts = Facts(spec=spec, results=results, repeats=repeats, diagnosis=diagnosis)
    return Advice(
        findings=(
            *best_at_edge(facts),
            whole_sweep_biased(facts),
            whole_sweep_varied(facts),
            too_few_epochs(facts),
            failures(facts),
            failing_region(facts),
            *dimensions_that_mattered(facts),
            seed_noise(facts),
        ),
        best=facts.best_points,
        n_trials=len(results),
    )
