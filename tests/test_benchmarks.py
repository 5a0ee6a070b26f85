"""What the benchmarks compare, and what they keep, is what they say."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BURN = "import time\nwhile time.process_time() < 0.4: pass"


@pytest.fixture(autouse=True)
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("script", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: path.name)
def test_benchmarks_import_what_there_is(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sweepspot"):
            module = import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name) or find_spec(f"{node.module}.{alias.name}")


def job(**changes: Any) -> dict[str, Any]:
    from suite.works import WORKS, jobs

    first = next(jobs("digits48", WORKS["digits48"]))
    return {**first, "side": "sweepspot", **changes}


def machine(**changes: Any) -> dict[str, Any]:
    return {"cpu": "Abacus", "cores": 2, "memory_gb": 8, "system": "Linux x86_64", **changes}


def facts(source: str, **changes: Any) -> dict[str, Any]:
    return {"source": source, "load": [0.0], "environment": machine(**changes)}


def test_a_repeat_measured_again_replaces_the_earlier(tmp_path: Path) -> None:
    from suite.records import Records

    records = Records(path=tmp_path / "bench.json")
    for seconds in (9.0, 3.0):
        records.add(job(), {"search_s": seconds}, facts("a"))

    read = Records.read(tmp_path / "bench.json")

    assert [r["values"]["search_s"] for r in read.of("digits48", "sweepspot")] == [3.0]


def test_a_job_is_missing_when_source_or_settings_differ(tmp_path: Path) -> None:
    from suite.records import Records

    records = Records(path=tmp_path / "bench.json")
    records.add(job(), {}, facts("a"))

    assert records.has(job(), "a")
    assert not records.has(job(), "b")
    assert not records.has(job(epochs=3), "a")
    assert not records.has(job(repeat=1), "a")


def test_the_loop_that_is_chased_is_measured_once_for_all_sources(tmp_path: Path) -> None:
    from suite.records import Records

    records = Records(path=tmp_path / "bench.json")
    for side in ("by_hand", "sweepspot"):
        records.add(job(work="chase_digits", side=side), {}, facts("a"))

    assert records.has(job(work="chase_digits", side="by_hand"), "b")
    assert not records.has(job(work="chase_digits", side="sweepspot"), "b")


def test_ratios_are_of_repeats_of_one_source(tmp_path: Path) -> None:
    from suite.records import Records
    from suite.table import pairs

    records = Records(path=tmp_path / "bench.json")
    for repeat, sources in enumerate(["aa", "ab"]):
        for side, source in zip(("by_hand", "sweepspot"), sources, strict=True):
            records.add(job(side=side, repeat=repeat), {}, facts(source))

    both = pairs(records, "digits48", "by_hand")

    assert [(t["side"], o["side"], t["repeat"]) for t, o in both] == [("by_hand", "sweepspot", 0)]


def test_figures_of_another_machine_are_left_out(tmp_path: Path) -> None:
    from suite.records import Records

    records = Records(path=tmp_path / "bench.json")
    records.add(job(repeat=0), {}, facts("a"))
    records.add(job(repeat=1), {}, facts("a", packages={"keras": "3.15.1"}))
    records.add(job(repeat=2), {}, facts("a", cores=16))

    assert records.keep_only(machine()) == 1
    assert [r["repeat"] for r in records.of("digits48", "sweepspot")] == [0, 1]


def test_processor_time_of_child_processes_counts() -> None:
    from suite.clock import tree_cpu_s

    before = tree_cpu_s()
    subprocess.run([sys.executable, "-c", BURN], check=True)

    # The system counts in ticks of 0.01 s.
    assert tree_cpu_s() - before >= 0.35


def test_all_sides_train_the_same_rows(tmp_path: Path) -> None:
    from suite.data import Files, prepare

    from sweepspot.datasets import load_dataset
    from sweepspot.spec import Data

    prepared = prepare("rows1000", Files(folder=tmp_path))
    data = load_dataset(Data(**prepared["section"]), task=None, folder=Path()).training

    with np.load(prepared["arrays"]) as arrays:
        assert arrays["X"].shape == (1000, 26)
        np.testing.assert_array_equal(arrays["X"], data.train.X)
        np.testing.assert_array_equal(arrays["y_cv"], data.cv.y)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "shape", "point"),
    [
        ("mlp", (6,), {"layers": 3, "units": 5, "dropout": 0.1, "l2": 0.01, "optimizer": "sgd"}),
        ("mlp", (4, 4), {"layers": 1, "units": 7, "dropout": 0.1, "l2": 0.1, "optimizer": "adam"}),
        ("cnn", (8, 8), {"blocks": 2, "filters": 3, "units": 5, "dropout": 0.1}),
    ],
)
def test_the_network_by_hand_is_that_of_the_family(
    model: str, shape: tuple[int, ...], point: dict[str, Any]
) -> None:
    from suite.networks import build

    from sweepspot.data import Task
    from sweepspot.families import make_family

    hp = {**point, "learning_rate": 0.02}
    X = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    theirs = make_family(model)(hp, shape, Task.MULTICLASS, 4)
    ours = build({"model": model, "shape": shape, "n_outputs": 4, "task": "multiclass"}, hp)
    ours.set_weights(theirs.get_weights())

    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-5)
    assert float(sum(ours.losses)) == pytest.approx(float(sum(theirs.losses)))
    by_hand, family = ({**m.optimizer.get_config(), "name": ""} for m in (ours, theirs))
    assert by_hand == family


SWEEP = {"trials": 300, "sampler": "random", "rows": 2000, "whole": True}
REAL = {"real": 300, "workers": "auto", "trainer": "plain"}


def swept(**changes: Any) -> dict[str, Any]:
    """Return what a sweep gave that is at each of its limits."""
    values = {
        "own_cpu_ms": 30.0,
        "loop_wall_ms": 60.0,
        "windows": {"100": {"own": 20.0}, "300": {"own": 30.0}},
        "memory_mb": {"peak": 1500.0},
        "resume": {"to_first_trial_s": 15.0},
        "end": {"all": 2.0},
        "finished": {"wall_s": 1.0},
        "disk_mb": {"losses": 3.0},
        "report_mb": 1.0,
        "unsent": 0,
    }
    return {**values, **changes}


def trained(driver: float, workers: float) -> dict[str, Any]:
    return {
        "mb_at": {"300": {"driver_rss": 900.0, "workers_uss": 200.0}},
        "mb_a_trial": {"driver": driver, "workers": workers},
        "trainers": {"plain": 300},
        "trained_in": 2,
        "peak_mb": 950.0,
        "threads": 1,
    }


def missed(run: dict[str, Any]) -> list[str]:
    return [limit["what"] for limit in run["limits"] if not limit["met"]]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, []),
        ({"own_cpu_ms": 30.1}, ["own part"]),
        (
            {"windows": {"100": {"own": 20.0}, "300": {"own": 30.1}}},
            ["own part at trial 300 to that at 100"],
        ),
        ({"loop_wall_ms": 61.0}, ["whole loop with random sampling"]),
        ({"memory_mb": {"peak": 1501.0}}, ["memory at the peak"]),
        ({"resume": {"to_first_trial_s": 15.1}}, ["resume, until a trial is trained"]),
    ],
)
def test_the_drivers_part_is_held_against_its_limits(
    changes: dict[str, Any], what: list[str]
) -> None:
    from suite.own_part import measured

    run = measured(SWEEP, lambda: swept(**changes))

    assert len(run["limits"]) == 5
    assert missed(run) == what


def test_memory_of_real_trials_is_held_against_its_limit_in_driver_and_workers() -> None:
    from suite.own_part import measured

    assert missed(measured(REAL, lambda: trained(0.4, 0.5))) == []
    assert missed(measured(REAL, lambda: trained(0.6, 0.4))) == ["memory of the driver"]
    assert missed(measured(REAL, lambda: trained(0.4, 0.6))) == ["memory of the workers"]


def test_a_run_of_the_driver_says_where_and_when_it_was_measured() -> None:
    from suite.own_part import measured

    run = measured(SWEEP, swept)

    assert all(run[fact] for fact in ("date", "commit", "source", "load"))
    assert all(run["environment"][fact] for fact in ("cpu", "cores", "python", "packages"))


def test_runs_of_the_driver_stand_beside_those_of_other_options(tmp_path: Path) -> None:
    from suite.own_part import keep, measured

    path = tmp_path / "driver.json"
    keep(measured(REAL, lambda: trained(0.1, 0.1)), path)
    keep(measured(SWEEP, lambda: swept(own_cpu_ms=7.0)), path)

    kept = keep(measured(SWEEP, lambda: swept(own_cpu_ms=8.0)), path)

    assert [run.get("own_cpu_ms") for run in kept] == [8.0, None]
    assert json.loads(path.read_text())["runs"] == kept


def test_the_table_of_the_driver_says_what_was_met(tmp_path: Path) -> None:
    from suite.own_part import measured, write_table

    runs = [measured(SWEEP, swept), measured(REAL, lambda: trained(0.75, 0.25))]

    write_table(runs, tmp_path / "driver.md")

    lines = (tmp_path / "driver.md").read_text().splitlines()
    assert "## 300 trials, random, 2,000 rows kept a split, each through the loop" in lines
    assert "| own part | 30 ms CPU a trial | 30 | met |" in lines
    assert "## 300 real trials, workers: auto, trainer: plain" in lines
    assert "| memory of the driver | 0.75 MB a trial | 0.5 | not met |" in lines
    assert "| memory of the workers | 0.25 MB a trial | 0.5 | met |" in lines


def test_the_driver_is_watched_at_a_hundred_and_more_trials() -> None:
    import driver

    clock = driver.Clock()
    for name in (*driver.PARTS, "ask"):
        clock.wall[name] = clock.cpu[name] = [0.001] * 100 + [0.002] * 200 + [0.003] * 20

    rows = driver.windows(clock, 320)

    assert list(rows) == ["100", "300", "320"]
    parts = len(driver.PARTS)
    assert [row["own"] / parts for row in rows.values()] == pytest.approx([1.0, 2.0, 2.2])
    assert [row["ask"] for row in rows.values()] == pytest.approx([1.0, 2.0, 2.2])
