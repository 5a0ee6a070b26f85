"""What a sweep costs beside training: the driver's own part of a trial, its memory, and the end.

A trainer that returns at once stands in for Keras; everything else is what runs in a sweep:
Optuna, the journal with its fsync, the provisional verdicts, MLflow in a SQLite file, the
diagnosis, the report. "Own" is all of it but the sampler and the stand-in. Each size is a process
of its own; the sweep is then gone on with (resume) and run again (finished). A last process trains
real small networks, for the growth of memory of the driver and its workers.

    python benchmarks/driver.py                              # 100, 1,000 and 10,000 trials
    python benchmarks/driver.py 10000 --whole                # each of them through the loop
    python benchmarks/driver.py 100 1000 --sampler tpe       # some of it
    python benchmarks/driver.py 1000 --rows 10000            # with the most rows that are kept
    python benchmarks/driver.py --real 300                   # memory of real trials only
    python benchmarks/driver.py --real 300 --workers 1 --trainer plain

Without `--whole` only the first 200 and the last 100 of 10,000 go through the loop; what lies
between is written into the journal directly, and copied inside the database from the runs of the
first ones. The end of the sweep then has all of them to do.

It prints what it measured and keeps it in `driver.json` beside itself, a run of the same options
replacing the earlier one, and as tables in `driver.md`. 10,000 trials need 0.6 GB in `--folder` at
2,000 rows.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from suite.own_part import keep, measured, show, write_table

from sweepspot.data import TrainingData
from sweepspot.protocols import Report
from sweepspot.trial import Curve, Losses, State, Trial, TrialResult

WINDOW, EPOCHS, N_CLASSES = 100, 20, 4
SIZES = (WINDOW, 300, 1000, 10_000)
FIRST, WHOLE = 200, 1000
PARTS = (
    "report",
    "journal_ask",
    "journal_result",
    "tell",
    "judge",
    "post",
    "terminal",
    "tracker",
)
END = ("diagnosis", "publish", "pictures", "annotate", "frame", "report_html", "leaderboard")


class Clock:
    """Wall and CPU seconds of every call of what it was told to watch, by name."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = defaultdict(list)
        self.cpu: dict[str, list[float]] = defaultdict(list)

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Measure a function or method from now on."""
        watched: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(watched)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.running(name):
                return watched(*args, **kwargs)

        setattr(owner, method, timed)

    @contextlib.contextmanager
    def running(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.wall[name].append(time.perf_counter() - wall)
            self.cpu[name].append(time.thread_time() - cpu)


class InstantTrainer:
    """Makes the result of a trial from its settings, in about half a millisecond."""

    def __init__(self, n_rows: tuple[int, int], clock: Clock, interrupt_at: int | None) -> None:
        rng = np.random.default_rng(0)
        self._hard = [rng.exponential(size=n) for n in n_rows]
        self._noise = [rng.uniform(0.8, 1.2, size=2 * len(h)) for h in self._hard]
        self._clock = clock
        self._interrupt_at = interrupt_at
        self.first_s: float | None = None

    def train(self, group: Sequence[Trial], report: Report) -> Iterator[TrialResult]:
        for trial in group:
            self.first_s = self.first_s or time.perf_counter()
            if trial.number == self._interrupt_at:
                raise KeyboardInterrupt
            with self._clock.running("trainer"):
                result = self._result(trial)
            with self._clock.running("report"):
                for step, J_cv in zip(result.curve.steps, result.curve.J_cv, strict=True):
                    report(trial.number, step, J_cv)
            yield result

    def _result(self, trial: Trial) -> TrialResult:
        if trial.number % 50 == 7:
            return TrialResult(
                trial=trial, state=State.FAILED, reason="diverged: J_cv was nan at epoch 2"
            )
        p, rng = trial.params, np.random.default_rng(trial.seed)
        away = abs(np.log10(p["learning_rate"]) + 2.4)
        J_train = 0.05 + 0.2 * away**2 + 0.3 * p["dropout"] + 2.0 / p["units"]
        J_cv = J_train + 0.08 + 0.02 * np.log(p["units"] / 16) + 0.02 * rng.exponential()
        if trial.repeat:
            # As bad as a constant: a champion is a real network, which there is none of here.
            J_train = J_cv = 2.0
        train, cv = (
            (J * hard * noise[(at := int(rng.integers(len(hard)))) : at + len(hard)]).astype("f4")
            for J, hard, noise in zip((J_train, J_cv), self._hard, self._noise, strict=True)
        )
        fall = 1.3 * np.exp(-5 * np.arange(1, EPOCHS + 1) / EPOCHS)
        wobble = rng.normal(scale=0.01, size=(2, EPOCHS))
        return TrialResult(
            trial=trial,
            state=State.COMPLETE,
            J_train=float(train.mean()),
            J_cv=float(cv.mean()),
            error_train=float((train > 0.7).mean()),
            error_cv=float((cv > 0.7).mean()),
            best_epoch=int(rng.integers(EPOCHS // 2, EPOCHS + 1)),
            n_weights=int(20 * p["units"] + N_CLASSES * p["units"]),
            curve=Curve(
                J_train=tuple((J_train + fall + wobble[0]).tolist()),
                J_cv=tuple((J_cv + fall + wobble[1]).tolist()),
            ),
            started_s=time.time(),
            elapsed_s=1.0,
            train_s=0.8,
            losses=Losses(
                train=train,
                cv=cv,
                train_errors=(train > 0.7).astype("f4"),
                cv_errors=(cv > 0.7).astype("f4"),
            ),
        )


def keys(trials: int, sampler: str) -> dict[str, Any]:
    return {
        "name": "driver",
        "data": {"source": "rows.npz", "split": {"cv": 0.4, "test": 0.2}},
        "task": "multiclass",
        "space": {
            "layers": {"int": [1, 3]},
            "units": {"int": [16, 256], "log": True},
            "learning_rate": {"float": [1e-4, 1e-1], "log": True},
            "dropout": {"float": [0.0, 0.5]},
            "l2": {"float": [1e-6, 1e-2], "log": True},
            "optimizer": {"choice": ["adam", "rmsprop", "sgd"]},
            "activation": {"choice": ["relu", "tanh"]},
        },
        "train": {"epochs": EPOCHS},
        "baseline": {"target_error": 0.1},
        "search": {"engine": "optuna", "sampler": sampler, "trials": trials, "seed": 0},
        "select": {"finalists": 2, "repeats": 3},
    }


def write_rows(path: Path, rows: int) -> None:
    """Write a data set of which `rows` are kept of the train and of the cv split."""
    rng = np.random.default_rng(0)
    n = int(rows / 0.4) + 1
    X = rng.normal(size=(n, 20)).astype(np.float32)
    y = (X @ rng.normal(size=(20, N_CLASSES))).argmax(1)
    np.savez(path, X=X, y=y)


def measure_here(trials: int, sampler: str, phase: str) -> dict[str, Any]:
    """Run one phase of a sweep in the working directory: `sweep`, `resume` or `finished`."""
    import keras  # noqa: F401 - a driver has it loaded

    import sweepspot.driver as driver
    import sweepspot.executors.workers as workers_of
    import sweepspot.tracking.mlflow as mlflow_tracker
    from sweepspot.engines.optuna import OptunaEngine
    from sweepspot.executors.inline import InlineExecutor
    from sweepspot.journal import Journal
    from sweepspot.judging import Judge
    from sweepspot.report import terminal
    from sweepspot.sweep import Sweep
    from sweepspot.tracking.outbox import Outbox

    clock, moments, trainers = Clock(), [], []
    for owner, method, name in (
        (OptunaEngine, "ask", "ask"),
        (OptunaEngine, "tell", "tell"),
        (OptunaEngine, "replay", "replay"),
        (Journal, "ask", "journal_ask"),
        (Journal, "result", "journal_result"),
        (Journal, "__init__", "journal_open"),
        (Judge, "provisional", "judge"),
        (Judge, "all", "diagnosis"),
        (Outbox, "record", "post"),
        (mlflow_tracker.MlflowTracker, "record", "tracker"),
        (mlflow_tracker.MlflowTracker, "annotate", "annotate"),
        (driver.Driver, "_paint", "pictures"),
        (driver, "as_frame", "frame"),
        (driver, "write_report", "report_html"),
        (driver.Driver, "_publish", "publish"),
    ):
        clock.watch(owner, method, name)

    def make_instant(spec: Any, data: TrainingData, folder: Path) -> InlineExecutor:
        interrupt_at = trials if phase == "resume" else None
        n_rows = (len(data.kept_train), len(data.kept_cv))
        trainers.append(InstantTrainer(n_rows, clock, interrupt_at))
        return InlineExecutor(trainers[-1])

    search = driver.Driver._search

    def search_and_deliver(self: Any, workers: Any, outbox: Outbox) -> None:
        moments.append((time.perf_counter(), time.process_time()))
        search(self, workers, outbox)
        undelivered = outbox.drain(timeout_s=3600)
        moments.append((time.perf_counter(), time.process_time()))
        if undelivered:
            raise RuntimeError(f"{undelivered} calls were not delivered: {outbox.problem}")
        memory["search"] = resident_mb()

    memory = {"start": resident_mb()}
    workers_of.make_executor = make_instant
    driver.Driver._search = search_and_deliver
    asked = trials + 1 if phase == "resume" else trials
    sweep = Sweep(**keys(asked, sampler))
    started = time.perf_counter()
    try:
        result = sweep.run(Ended(clock))
    except KeyboardInterrupt:
        ended = time.perf_counter()
        return {
            "to_first_trial_s": trainers[0].first_s - started,
            "after_interrupt_s": ended - trainers[0].first_s,
            "journal_open_s": sum(clock.wall["journal_open"]),
            "replay_s": sum(clock.wall["replay"]),
            "peak_mb": peak_mb(),
        }
    ended = time.perf_counter()
    if phase == "finished":
        return {"wall_s": ended - started, "unsent": result.unsent, **phases(clock)}
    with clock.running("leaderboard"):
        terminal.leaderboard(result.frame, champion=None)
    after = ended - moments[1][0]
    return {
        **({} if len(clock.cpu["ask"]) < trials else whole_loop(clock, moments, trials)),
        "windows": windows(clock, trials),
        "end": {**phases(clock), "all": after},
        "unsent": result.unsent,
        "memory_mb": {**memory, "peak": peak_mb()},
        "disk_mb": disk(),
        "report_mb": result.report.stat().st_size / 1e6,
    }


class Ended:
    """A watcher like the terminal's plain one, that writes to nowhere."""

    def __init__(self, clock: Clock) -> None:
        from rich.console import Console

        from sweepspot.report.terminal import PlainTerminal

        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
        self._lines = PlainTerminal(Console(file=nowhere))
        self._clock = clock
        self.planned, self.say = self._lines.planned, self._lines.say

    def ended(self, *args: Any) -> None:
        with self._clock.running("terminal"):
            self._lines.ended(*args)


def whole_loop(clock: Clock, moments: Any, trials: int) -> dict[str, float]:
    return {
        "own_wall_ms": own(moments, clock.wall, 0, trials),
        "own_cpu_ms": own(moments, clock.cpu, 1, trials),
        "loop_wall_ms": 1000 * (moments[1][0] - moments[0][0]) / trials,
    }


def own(moments: Any, seconds: dict[str, list[float]], which: int, trials: int) -> float:
    whole = moments[1][which] - moments[0][which]
    return 1000 * (whole - sum(seconds["ask"]) - sum(seconds["trainer"][:trials])) / trials


def phases(clock: Clock) -> dict[str, float]:
    return {name: sum(clock.wall[name]) for name in END}


def windows(clock: Clock, trials: int) -> dict[str, dict[str, float]]:
    """Return CPU milliseconds a trial by part, over the hundred trials before each size."""
    rows = {}
    # Of a filled sweep the last hundred alone went through the loop.
    whole = len(clock.cpu["ask"]) >= trials
    ends = {trials, *(n for n in SIZES if n <= trials)} if whole else {trials}
    for end in sorted(ends):
        part = slice(max(0, end - WINDOW), end) if whole else slice(-WINDOW, None)
        row = {name: 1000 * float(np.mean(clock.cpu[name][part])) for name in ("ask", *PARTS)}
        row["own"] = sum(row[name] for name in PARTS)
        row["own_wall"] = 1000 * sum(float(np.mean(clock.wall[name][part])) for name in PARTS)
        rows[str(end)] = row
    return rows


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def disk() -> dict[str, float]:
    sizes: dict[str, float] = defaultdict(float)
    for path in Path("mlruns").rglob("*"):
        if path.is_file():
            inside = path.relative_to("mlruns").parts
            name = inside[1] if inside[0] == "driver" else inside[0]
            sizes[name] += path.stat().st_size / 1e6
    return dict(sizes)


def measure_real(trials: int, workers: str, trainer: str) -> dict[str, Any]:
    """Train real networks through a whole driver, and follow its memory and that of its workers."""
    from sweepspot.sweep import Sweep

    settled = min(50, trials // 2)
    mb_at: dict[int, dict[str, float]] = {}
    trained_in: set[int] = set()

    class Follower(Ended):
        def ended(self, *args: Any) -> None:
            super().ended(*args)
            done = args[2]
            if done % settled == 0 or done == trials:
                mb_at[done] = held_mb(trained_in)

    sweep = Sweep(
        **{
            **keys(trials, "random"),
            "name": "real",
            "data": {"source": "sklearn:iris"},
            "task": None,
            "train": {"epochs": 3, "batch_size": 32},
            "select": {"finalists": 1, "repeats": 1},
            "workers": int(workers) if workers.isdigit() else workers,
            "trainer": trainer,
        }
    )
    result = sweep.run(Follower(Clock()))
    first, last = mb_at[settled], mb_at[trials]
    return {
        "mb_at": {str(n): held for n, held in mb_at.items()},
        "mb_a_trial": {
            who: (last[name] - first[name]) / (trials - settled)
            for who, name in (("driver", "driver_rss"), ("workers", "workers_uss"))
            if name in last
        },
        "trainers": result.frame["trainer"].value_counts().to_dict(),
        "trained_in": len(trained_in) or 1,
        "peak_mb": peak_mb(),
        "threads": threading.active_count(),
    }


def held_mb(seen: set[int]) -> dict[str, float]:
    """Return what the driver holds, and what its workers do; `seen` is given their numbers."""
    held = {"driver_rss": resident_mb()}
    # A worker is forked by the driver's one child.
    workers = [w for server in psutil.Process().children() for w in server.children()]
    seen.update(worker.pid for worker in workers)
    if workers:
        facts = [worker.memory_full_info() for worker in workers]
        held["workers"] = len(workers)
        held["workers_rss"] = sum(fact.rss for fact in facts) / 1e6
        held["workers_uss"] = sum(fact.uss for fact in facts) / 1e6
    return held


def in_process(folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--here", *options]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def fill(folder: Path, trials: int, sampler: str) -> None:
    """Write trials `FIRST + 1` to `trials - 1` as if the loop had, but for their verdicts."""
    from sweepspot.journal import Journal
    from sweepspot.sweepfile import parse_spec

    space, rng = parse_spec(keys(trials, sampler)).points, np.random.default_rng(1)
    numbers = range(FIRST + 1, trials)
    with Journal(folder / "mlruns" / "driver") as journal:
        losses = journal.losses(journal.results[0])
        trainer = InstantTrainer((len(losses.train), len(losses.cv)), Clock(), None)
        for number in numbers:
            trial = Trial(number=number, params=space.sample(rng), seed=number, epochs=EPOCHS)
            journal.ask(trial)
            journal.result(trainer._result(trial))
    with contextlib.closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as store, store:
        find = "SELECT value, run_uuid FROM tags WHERE key = 'sweepspot.number'"
        templates = {int(number): run for number, run in store.execute(find)}
        for number in numbers:
            copy_run(store, templates[number % FIRST], number)


def copy_run(store: sqlite3.Connection, template: str, number: int) -> None:
    made = uuid.uuid4().hex
    for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
        names = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
        values = ", ".join("?" if n == "run_uuid" else n for n in names)
        store.execute(
            f"INSERT INTO {table} ({', '.join(names)}) "
            f"SELECT {values} FROM {table} WHERE run_uuid = ?",
            (made, template),
        )
    store.execute(
        "UPDATE tags SET value = ? WHERE run_uuid = ? AND key = 'sweepspot.number'",
        (str(number), made),
    )


def measure(
    *, trials: int, sampler: str, rows: int, whole: bool, parent: str | None
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="driver-", dir=parent) as name:
        folder = Path(name)
        write_rows(folder / "rows.npz", rows)
        options = (str(trials), "--sampler", sampler, "--phase")
        if not whole:
            in_process(folder, str(FIRST), *options[1:], "resume")
            fill(folder, trials - WINDOW, sampler)
        found = in_process(folder, *options, "sweep")
        found["finished"] = in_process(folder, *options, "finished")
        found["resume"] = in_process(folder, *options, "resume")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", nargs="*", type=int)
    parser.add_argument("--sampler", default="random", choices=["random", "tpe"])
    parser.add_argument("--rows", type=int, default=2000, help="kept of each split")
    parser.add_argument("--real", type=int, default=0, help="train so many real networks instead")
    parser.add_argument("--whole", action="store_true", help="every trial through the loop")
    parser.add_argument("--folder", help="where the sweep is; default the temporary folder")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--phase", default="sweep", help=argparse.SUPPRESS)
    parser.add_argument("--workers", default="auto", help="of the real trials: auto or a number")
    parser.add_argument("--trainer", default="auto", choices=["auto", "plain"], help="of them")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    asked = parser.parse_args()
    if asked.here:
        found = (
            measure_real(asked.real, asked.workers, asked.trainer)
            if asked.real
            else measure_here(asked.trials[0], asked.sampler, asked.phase)
        )
        print(json.dumps(found))
        return
    for run in runs(asked):
        print(show(run), flush=True)
        write_table(keep(run, asked.out), asked.out.with_suffix(".md"))


def runs(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure what is asked for, one run after another."""
    for trials in asked.trials or ([] if asked.real else [100, 1000, 10_000]):
        whole = asked.whole or trials <= WHOLE
        options = {"trials": trials, "sampler": asked.sampler, "rows": asked.rows, "whole": whole}
        yield measured(options, functools.partial(measure, **options, parent=asked.folder))
    if asked.real or not asked.trials:
        real = {"real": asked.real or 300, "workers": asked.workers, "trainer": asked.trainer}
        with tempfile.TemporaryDirectory(prefix="driver-", dir=asked.folder) as folder:
            words = [f"--{name}={value}" for name, value in real.items()]
            yield measured(real, functools.partial(in_process, Path(folder), *words))


if __name__ == "__main__":
    main()
