import pytest

from sweepspot.engines import make_engine
from sweepspot.errors import TrialError
from sweepspot.executors.inline import InlineExecutor
from sweepspot.journal import Journal
from sweepspot.loop import replay, search, train_again
from sweepspot.space import Float, Int, Space
from sweepspot.spec import Search
from sweepspot.trial import Curve, State, Trial, TrialResult

SPACE = Space.of({"x": Float(0.0, 1.0), "units": Int(1, 9)})


class StoppedError(Exception):
    """Stands for a `kill -9`: nobody catches it."""


class FakeTrainer:
    """Trains by closed form; can fail, and can be killed before it answers."""

    def __init__(self, fails=lambda number: None, killed_at=None):
        self.fails = fails
        self.killed_at = killed_at
        self.trained = []

    def train(self, group, report):
        for trial in group:
            if trial.number == self.killed_at:
                raise StoppedError
            self.trained.append((trial.number, trial.repeat))
            yield self._result(trial, report)

    def _result(self, trial, report):
        reason = self.fails(trial.number)
        if reason:
            return TrialResult(trial=trial, state=State.FAILED, reason=reason)
        curve = [(trial.params["x"] - 0.3) ** 2 + 1 / epoch for epoch in (1, 2, 3)]
        for epoch, J in enumerate(curve, start=1):
            if report(trial.number, epoch, J):
                return TrialResult(
                    trial=trial, state=State.PRUNED, J_cv=J, curve=Curve(J_cv=tuple(curve[:epoch]))
                )
        return TrialResult(
            trial=trial, state=State.COMPLETE, J_cv=curve[-1], curve=Curve(J_cv=tuple(curve))
        )


def run(folder, trainer, *, trials=12, pruner="median", seed=0):
    heard = []
    with Journal(folder) as journal:
        engine = make_engine(
            Search(trials=trials, seed=seed, pruner=pruner), SPACE, epochs=3, study_name="s"
        )
        replay(engine, journal)
        search(engine, InlineExecutor(trainer), journal, hear=heard.append, trials=trials)
        return dict(journal.results), heard


def test_a_search_runs_to_its_last_trial(tmp_path):
    results, heard = run(tmp_path, FakeTrainer())

    assert sorted(results) == list(range(12))
    assert [r.number for r in heard] == list(range(12))


@pytest.mark.parametrize("killed_at", [0, 1, 5, 11])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(tmp_path, killed_at):
    whole, _ = run(tmp_path / "whole", FakeTrainer())
    with pytest.raises(StoppedError):
        run(tmp_path / "killed", FakeTrainer(killed_at=killed_at))

    again = FakeTrainer()
    resumed, _ = run(tmp_path / "killed", again)

    assert resumed == whole
    assert again.trained[0] == (killed_at, 0)


def test_more_trials_extend_a_finished_search(tmp_path):
    whole, _ = run(tmp_path / "whole", FakeTrainer(), trials=12)
    run(tmp_path / "short", FakeTrainer(), trials=5)

    extended, heard = run(tmp_path / "short", FakeTrainer(), trials=12)

    assert [r.number for r in heard] == list(range(5, 12))
    assert {n: r.trial.params for n, r in extended.items()} == {
        n: r.trial.params for n, r in whole.items()
    }


def test_three_failures_in_a_row_with_one_cause_stop_the_sweep(tmp_path):
    fails = FakeTrainer(fails=lambda n: f"ValueError: row {n} is bad" if n >= 4 else None)

    with pytest.raises(
        TrialError, match=r"#006: 3 trials in a row failed with one cause.*row 6 is bad"
    ):
        run(tmp_path, fails)


def test_the_first_three_failures_stop_the_sweep_whatever_their_causes(tmp_path):
    with pytest.raises(TrialError, match="#002: the first 3 trials failed"):
        run(tmp_path, FakeTrainer(fails=lambda n: f"{'abc'[n % 3]} is wrong"))


def test_failures_of_different_causes_do_not_stop_a_sweep_that_has_worked(tmp_path):
    fails = FakeTrainer(fails=lambda n: f"{'abc'[n % 3]} is wrong" if n >= 2 else None)

    results, _ = run(tmp_path, fails, trials=8)

    assert len(results) == 8


def test_a_deadline_stops_the_asking(tmp_path):
    with Journal(tmp_path) as journal:
        engine = make_engine(Search(trials=5), SPACE, epochs=3, study_name="s")
        search(
            engine,
            InlineExecutor(FakeTrainer()),
            journal,
            hear=lambda result: None,
            trials=5,
            deadline=1e-9,
        )

        assert journal.asked == {}


def test_repeats_are_remembered_apart_from_trials(tmp_path):
    trials = [Trial(number=3, params={"x": 0.1}, seed=k, epochs=3, repeat=k) for k in (1, 2)]
    with Journal(tmp_path) as journal:
        train_again(InlineExecutor(FakeTrainer()), journal, trials, hear=lambda result: None)

        assert sorted(journal.repeats) == [(3, 1), (3, 2)]
        assert journal.results == {}


def test_no_worker_waits_while_a_repeat_is_written(tmp_path):
    trials = [Trial(number=3, params={"x": 0.1}, seed=k, epochs=3, repeat=k) for k in (1, 2, 3)]
    executor = InlineExecutor(FakeTrainer())
    left_when_heard = []
    with Journal(tmp_path) as journal:
        train_again(
            executor, journal, trials, hear=lambda result: left_when_heard.append(executor.free)
        )

    # Its one place is taken again, until nothing is left to train.
    assert left_when_heard == [0, 0, 1]
