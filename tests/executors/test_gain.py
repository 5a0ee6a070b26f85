from sweepspot.executors.gain import (
    ALIKE,
    MEASUREMENTS,
    MOST_ATTEMPTS,
    MOST_MEASUREMENTS,
    Gain,
)


class Clock:
    """Two workers whose epochs take 1 s alone, and `together` s when both train."""

    def __init__(self, gain, together):
        self.gain, self.together, self.now = gain, together, 0.0

    def train(self, trials=1, epochs=30):
        """Let both train trials of as many epochs, side by side."""
        for _ in range(trials):
            self.gain.started("a")
            self.gain.started("b")
            for epoch in range(epochs):
                subject = self.gain.subject
                self.now += 1.0 if subject else self.together
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


def test_trials_of_few_epochs_are_not_disturbed():
    gain = Gain(2)

    Clock(gain, together=1.0).train(trials=50, epochs=6)

    assert gain.measured is None


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
