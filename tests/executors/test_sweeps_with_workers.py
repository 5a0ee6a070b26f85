"""Whole sweeps with two workers: TensorFlow trains, drivers are killed and interrupted."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

pytestmark = [pytest.mark.tf, pytest.mark.slow]

KEYS = {
    "name": "pair",
    "data": {"source": "sklearn:iris"},
    "space": {
        "units": {"int": [4, 32]},
        "learning_rate": {"float": [1e-3, 1e-1], "log": True},
    },
    "train": {"epochs": 12},
    "search": {"sampler": "random", "trials": 14},
    "baseline": {"target_error": 0.05},
    "select": {"finalists": 2, "repeats": 2},
    "tracking": {"uri": "memory:"},
    "workers": 2,
}
# Without `if __name__ == "__main__":`, as people write it.
SCRIPT = """
import json, sys
print("imported", flush=True)
from sweepspot.sweep import Sweep
result = Sweep(**json.load(open("keys.json"))).run()
"""
MODEL = """
import keras


def build(hp):
    model = keras.Sequential([
        keras.Input((4,)),
        keras.layers.Dense(hp.Int("units", 4, 32), activation="relu"),
        keras.layers.Dense(3),
    ])
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss=loss)
    return model
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**keys):
    Path("keys.json").write_text(json.dumps({**KEYS, **keys}), encoding="utf-8")
    Path("sweep.yaml").write_text(json.dumps({**KEYS, **keys}), encoding="utf-8")
    Path("my_models.py").write_text(MODEL, encoding="utf-8")
    Path("script.py").write_text(SCRIPT, encoding="utf-8")


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def events(kind):
    lines = Path("mlruns/pair/journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [e for line in lines if (e := json.loads(line))["event"] == kind]


def wait_for(process, kind, count):
    journal = Path("mlruns/pair/journal.jsonl")
    while not journal.exists() or journal.read_text().count(f'"event":"{kind}"') < count:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)


def test_a_killed_script_goes_on_without_a_trial_twice_or_lost():
    write(model="my_models:build")
    killed = start("script.py")
    wait_for(killed, "result", 3)
    family = psutil.Process(killed.pid).children(recursive=True)

    killed.kill()
    out, err = killed.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    again = start("script.py")
    out_again, err_again = again.communicate()

    assert (out, out_again, err, err_again) == ("imported\n", "imported\n", "", "")
    assert len(family) == 3
    assert not alive
    assert again.returncode == 0
    numbers = Counter(
        e["result"]["trial"]["number"]
        for e in events("result")
        if not e["result"]["trial"].get("repeat")
    )
    assert numbers == Counter(range(14))
    assert Counter(e["trial"]["number"] for e in events("ask")) == Counter(range(14))
    assert {e["result"]["state"] for e in events("result")} == {"complete"}
    assert not Path("mlruns/pair/workers").exists()


def test_an_interrupt_in_the_middle_of_long_trials_exits_with_130():
    write(model="my_models:build")
    Path("my_models.py").write_text(
        MODEL.replace("def build(hp):\n", "def build(hp):\n    import time; time.sleep(3600)\n"),
        encoding="utf-8",
    )
    # A shell starts its background jobs with interrupts ignored, and tests may be one of those.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "sys.argv = ['sweepspot', 'run', 'sweep.yaml']; from sweepspot.cli import main; main()"
    )
    sweep = start("-c", code)
    wait_for(sweep, "ask", 2)
    family = psutil.Process(sweep.pid).children(recursive=True)

    os.killpg(sweep.pid, signal.SIGINT)
    _, err = sweep.communicate()

    assert sweep.returncode == 130
    assert err.splitlines() == ["interrupted; run the same command again to go on"]
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive


def test_a_worker_gives_the_same_losses_as_the_driver_to_the_last_bit():
    names = {1: "alone", 2: "pair"}
    for workers, name in names.items():
        write(name=name, workers=workers, search={"sampler": "random", "trials": 4})
        done = start("script.py")
        _, err = done.communicate()
        assert (done.returncode, err) == (0, "")

    for key in ("00000", "00001", "00002", "00003"):
        with (
            np.load(f"mlruns/alone/losses/{key}.npz") as alone,
            np.load(f"mlruns/pair/losses/{key}.npz") as pair,
        ):
            assert np.array_equal(alone["cv"], pair["cv"])
            assert np.array_equal(alone["train"], pair["train"])
