"""Labels from logged losses: silence where they may be wrong, and the order of what is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweepspot.diagnosis import Label, Status
from sweepspot.diagnosis.history import diagnose_histories
from sweepspot.diagnosis.logged import History
from sweepspot.errors import SpecError


def sweep(n: int = 12, **asked: History) -> dict[str, History]:
    """Return `n` runs near J_train .2, J_cv .3, and the runs asked for."""
    spread = np.linspace(0.97, 1.03, n)
    good = {f"good{i}": History(J_train=0.2 * s, J_cv=0.3 * s) for i, s in enumerate(spread)}
    return {**good, **asked}


def labels(runs: Mapping[str, History], J_naive: float | None = 1.0) -> dict[str, str]:
    found = diagnose_histories(runs, J_naive=J_naive)
    return {run: str(verdict.label) for run, verdict in found.items()}


@pytest.mark.parametrize("J_naive", [1.0, None])
def test_what_is_far_worse_is_named_by_its_larger_part(J_naive: float | None) -> None:
    runs = sweep(
        unfit=History(J_train=0.75, J_cv=0.85),
        overfit=History(J_train=0.02, J_cv=0.9),
        both=History(J_train=0.8, J_cv=1.6),
    )

    found = labels(runs, J_naive)

    assert found["unfit"] == "high_bias"
    assert found["overfit"] == "high_variance"
    assert found["both"] == "high_bias_high_variance"


def test_what_penalty_and_dropout_can_explain_is_left_open() -> None:
    # 1.4 times the train loss of the others, as dropout alone makes it, and a fifth of penalty.
    runs = sweep(penalized=History(J_train=0.34, J_cv=0.36))

    assert labels(runs)["penalized"] == "inconclusive"


def test_clean_numbers_leave_less_open() -> None:
    logged = sweep(worse=History(J_train=0.32, J_cv=0.42))
    clean = {
        name: History(J_train=run.J_train, J_cv=run.J_cv, clean=True)
        for name, run in logged.items()
    }

    assert labels(logged)["worse"] == "inconclusive"
    assert labels(clean)["worse"] == "high_bias"


def test_the_reason_says_that_the_evidence_is_weak() -> None:
    runs = sweep(unfit=History(J_train=0.75, J_cv=0.85))

    verdict = diagnose_histories(runs, J_naive=1.0)["unfit"]

    assert "from logged losses" in verdict.reason
    assert "mostly bias" in verdict.reason
    assert len(verdict.reason) <= 200
    assert verdict.numbers["excess"].low > 0.02


def test_good_needs_ten_runs() -> None:
    tight = {f"run{i}": History(J_train=0.1, J_cv=0.1) for i in range(12)}
    few = dict(list(tight.items())[:9])

    assert set(labels(tight).values()) == {"good_fit"}
    assert set(labels(few).values()) == {"inconclusive"}


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_runs_are_not_assessed(n: int) -> None:
    verdicts = diagnose_histories(dict(list(sweep().items())[:n]), J_naive=1.0)

    assert {v.label for v in verdicts.values()} == {Label.NOT_ASSESSED}
    assert all("3 needed" in v.reason for v in verdicts.values())
    assert verdicts.sweep.label is Label.NOT_ASSESSED
    assert verdicts.frontier is None


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (History(J_train=0.1), "no validation loss was logged"),
        (History(J_cv=0.1), "no train loss was logged"),
        (History(J_train=math.nan, J_cv=math.nan), "train loss ends in no number"),
        (History(J_train=0.2, J_cv=math.inf), "validation loss ends in no number"),
        (History(J_train=0.2, J_cv=1.7976931348623157e308), "validation loss ends in no number"),
        (History(J_train=0.2, J_cv=0.3, obstacle="its state is KILLED"), "its state is KILLED"),
        (
            History(J_train=4.0, J_cv=5.0, train_curve=(1.0, 2.0, 4.0), cv_curve=(1.0, 2.0, 5.0)),
            "it diverged",
        ),
    ],
)
def test_what_cannot_be_assessed_is_said_and_disturbs_no_other(
    history: History, reason: str
) -> None:
    verdicts = diagnose_histories(sweep(odd=history), J_naive=1.0)

    assert verdicts["odd"].label is Label.NOT_ASSESSED
    assert reason in verdicts["odd"].reason
    assert verdicts["odd"].findings[0].code == "D001"
    assert verdicts["odd"].findings[0].status is Status.PRESENT
    assert verdicts.frontier is not None
    assert "odd" not in verdicts.frontier.weights


def test_without_j_naive_a_run_that_ends_at_twice_its_start_has_diverged() -> None:
    rising = History(J_train=3.0, J_cv=3.0, train_curve=(1.0, 3.0), cv_curve=(1.0, 3.0))

    assert labels(sweep(rising=rising), None)["rising"] == "not_assessed"


def falling(start: float, end: float, n: int = 20) -> tuple[float, ...]:
    return tuple(np.linspace(start, end, n).tolist())


def test_a_validation_loss_that_still_falls_is_under_training_before_it_is_bias() -> None:
    slow = History(
        J_train=0.75, J_cv=0.85, train_curve=falling(1.5, 0.75), cv_curve=falling(1.6, 0.85)
    )
    verdict = diagnose_histories(sweep(slow=slow), J_naive=1.0)["slow"]

    assert verdict.label is Label.UNDER_TRAINED
    assert verdict.numbers["recent_fall"].low > 0.02


def test_one_low_epoch_at_the_end_is_no_trend() -> None:
    flat = (*((0.85, 0.86) * 10)[:19], 0.5)
    run = History(J_train=0.4, J_cv=0.5, train_curve=(0.75,) * 20, cv_curve=flat)

    assert labels(sweep(run=run))["run"] == "inconclusive"


def test_jumps_of_the_last_epochs_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    jumps = tuple((0.85 + 0.6 * rng.standard_normal(40)).tolist())
    calm = sweep(run=History(J_train=0.75, J_cv=0.85, train_curve=(0.75,) * 40))
    wild = sweep(run=History(J_train=0.75, J_cv=0.85, train_curve=(0.75,) * 40, cv_curve=jumps))

    one, other = (diagnose_histories(runs, J_naive=1.0)["run"] for runs in (calm, wild))

    assert _width(other.numbers["excess"]) > 2 * _width(one.numbers["excess"])
    assert (str(one.label), str(other.label)) == ("high_bias", "inconclusive")


def _width(interval: object) -> float:
    return interval.high - interval.low  # type: ignore[attr-defined]


def test_a_gap_beside_runs_that_interpolate_is_left_open() -> None:
    perfect = {f"run{i}": History(J_train=0.001, J_cv=0.3) for i in range(12)}
    gap = {"gap": History(J_train=0.001, J_cv=0.9)}

    assert labels(perfect | gap)["gap"] == "inconclusive"


def test_a_sweep_no_better_than_a_constant_has_no_signal() -> None:
    verdicts = diagnose_histories(sweep(unfit=History(J_train=0.75, J_cv=0.85)), J_naive=0.28)

    assert {str(v.label) for v in verdicts.values()} == {"inconclusive"}
    assert verdicts.sweep.reason.startswith("no signal")


def test_losses_below_zero_are_left_open() -> None:
    runs = {f"run{i}": History(J_train=-2.0, J_cv=-1.0 - i) for i in range(5)}

    verdicts = diagnose_histories(runs)

    assert {str(v.label) for v in verdicts.values()} == {"inconclusive"}
    assert "below 0" in verdicts.sweep.reason


def test_a_first_epoch_far_above_the_rest_makes_nobody_good() -> None:
    # Raw targets: the first epoch is a hundred times a constant's loss, and half of the runs are
    # 30 % worse than the others, so "within a twentieth of what was learned" says nothing.
    runs = {
        f"run{i}": History(
            J_train=0.2, J_cv=1.0 + 0.3 * (i % 2), cv_curve=(300.0, 1.0 + 0.3 * (i % 2))
        )
        for i in range(14)
    }

    found = labels(runs, None)

    assert all(found[f"run{i}"] == "inconclusive" for i in range(1, 14, 2))


@pytest.mark.parametrize("J_naive", [0.0, -1.0, math.nan, math.inf])
def test_a_constant_without_a_loss_is_refused(J_naive: float) -> None:
    with pytest.raises(SpecError, match="J_naive: must be finite and above 0"):
        diagnose_histories(sweep(), J_naive=J_naive)


def test_no_runs_give_no_verdicts() -> None:
    assert dict(diagnose_histories({}, J_naive=1.0)) == {}


@given(scale=st.floats(1e-6, 1e6))
def test_units_of_the_loss_do_not_matter(scale: float) -> None:
    runs = sweep(unfit=History(J_train=0.75, J_cv=0.85), overfit=History(J_train=0.02, J_cv=0.9))
    scaled = {
        name: History(J_train=scale * (run.J_train or 0), J_cv=scale * (run.J_cv or 0))
        for name, run in runs.items()
    }

    assert labels(scaled, scale) == labels(runs, 1.0)


@given(
    st.lists(
        st.tuples(st.floats(1e-3, 10), st.floats(1e-3, 10)).map(
            lambda pair: History(J_train=pair[0], J_cv=pair[1])
        ),
        max_size=15,
    ),
    st.none() | st.floats(1e-2, 10),
)
def test_any_numbers_get_a_label_with_a_reason(
    histories: list[History], J_naive: float | None
) -> None:
    runs = {str(i): history for i, history in enumerate(histories)}

    verdicts = diagnose_histories(runs, J_naive=J_naive)

    assert list(verdicts) == list(runs)
    assert all(0 < len(v.reason) <= 200 for v in verdicts.values())
    assert sum(verdicts.sweep.labels.values()) == len(runs)


@given(st.permutations(range(15)))
def test_equal_runs_are_never_called_worse(order: list[int]) -> None:
    rng = np.random.default_rng(3)
    # What contaminates equal runs: a penalty of up to .3 of val_loss, dropout of up to 1.5 times.
    penalty, inflation = rng.uniform(0, 0.13, 15), rng.uniform(1, 1.5, 15)
    runs = {
        str(i): History(J_train=0.2 * inflation[i] + penalty[i], J_cv=0.3 + penalty[i])
        for i in order
    }

    assert set(labels(runs).values()) <= {"good_fit", "inconclusive"}


def test_the_same_runs_get_the_same_verdicts() -> None:
    runs = sweep(unfit=History(J_train=0.75, J_cv=0.85))

    one, other = (diagnose_histories(runs, J_naive=1.0) for _ in range(2))

    assert {run: v.to_json() for run, v in one.items()} == {
        run: v.to_json() for run, v in other.items()
    }


def test_a_large_penalty_on_an_easy_task_is_not_called_bias() -> None:
    # Losses of a net on digits, where a constant loses 2.3: .09 of its val_loss is its L2 penalty,
    # and its clean J_cv is that of the best.
    easy = {f"run{i}": History(J_train=0.013, J_cv=0.205 + 0.002 * i) for i in range(10)}
    runs = easy | {"penalized": History(J_train=0.177, J_cv=0.339)}

    assert labels(runs, 2.3)["penalized"] == "inconclusive"
