"""Sweepspot's speed and quality beside what people use today, on the same configurations.

Each side of each repeat is a process of its own, and the sides take turns. What a process prints
is kept as it is in `bench.json` beside this file, with the versions, the machine and its load;
`bench.md` is the table of it. Imports and the start of processes are left out on all sides, and
stated beside.

    python benchmarks/bench.py                                # everything; takes hours
    python benchmarks/bench.py --work digits48 --repeats 3    # one work
    python benchmarks/bench.py --missing                      # what this source lacks; goes on
    python benchmarks/bench.py --quick                        # whether all of it runs; minutes
    python benchmarks/bench.py --table                        # write the table anew, no more
    python benchmarks/bench.py --table --pictures docs/images/performance

MNIST and the houses of California are made up unless files are given (--mnist, --housing). Ray
Tune is measured where it can be imported: give an environment that has it with --ray-python.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from suite.clock import Clock
from suite.works import CHASES, HAND, OURS, WORKS, Job, jobs, quick

HERE = Path(__file__).parent
RESULT = "RESULT "
FIXED_POINTS = ("dropout", "identical", "arithmetic", "growth")
"""Works whose repeats all train the same points."""


def main() -> None:
    options = parse()
    if options.child:
        print(RESULT + json.dumps(in_this_process(json.loads(sys.stdin.read()))))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated; --missing goes on"))
    from suite.records import Records

    records = Records.read(options.out)
    failed = 0 if options.table else measure(options, records)
    from suite.table import write_table

    print(write_table(records, options.out.with_suffix(".md")))
    if options.pictures:
        from suite.pictures import draw

        for path in draw(records, options.pictures):
            say(f"drew {path}")
    if failed:
        raise SystemExit(f"{failed} measurements failed, see above; --missing tries them again")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", action="append", choices=WORKS, help="may be repeated")
    parser.add_argument("--side", action="append", help="these sides alone; may be repeated")
    parser.add_argument("--repeats", type=int, help="of each side, instead of the work's own")
    parser.add_argument("--missing", action="store_true", help="skip what is measured already")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, kept elsewhere")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--pictures", type=Path, help="folder to draw pictures of it all into")
    parser.add_argument("--out", type=Path, help="JSON file to merge into")
    parser.add_argument("--mnist", type=Path, help="a .npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--housing", type=Path, help="a CSV of houses")
    parser.add_argument("--housing-target", default="median_house_value")
    parser.add_argument("--ray-python", help="interpreter that can import ray and tensorflow")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    scratch = Path(tempfile.gettempdir()) / "sweepspot-bench"
    options.data = scratch / "data"
    if options.out is None:
        options.out = (scratch if options.quick else HERE) / "bench.json"
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.ray_python is None and find_spec("ray"):
        options.ray_python = sys.executable
    return options


def measure(options: argparse.Namespace, records: Any) -> int:
    """Measure what is asked for, and return how many processes failed."""
    from suite.records import environment, source

    if forgotten := records.keep_only(environment()):
        say(f"{options.out.name} has {forgotten} figures of another machine; they are left out")
    failed = 0
    for name in options.work or WORKS:
        work = quick(WORKS[name]) if options.quick else WORKS[name]
        for job in jobs(name, work, options.repeats):
            if options.side and job["side"] not in options.side:
                continue
            shown = f"{job['work']} {job['side']} {job['repeat']}"
            if options.missing and records.has(job, source()):
                continue
            try:
                values = measure_one(job, options, records)
                seconds = values.get("search_s")
                say(f"{shown}: {f'{seconds:.1f} s' if seconds else 'done'}")
            except LeftOutError as exc:
                say(f"{shown}: left out: {exc}")
            except MeasurementError as exc:
                failed += 1
                say(f"{shown}: {exc}")
    return failed


class LeftOutError(Exception):
    """A job that cannot be measured here; the message says why."""


class MeasurementError(Exception):
    """A process ended without an answer; the message is the end of what it wrote."""


def measure_one(job: Job, options: argparse.Namespace, records: Any) -> dict[str, Any]:
    from suite.records import commit, environment, now, source

    python = sys.executable
    if job["side"] == "ray_tune":
        if not options.ray_python:
            raise LeftOutError("no Ray; pip install -e '.[bench]' and see --ray-python")
        python = options.ray_python
    full = prepared(job, options, records)
    load = os.getloadavg()
    values = in_process(full, python)
    facts = {
        "date": now(),
        "commit": commit(),
        "source": source(),
        "load": [round(value, 2) for value in load],
        "made_up_data": full["made"],
        "environment": environment(None if python == sys.executable else python),
    }
    records.add(full, values, facts)
    return values


def prepared(job: Job, options: argparse.Namespace, records: Any) -> Job:
    """Complete a job with its data, its points, and what it chases."""
    import numpy as np
    from suite.data import Files, prepare

    from sweepspot.sweepfile import parse_spec

    files = Files(
        folder=options.data,
        mnist=options.mnist,
        housing=options.housing,
        target=options.housing_target,
    )
    full = {**job, **prepare(job["data"], files)}
    with np.load(full["arrays"]) as stored:
        full["shape"] = list(stored["X"].shape[1:])
    full["points"] = None
    if job["work"] not in CHASES:
        rng = np.random.default_rng(0 if job["work"] in FIXED_POINTS else job["repeat"])
        declared = {"name": "points", "data": {"source": "sklearn:digits"}, "model": job["model"]}
        points = parse_spec({**declared, "space": job["space"]}).points
        full["points"] = [points.sample(rng) for _ in range(job["trials"])]
    elif job["side"] == OURS:
        theirs = records.records.get((job["work"], HAND, job["repeat"]))
        if theirs is None:
            raise LeftOutError("it chases the hand-written loop, which is not measured")
        full["target"] = theirs["values"]["best"]
    return full


def in_process(job: Job, python: str) -> dict[str, Any]:
    """Measure a job in a new process, in an empty folder, with a quiet console."""
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    quiet |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    command = [python, str(Path(__file__).resolve()), "--child"]
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            command,
            cwd=folder,
            env=quiet,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child,
    ):
        try:
            written, complaints = child.communicate(json.dumps(job))
        finally:
            # Interrupted, or with workers left behind: nothing may run beside the next.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    answers = [line for line in written.splitlines() if line.startswith(RESULT)]
    if child.returncode or not answers:
        raise MeasurementError(f"ended with {child.returncode}:\n{complaints[-3000:]}")
    values: dict[str, Any] = json.loads(answers[-1].removeprefix(RESULT))
    return values


def in_this_process(job: Job) -> dict[str, Any]:
    """Measure a job here."""
    clock = Clock()
    clock.mark("started")
    if job["side"] in ("by_hand", "keras_tuner", "ray_tune"):
        from suite.peers import PEERS

        return PEERS[job["side"]](job, clock)
    if job["work"] in ("identical", "dropout"):
        from suite import quality

        return {"identical": quality.identical, "dropout": quality.dropout}[job["work"]](job, clock)
    from suite import ours

    return (ours.arithmetic if job["work"] == "arithmetic" else ours.sweep)(job, clock)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
