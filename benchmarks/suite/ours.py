"""Sweepspot's side: the whole path of a user, `Sweep(...).run()`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from suite.clock import Clock
from suite.works import CHASES, MOST_CHASED

__all__ = ["arithmetic", "declare", "sweep"]

GEMM_SIZES, GEMM_REPEATS = (1024, 2048), 10


class _Reached(BaseException):
    """J_cv is as low as was asked; nothing else in a sweep catches it."""


def sweep(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Run a sweep to its champion, or until it is as good as `job["target"]`."""
    _import(clock)
    from sweepspot.driver import Nobody

    target, reached = job.get("target"), []

    class Watch(Nobody):
        def ended(self, result: Any, *_: Any) -> None:
            clock.mark("last")
            if result.J_cv is not None:
                so_far = min(result.J_cv, reached[-1][1] if reached else np.inf)
                reached.append((clock.now(), so_far))
                if target is not None and so_far <= target:
                    raise _Reached

    _watch_asking(clock)
    declared = declare(job)
    clock.mark("began")
    try:
        declared.run(Watch())
        champion = True
    except _Reached:
        champion = False
    clock.mark("ended")
    first = clock.marks["asked"][0]
    results = _results(declared.spec.name)
    return {
        **clock.times(),
        **_start(results, clock),
        "workers": _count_workers(declared),
        "best": min(r.J_cv for r in results if r.J_cv is not None),
        "epochs": sum(r.epochs for r in results),
        "trials": len(results),
        "failed": sum(r.J_cv is None for r in results),
        "train_s": sum(r.train_s for r in results),
        "tiers": dict(Counter(r.trainer for r in results)),
        "reasons": dict(Counter(r.trainer_reason for r in results if r.trainer == "plain")),
        "ran_to_its_end": champion,
        "reached": [[t - first, J] for t, J in reached] if job["work"] in CHASES else [],
    }


def arithmetic(job: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Train one shape of network again and again, then multiply matrices in the same process."""
    values = sweep({**job, "workers": 1}, clock)
    import tensorflow as tf

    data = np.load(job["arrays"])
    widths = [data["X"].shape[1], *[job["space"]["units"]] * job["space"]["layers"]]
    widths.append(job["n_outputs"])
    work = [2 * a * b for a, b in pairwise(widths)]
    # Forward, the slope by the weights, and but for the first layer that by the inputs.
    a_row = 3 * sum(work) - work[0]
    done = a_row * len(data["X"]) * values["epochs"]
    peak = max(_gemm(size) for size in GEMM_SIZES)
    rate = done / values["train_s"]
    return {
        **values,
        "gflops": rate / 1e9,
        "gemm_gflops": peak / 1e9,
        "share_of_peak": rate / peak,
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
    }


def declare(job: Mapping[str, Any]) -> Any:
    """Return the sweep of a job, all that the job does not name left at its default."""
    from sweepspot.spec import SweepSpec
    from sweepspot.sweep import Sweep

    search: dict[str, Any] = {"trials": job["trials"], "seed": job["repeat"]}
    if job["points"]:
        search |= {"start": job["points"], "sampler": "random"}
    elif job.get("target") is not None:
        search["trials"] = MOST_CHASED * job["trials"]
    keys: dict[str, Any] = {}
    if "workers" in job and "workers" in SweepSpec.model_fields:
        keys["workers"] = job["workers"]
    if "select" in job:
        keys["select"] = job["select"]
    return Sweep(
        name="bench",
        data=job["section"],
        task=job["task"],
        model=job["model"],
        space=job["space"],
        train={
            "epochs": job["epochs"],
            "batch_size": job["batch_size"],
            "early_stopping": {"patience": job["patience"]} if job["patience"] else None,
        },
        search=search,
        trainer=job["trainer"],
        **keys,
    )


def _import(clock: Clock) -> None:
    """Import what a sweep imports while it runs, and what the other sides import before."""
    from sweepspot.quiet import load_tensorflow

    load_tensorflow()
    import keras  # noqa: F401
    import mlflow  # noqa: F401
    import optuna  # noqa: F401

    import sweepspot.sweep  # noqa: F401

    clock.mark("imported")


def _watch_asking(clock: Clock) -> None:
    """Mark when the sweep first asks for a trial."""
    from sweepspot.engines.optuna import OptunaEngine

    ask = OptunaEngine.ask

    def asking(self: OptunaEngine, n: int) -> Any:
        clock.once("asked")
        return ask(self, n)

    OptunaEngine.ask = asking


def _results(name: str) -> list[Any]:
    from sweepspot.journal import Journal

    with Journal(Path("mlruns") / name) as journal:
        return [result for _, result in sorted(journal.results.items())]


def _start(results: list[Any], clock: Clock) -> dict[str, Any]:
    """Return how long worker processes took to be ready, and the search without that.

    Training begins with the first ask where there are no worker processes.
    """
    search_s, asked = clock.times()["search_s"], clock.marks["asked"]
    waited = max(0.0, min(r.started_s for r in results) - asked[2])
    return {
        "ask_to_last_s": search_s,
        "workers_start_s": waited,
        "search_s": search_s - waited,
    }


def _count_workers(declared: Any) -> int:
    """Return how many processes train at once."""
    from sweepspot import executors

    count = getattr(executors, "count_workers", None)
    return count(declared.spec, declared._dataset().training) if count else 1


def _gemm(size: int) -> float:
    """Return the operations a second of the best of some products of square matrices."""
    import tensorflow as tf

    a, b = tf.random.normal((size, size)), tf.random.normal((size, size))
    tf.linalg.matmul(a, b).numpy()
    took = []
    for _ in range(GEMM_REPEATS):
        began = time.perf_counter()
        tf.linalg.matmul(a, b).numpy()
        took.append(time.perf_counter() - began)
    return 2 * size**3 / min(took)
