import pytest

from sweepspot.executors.gain import (
    ALIKE,
    LONG_S,
    MEASUREMENTS,
    MOST_ATTEMPTS,
    MOST_MEASUREMENTS,
    Gain,
)


class Clock:
    """Two workers whose epochs take `alone` s alone, and `together` s when both train.

    The second of each trial takes `lost` s more.
    """

    def __init__(self, gain, together, alone=1.0, lost=0.0):
        self.gain, self.together, self.alone, self.lost = gain, together, alone, lost
        self.now = 0.0

    def train(self, trials=1, epochs=30):
        """Let both train trials of as many epochs, side by side."""
        for _ in range(trials):
            self.gain.started("a")
            self.gain.started("b")
            for epoch in range(epochs):
                subject = self.gain.subject
                self.now += self.alone if subject else self.together
                self.now += self.lost if epoch == 1 else 0.0
                for worker in ("a", "b") if subject is None else (subject,):
                    self.gain.epoch(worker, self.now, left=epochs - epoch - 1)
                if subject is None and self.gain.subject:
                    self.gain.paused("b" if self.gain.subject == "a" else "a")
            for worker in ("a", "b"):
                self.gain.ended(worker)


def test_two_workers_that_do_not_disturb_each_other_gain_two():
    gain = Gain(2)

    Clock(gain, together=1.0).train(trials=20)

    assert gain.measured == 2.0


def test_two_workers_that_take_turns_gain_nothing():
    gain = Gain(2)

    Clock(gain, together=2.0).train(trials=20)

    assert gain.measured == 1.0


def test_nothing_is_said_before_the_last_measurement():
    gain = Gain(2)
    clock = Clock(gain, together=1.5)
    known = []

    for _ in range(MEASUREMENTS * 3):
        clock.train()
        known.append(gain.measured)

    assert known[0] is None
    assert known[-1] == 2 / 1.5


@pytest.mark.parametrize(
    ("epoch_s", "least"), [(60.0, 5), (LONG_S, 5), (LONG_S / 2, 8), (LONG_S / 3, 11), (0.01, 14)]
)
def test_the_longer_an_epoch_the_fewer_a_trial_needs(epoch_s, least):
    fewer, enough = Gain(2), Gain(2)

    Clock(fewer, together=epoch_s, alone=epoch_s).train(trials=50, epochs=least - 1)
    Clock(enough, together=epoch_s, alone=epoch_s).train(trials=50, epochs=least)

    assert fewer.measured is None
    assert enough.measured == pytest.approx(2.0)


def test_a_few_long_epochs_tell_workers_that_take_turns():
    gain = Gain(2)

    Clock(gain, together=0.6, alone=0.3).train(trials=20, epochs=5)

    assert gain.measured == pytest.approx(1.0)


def test_an_epoch_that_is_long_by_chance_is_not_what_is_timed():
    gain = Gain(2)

    Clock(gain, together=0.1, alone=0.1, lost=LONG_S).train(trials=20, epochs=10)

    assert gain.measured == pytest.approx(2.0)


def test_a_worker_that_ends_while_it_is_timed_ends_the_pause():
    gain = Gain(2)
    for epoch in range(10):
        for worker in ("a", "b"):
            gain.epoch(worker, float(epoch), left=30)
    alone = gain.subject

    gain.ended(alone)

    assert alone in ("a", "b")
    assert gain.subject is None


def test_trials_that_always_end_too_soon_are_let_be_at_last():
    gain = Gain(2)
    begun = 0

    for start in range(0, 100_000, 100):
        for epoch in range(10):
            for worker in ("a", "b"):
                gain.epoch(worker, start + epoch, left=30)
        begun += gain.subject is not None
        gain.ended("a")
        gain.ended("b")

    assert begun == MOST_ATTEMPTS
    assert gain.measured is None


def count_measurements(pace, gains):
    """How often it measures where epochs take `pace` s and the gains are these in turn."""
    gain, now, begun = Gain(2), 0.0, 0
    while gain.measured is None:
        gain.started("a")
        gain.started("b")
        together = pace * 2 / gains[begun % len(gains)]
        before = gain.subject
        for left in range(30, 0, -1):
            now += together if gain.subject is None else pace
            for worker in ("a", "b") if gain.subject is None else (gain.subject,):
                gain.epoch(worker, now, left=left)
            if gain.subject and before is None:
                gain.paused("b" if gain.subject == "a" else "a")
                begun += 1
            before = gain.subject
        gain.ended("a")
        gain.ended("b")
    return begun


def test_short_epochs_are_timed_more_often():
    assert count_measurements(1.0, [2.0, 0.5]) == MEASUREMENTS
    assert count_measurements(0.01, [2.0, 0.5]) == MOST_MEASUREMENTS


def test_measurements_that_agree_need_no_others():
    assert count_measurements(0.01, [1.9, 1.2, 1.5]) == ALIKE
    assert count_measurements(0.01, [0.9, 0.6, 1.0]) == ALIKE
