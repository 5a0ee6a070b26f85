"""The order in which a driver does things, and what it leaves behind when one of them raises."""

import json
import socket
from pathlib import Path

import psutil
import pytest

from sweepspot.driver import Nobody
from sweepspot.errors import TrackingError
from sweepspot.sweep import Sweep
from sweepspot.tracking.memory import MemoryTracker

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

KEYS = {
    "name": "order",
    "data": {"source": "sklearn:iris"},
    "space": {
        "units": {"int": [4, 32]},
        "learning_rate": {"float": [1e-3, 1e-1], "log": True},
    },
    "train": {"epochs": 3},
    "search": {"sampler": "random", "trials": 4},
    "select": {"finalists": 1, "repeats": 2},
    "tracking": {"uri": "memory:"},
    "workers": 2,
}


class Stopper(Nobody):
    """Stops a sweep at a phase, and remembers the phases and the workers' processes by then."""

    def __init__(self, phase=None, error=KeyboardInterrupt):
        self.phase = phase
        self.error = error
        self.said = []
        self.processes = None

    def say(self, text):
        self.said.append(text)
        if self.phase and text.startswith(self.phase):
            self.processes = workers()
            raise self.error


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def workers():
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "forkserver" in " ".join(child.cmdline())]


def test_workers_load_their_libraries_while_the_baseline_is_trained():
    stopper = Stopper("training hist_gradient_boosting")

    with pytest.raises(KeyboardInterrupt):
        Sweep(**KEYS).run(stopper)

    assert len(stopper.processes) == 1
    assert workers() == []
    assert not Path("mlruns/order/workers").exists()


def test_one_worker_starts_no_process():
    stopper = Stopper("training hist_gradient_boosting")

    with pytest.raises(KeyboardInterrupt):
        Sweep(**{**KEYS, "workers": 1}).run(stopper)

    assert stopper.processes == []


def test_a_store_that_cannot_be_opened_is_told_before_anything_slow():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    stopper = Stopper()

    with pytest.raises(TrackingError, match="does not answer"):
        Sweep(**{**KEYS, "tracking": {"uri": f"http://127.0.0.1:{port}"}}).run(stopper)

    assert stopper.said == []
    assert workers() == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt, "KILLED"), (TrackingError, "FAILED"), (ZeroDivisionError, "FAILED")],
)
def test_the_run_of_a_sweep_that_ends_early_tells_an_error_from_an_interruption(
    error, status, monkeypatch
):
    opened = MemoryTracker()
    monkeypatch.setattr("sweepspot.driver.make_tracker", lambda uri: opened)

    with pytest.raises(error):
        Sweep(**{**KEYS, "workers": 1}).run(Stopper("training hist_gradient_boosting", error))

    assert [run.status for run in opened.runs.values()] == [status]


@pytest.mark.tf
def test_a_finished_sweep_starts_no_process_and_trains_no_baseline_again():
    first, again = Stopper(), Stopper()
    Sweep(**KEYS).run(first)

    Sweep(**KEYS).run(again)

    assert any(text.startswith("training hist_gradient_boosting") for text in first.said)
    assert again.said == []


@pytest.mark.tf
def test_verdicts_are_on_their_way_before_the_finalists_train(monkeypatch):
    calls = []

    def noting(method):
        real = getattr(MemoryTracker, method)

        def noted(self, what, *args, **more):
            key = what if method == "annotate" else what.trial.key
            calls.append((method, key, sorted(k for k, v in more.items() if v)))
            return real(self, what, *args, **more)

        return noted

    for method in ("record", "annotate"):
        monkeypatch.setattr(MemoryTracker, method, noting(method))
    result = Sweep(**KEYS).run()

    kinds = [(method, more) for method, key, more in calls if key is not None]
    verdicts = [at for at, (_, more) in enumerate(kinds) if "description" in more]
    repeats = [at for at, (method, _) in enumerate(kinds) if method == "record"][4:]
    pictures = [at for at, (_, more) in enumerate(kinds) if more == ["files"]]
    assert len(verdicts) == len(pictures) == 4
    assert len(repeats) == 2
    assert max(verdicts) < min(repeats + pictures)
    assert json.loads(result.report.with_name("outcome.json").read_text())
