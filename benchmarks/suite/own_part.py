"""What `driver.py` measured: the record, what it is held against, and the table of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from suite.records import Record, commit, environment, now, source

__all__ = ["keep", "measured", "show", "write_table"]

OPTIONS = ("trials", "real", "sampler", "rows", "whole", "workers", "trainer")
"""A run of the same options replaces the earlier one."""

OWN_MS, GROWTH, LOOP_MS, PEAK_GB, RESUME_S, REAL_MB = 30.0, 1.5, 60.0, 1.5, 15.0, 0.5


def measured(options: Record, measure: Callable[[], Record]) -> Record:
    """Measure, and return the record: options, circumstances, values, and the limits they meet."""
    run = {
        **options,
        "date": now(),
        "commit": commit(),
        "source": source(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "environment": environment(),
        **measure(),
    }
    run["limits"] = [
        {"what": what, "value": value, "most": most, "unit": unit, "met": value <= most}
        for what, value, most, unit in _held_against(run)
    ]
    return run


def _held_against(run: Record) -> Iterator[tuple[str, float, float, str]]:
    if "real" in run:
        for who, mb in run["mb_a_trial"].items():
            yield f"memory of the {who}", mb, REAL_MB, "MB a trial"
        return
    if run["whole"]:
        yield "own part", run["own_cpu_ms"], OWN_MS, "ms CPU a trial"
    if len(run["windows"]) > 1:
        (first, before), *_, (last, after) = run["windows"].items()
        growth = after["own"] / before["own"]
        yield f"own part at trial {last} to that at {first}", growth, GROWTH, "times"
    if run["whole"] and run["sampler"] == "random":
        yield "whole loop with random sampling", run["loop_wall_ms"], LOOP_MS, "ms a trial"
    yield "memory at the peak", run["memory_mb"]["peak"] / 1000, PEAK_GB, "GB"
    yield "resume, until a trial is trained", run["resume"]["to_first_trial_s"], RESUME_S, "s"


def keep(run: Record, path: Path) -> list[Record]:
    """Keep a run beside those of other options, and return all of them."""
    kept = json.loads(path.read_text())["runs"] if path.exists() else []
    others = [r for r in kept if any(r.get(k) != run.get(k) for k in OPTIONS)]
    runs = sorted([*others, run], key=_order)
    path.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    return runs


def _order(run: Record) -> tuple[Any, ...]:
    return run.get("real", 0), run.get("trials", 0), *(str(run.get(k)) for k in OPTIONS)


def show(run: Record) -> str:
    """Return the tables of one run as text."""
    return "\n".join([f"## {_name(run)}", "", *_limits(run), *_parts(run), *_memory(run)])


def write_table(runs: list[Record], path: Path) -> None:
    """Write all runs as Markdown."""
    lines = [
        "# What the driver costs a trial",
        "",
        "Written by `benchmarks/driver.py`; every number behind it is in `driver.json`. *Own* is",
        "all of the driver but the sampler and the stand-in for training.",
        "",
    ]
    for run in runs:
        where = run["environment"]
        packages = ", ".join(f"{k} {v}" for k, v in where["packages"].items())
        lines += [
            show(run),
            f"{run['date']}, commit {run['commit']} (tree of `src`: {run['source']}), load before "
            f"{run['load'][0]}; {where['cpu']}, {where['cores']} cores, {where['memory_gb']} GB, "
            f"{where['system']}, Python {where['python']}; {packages}",
            "",
        ]
    path.write_text("\n".join(lines))


def _name(run: Record) -> str:
    if "real" in run:
        return f"{run['real']:,} real trials, workers: {run['workers']}, trainer: {run['trainer']}"
    way = "each through the loop" if run["whole"] else "most written into the journal directly"
    return f"{run['trials']:,} trials, {run['sampler']}, {run['rows']:,} rows kept a split, {way}"


def _limits(run: Record) -> Iterator[str]:
    rows = [
        (
            one["what"],
            f"{one['value']:.3g} {one['unit']}",
            f"{one['most']:g}",
            "met" if one["met"] else "not met",
        )
        for one in run["limits"]
    ]
    yield from _table(("", "measured", "limit", ""), rows)


def _parts(run: Record) -> Iterator[str]:
    if "windows" not in run:
        return
    names = list(next(iter(run["windows"].values())))
    rows = [
        (f"{int(end):,}", *(f"{row[name]:.2f}" for name in names))
        for end, row in run["windows"].items()
    ]
    yield "CPU milliseconds a trial over the hundred before trial"
    yield ""
    yield from _table(("", *(name.replace("_", " ") for name in names)), rows)
    for name in ("end", "finished", "resume", "memory_mb", "disk_mb"):
        yield f"- {name}: " + ", ".join(f"{k} {v:.2f}" for k, v in run[name].items())
    yield f"- report_mb: {run['report_mb']:.1f}; unsent {run['unsent']}"
    yield ""


def _memory(run: Record) -> Iterator[str]:
    if "mb_at" not in run:
        return
    names = list(next(iter(run["mb_at"].values())))
    rows = [
        (f"{int(n):,}", *(f"{row[name]:.0f}" for name in names)) for n, row in run["mb_at"].items()
    ]
    yield "MB held when so many trials had ended; of several workers the sum"
    yield ""
    yield from _table(("", *(name.replace("_", " ") for name in names)), rows)
    yield f"- trained by: {', '.join(f'{k} {v}' for k, v in run['trainers'].items())}"
    yield f"- processes that trained, replaced ones included: {run['trained_in']}"
    yield f"- the driver at its peak: {run['peak_mb']:.0f} MB, {run['threads']} threads at the end"
    yield ""


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
    yield ""
