"""The inline executor: what is not the trial's own fault is not its result."""

import pytest

from sweepspot.executors.inline import InlineExecutor
from sweepspot.trial import State, Trial, TrialResult


class CatchingTrainer:
    """Reports one epoch of each trial; whatever is raised is the trial's result, as in ours."""

    def train(self, group, report):
        for trial in group:
            try:
                report(trial.number, 1, 0.5)
            except Exception as exc:
                yield TrialResult(trial=trial, state=State.FAILED, reason=str(exc))


def test_an_engine_that_raises_is_not_taken_for_a_failed_trial():
    executor = InlineExecutor(CatchingTrainer())
    executor.submit([Trial(number=0, params={}, seed=0, epochs=1)])

    def report(number, epoch, J_cv):
        raise KeyError("no such trial")

    with pytest.raises(KeyError, match="no such trial"):
        executor.wait(report)
