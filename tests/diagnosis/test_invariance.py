"""Verdicts depend on nothing that should not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweepspot.diagnosis import Baseline, Evidence, diagnose, sampling


def sweep(seed: int, shift: float = 0.0) -> dict[str, Evidence]:
    rng = np.random.default_rng(seed)
    hard = rng.exponential(size=200), rng.exponential(size=150)
    return {
        f"run{i}": Evidence(
            train_losses=shift + rng.uniform(0.1, 0.6) * hard[0] * rng.uniform(0.5, 1.5, 200),
            cv_losses=shift + rng.uniform(0.3, 0.9) * hard[1] * rng.uniform(0.5, 1.5, 150),
        )
        for i in range(14)
    }


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(0, 100))
def test_verdicts_ignore_a_common_shift(seed, shift):
    plain = diagnose(sweep(seed), J_naive=1.5)
    moved = diagnose(sweep(seed, shift), J_naive=1.5 + shift, loss_floor=shift - 1e-9)

    assert [v.label for v in plain.values()] == [v.label for v in moved.values()]
    for before, after in zip(plain.values(), moved.values(), strict=True):
        assert before.numbers["bias"].value == pytest.approx(after.numbers["bias"].value, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(14)))
def test_the_order_and_the_names_of_runs_do_not_matter(seed, order):
    runs = sweep(seed)
    mixed = {f"other{i}": runs[f"run{i}"] for i in order}

    plain, renamed = diagnose(runs, J_naive=1.5), diagnose(mixed, J_naive=1.5)

    for i in range(14):
        before, after = plain[f"run{i}"], renamed[f"other{i}"]
        assert before.label is after.label
        assert before.numbers["excess"].low == pytest.approx(after.numbers["excess"].low, abs=1e-5)


@pytest.mark.parametrize("at_once", [1, 5, 14])
def test_how_many_runs_are_worked_on_at_once_does_not_matter(monkeypatch, at_once):
    runs = {
        name: replace(e, train_errors=e.train_losses, cv_errors=e.cv_losses)
        for name, e in sweep(3).items()
    }
    target = Baseline(J_train=0.1, J_cv=0.2)
    known = {"J_naive": 1.5, "error_naive": 1.5, "baselines": {"target": target}}
    whole = diagnose(runs, **known)

    monkeypatch.setattr(sampling, "_RUNS", at_once)
    parts = diagnose(runs, **known)

    assert dict(parts) == dict(whole)
    assert parts.sweep == whole.sweep


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(14)))
def test_the_order_of_means_does_not_matter(order):
    rng = np.random.default_rng(3)
    runs = {
        str(i): Evidence(J_train=a, J_cv=b, J_train_se=0.02, J_cv_se=0.02)
        for i, (a, b) in enumerate(rng.uniform(0.1, 0.6, size=(14, 2)))
    }

    plain = diagnose(runs, J_naive=1.0)
    mixed = diagnose({str(i): runs[str(i)] for i in order}, J_naive=1.0)

    for name in runs:
        before, after = plain[name].numbers["excess"], mixed[name].numbers["excess"]
        assert before.low == pytest.approx(after.low, abs=1e-9)
        assert plain[name].label is mixed[name].label
