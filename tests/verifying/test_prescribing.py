"""Which step is tried, what the three ways of training are, and what cannot be verified."""

import pytest

from sweepspot.diagnosis import Diagnosis, Evidence, Label, SweepVerdict, Verdict
from sweepspot.diagnosis.steps import next_steps
from sweepspot.errors import SpecError
from sweepspot.trial import State, run_id
from sweepspot.verifying import best_prescriptions, prescribe

PARAMS = {"units": 64, "learning_rate": 1e-3, "l2": 1e-4, "layers": 2, "dropout": 0.1}


def verdict_of(label, params=PARAMS, epochs=30):
    evidence = Evidence(params=params, epochs=epochs)
    steps = next_steps(label, evidence, None, diverged=False)
    return Verdict(label=label, reason="so it is.", next_steps=steps)


def test_high_bias_is_tried_with_its_first_step(ended):
    found = prescribe(ended(params=PARAMS), verdict_of(Label.HIGH_BIAS), "digits#0")

    as_it_was, prescribed, opposite = found.arms
    assert (found.step.text, found.opposite) == ("dropout: 0.1 -> 0", "dropout: 0.1 -> 0.3")
    assert as_it_was.params == PARAMS
    assert prescribed.params == {**PARAMS, "dropout": 0.0}
    assert opposite.params == {**PARAMS, "dropout": 0.3}
    assert {arm.epochs for arm in found.arms} == {30}


def test_steps_that_cannot_be_tried_are_said(ended):
    found = prescribe(ended(params=PARAMS), verdict_of(Label.HIGH_VARIANCE), "digits#0")

    assert found.step.text == "learning_rate: 0.001 -> 0.000333"
    assert [text.partition(":")[0] for text in found.skipped] == [
        "more training data, at equal gradient steps",
        "early stopping",
    ]


def test_both_is_tried_with_a_wider_network(ended):
    verdict = verdict_of(Label.HIGH_BIAS_HIGH_VARIANCE)

    found = prescribe(ended(params=PARAMS), verdict, "digits#0")

    assert found.step.key == "space.units"
    assert [arm.params["units"] for arm in found.arms] == [64, 192, 21]


def test_an_under_trained_run_is_tried_with_more_and_with_fewer_epochs(ended):
    found = prescribe(ended(params=PARAMS), verdict_of(Label.UNDER_TRAINED), "digits#0")

    assert (found.step.text, found.opposite) == ("epochs: 30 -> 90", "epochs: 30 -> 10")
    assert [arm.epochs for arm in found.arms] == [30, 90, 10]
    assert all(arm.params == PARAMS for arm in found.arms)


def test_without_an_opposite_there_are_two_ways(ended):
    params = {"l2": 0.0}

    found = prescribe(ended(params=params), verdict_of(Label.HIGH_VARIANCE, params), "digits#0")

    assert found.opposite is None
    assert [arm.params for arm in found.arms] == [{"l2": 0.0}, {"l2": 1e-4}]


def test_a_pruned_run_is_trained_as_far_as_it_came(ended):
    from sweepspot.trial import Curve

    pruned = ended(params=PARAMS, state=State.PRUNED, curve=Curve(J_cv=(1.0,) * 6))

    found = prescribe(pruned, verdict_of(Label.HIGH_BIAS), "digits#0")

    assert {arm.epochs for arm in found.arms} == {6}


@pytest.mark.parametrize("label", [Label.GOOD_FIT, Label.INCONCLUSIVE, Label.NOT_ASSESSED])
def test_a_label_that_prescribes_nothing_is_refused(ended, label):
    with pytest.raises(SpecError, match=f"^digits#0: .* got {label} .*; there is nothing to"):
        prescribe(ended(params=PARAMS), verdict_of(label), "digits#0")


def test_a_failed_trial_is_refused(ended):
    failed = ended(state=State.FAILED, J_cv=None, reason="ValueError: no network today")

    with pytest.raises(SpecError, match=r"digits#3: .* one that failed \(ValueError: no network"):
        prescribe(failed, verdict_of(Label.NOT_ASSESSED), "digits#3")


@pytest.mark.parametrize("label", [Label.HIGH_BIAS, Label.HIGH_VARIANCE])
def test_settings_that_no_step_knows_are_named(ended, label):
    params = {"alpha": 3, "optimizer": "adam"}

    with pytest.raises(SpecError, match=r"\(.*network.*\), got alpha, optimizer; .* be verified"):
        prescribe(ended(params=params), verdict_of(label, params), "digits#0")


def test_the_best_with_a_step_are_chosen(ended):
    results = {n: ended(n, params=PARAMS, J_cv=J) for n, J in enumerate([0.5, 0.3, 0.1, 0.4, 0.2])}
    results[4] = ended(4, state=State.FAILED, J_cv=None)
    labels = [Label.HIGH_BIAS, Label.HIGH_VARIANCE, Label.GOOD_FIT, Label.UNDER_TRAINED]
    verdicts = {run_id(n): verdict_of(label) for n, label in enumerate(labels)}
    verdicts["#004"] = verdict_of(Label.NOT_ASSESSED)
    sweep = SweepVerdict(label=Label.INCONCLUSIVE, reason="")
    diagnosis = Diagnosis(verdicts=verdicts, sweep=sweep)

    assert [p.number for p in best_prescriptions(results, diagnosis, 2)] == [1, 3]
    assert [p.number for p in best_prescriptions(results, diagnosis, 9)] == [1, 3, 0]
    assert best_prescriptions(results, diagnosis, 0) == []
