"""From results to verdicts: what the diagnosis is told of each trial."""

from dataclasses import replace

import numpy as np
import pytest

from made_sweep import make_sweep
from sweepspot.journal import Journal
from sweepspot.judging import COMPANY, ROWS, Competitor, Judge, stated_baselines
from sweepspot.sweepfile import parse_spec
from sweepspot.trial import Losses, State, Trial, TrialResult, run_id

KEYS = {"name": "s", "data": {"source": "rows.npz"}, "space": {"units": {"int": [4, 32]}}}
RIVAL = Competitor(name="rival", J_train=0.1, J_cv=0.2)


@pytest.fixture(scope="module")
def made():
    return make_sweep(trials=30)


def judge_of(made, losses=lambda result: None):
    return Judge(made.spec, J_naive=2.3, algorithm=None, losses=losses)


def test_every_trial_has_a_verdict(made):
    diagnosis = judge_of(made).all(made.results.values())

    assert {run_id(number) for number in made.results} == set(diagnosis)


def test_thresholds_of_a_sweep_file_are_used(made):
    counts = {"draws": 100, "folds": 2, "frontier": 2, "min_runs": 2, "min_rows": 9}
    criteria = {**counts, "min_converged_runs": 1, "min_epochs": 4, "excess": 0.99}
    spec = parse_spec({**KEYS, "criteria": criteria})
    judge = Judge(spec, J_naive=2.3, algorithm=None, losses=lambda result: None)

    diagnosis = judge.all(made.results.values())

    # Nothing is worse by so much, so nothing has a cause.
    labels = {str(verdict.label) for verdict in diagnosis.values()}
    assert "good_fit" in labels
    assert not any(label.startswith("high_") for label in labels)


def test_losses_are_read_back_when_a_result_has_none(made):
    bare = [result.without_losses() for result in made.results.values()]

    read = judge_of(made, lambda result: made.results[result.number].losses).all(bare)

    whole = judge_of(made).all(made.results.values())
    assert {k: v.label for k, v in read.items()} == {k: v.label for k, v in whole.items()}


def test_losses_that_stay_in_their_files_give_the_same_verdicts(made, tmp_path):
    whole = judge_of(made).all(made.results.values())
    with Journal(tmp_path / "made") as journal:
        for result in made.results.values():
            journal.result(result)

        stored = judge_of(made, journal.stored_losses).all(journal.results.values())

    assert {k: v.to_json() for k, v in stored.items()} == {k: v.to_json() for k, v in whole.items()}


def test_a_failed_trial_is_not_asked_for_losses(made):
    asked = []
    judge = judge_of(made, lambda result: asked.append(result.number))
    failed = TrialResult(
        trial=Trial(number=0, params={}, seed=0, epochs=3), state=State.FAILED, reason="no"
    )

    judge.all([failed])

    assert asked == []


@pytest.mark.parametrize(("reason", "word"), [("diverged in epoch 2", "diverged"), ("no", "no")])
def test_a_failure_keeps_its_reason(made, reason, word):
    failed = replace(made.results[3], reason=reason)

    verdict = judge_of(made).all([*made.results.values(), failed])[run_id(3)]

    assert verdict.label == "not_assessed"
    assert word in verdict.reason


def test_a_provisional_verdict_is_the_final_one_while_few_have_ended(made):
    judge = judge_of(made)
    results = [made.results[n] for n in sorted(made.results)]
    provisional = [judge.provisional(result) for result in results[:COMPANY]][-1]

    final = judge_of(made).all(results[:COMPANY])[run_id(COMPANY - 1)]

    assert provisional.label == final.label


def test_a_provisional_verdict_looks_at_the_best_trials_alone(made):
    judge = judge_of(made)
    for result in made.results.values():
        judge.provisional(result)

    best = sorted(
        (r for r in made.results.values() if r.state is State.COMPLETE), key=lambda r: r.J_cv
    )

    assert sorted(number for _, number, _ in judge._best) == sorted(
        r.number for r in best[:COMPANY]
    )


def test_a_provisional_verdict_looks_at_a_bounded_number_of_rows(made):
    many = {n: repeated(r, times=20) for n, r in made.results.items()}
    judge = judge_of(made)

    provisional = {n: judge.provisional(r).label for n, r in sorted(many.items())}

    sizes = [len(rows) for _, _, e in judge._best for rows in (e.train_losses, e.cv_errors)]
    assert max(sizes) <= ROWS < 20 * 400
    # A slice would keep the whole array in memory.
    assert all(e.cv_losses.base is None for _, _, e in judge._best)
    few = judge_of(made)
    labels = {n: few.provisional(r).label for n, r in sorted(made.results.items())}
    assert sum(provisional[n] is labels[n] for n in labels) >= 0.9 * len(labels)


def repeated(result, *, times):
    if result.losses is None:
        return result
    names = Losses.__dataclass_fields__
    rows = {name: np.repeat(getattr(result.losses, name), times) for name in names}
    return replace(result, losses=Losses(**rows))


def test_a_sweep_that_goes_on_has_the_same_provisional_verdicts(made):
    *before, last = [made.results[n] for n in sorted(made.results)]
    judge, resumed = judge_of(made), judge_of(made)
    for result in before:
        judge.provisional(result)

    resumed.recall(before)

    assert resumed.provisional(last).to_json() == judge.provisional(last).to_json()


@pytest.mark.parametrize(
    ("baseline", "algorithm", "names"),
    [
        ({}, None, []),
        ({}, RIVAL, ["rival"]),
        ({"target_J": 0.5}, RIVAL, ["target", "rival"]),
        ({"target_error": 0.02}, None, ["target"]),
    ],
)
def test_a_target_decides_before_an_algorithm(baseline, algorithm, names):
    stated = stated_baselines(parse_spec({**KEYS, "baseline": baseline}), algorithm)

    assert list(stated) == names


def test_a_target_error_is_measured_in_error():
    stated = stated_baselines(
        parse_spec({**KEYS, "baseline": {"target_error": 0.02, "target_J": 0.5}}), None
    )

    assert stated["target"].measure == "error"
    assert stated["target"].J_cv == 0.02
