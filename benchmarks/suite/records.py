"""What was measured, kept raw: one record for each process, with all that it depended on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import psutil

from suite.works import CHASES, HAND, Job

__all__ = ["Record", "Records", "environment", "key", "source"]

ROOT = Path(__file__).parents[2]
PACKAGES = ("tensorflow", "keras", "keras-tuner", "optuna", "mlflow", "numpy", "ray")

Record: TypeAlias = dict[str, Any]

LEFT_OUT = ("section", "arrays", "points", "target", "shape")
"""What a record does not repeat: paths, and what follows from the rest."""


def key(record: Mapping[str, Any]) -> tuple[str, str, int]:
    """Return what a record is the one of."""
    return record["work"], record["side"], record["repeat"]


def source() -> str:
    """Name the state of what is measured: the tree of `src`, changes not committed included."""
    tree = _git("rev-parse", "HEAD:src")[:10]
    changes = _git("diff", "HEAD", "--", "src") + "".join(_untracked())
    if not changes:
        return tree
    return f"{tree}+{hashlib.sha256(changes.encode()).hexdigest()[:6]}"


def environment(python: str | None = None) -> dict[str, Any]:
    """Describe the machine and the versions.

    Args:
        python: Another interpreter, whose versions are told instead.
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": _versions(python),
    }


@dataclass(kw_only=True)
class Records:
    """The file of everything measured.

    Attributes:
        path: Of the file.
        environments: Machines and versions, by a short name.
        records: The latest record of each work, side and repeat.
    """

    path: Path
    environments: dict[str, Any] = field(default_factory=dict)
    records: dict[tuple[str, str, int], Record] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Records:
        """Read a file, or begin one."""
        if not path.exists():
            return cls(path=path)
        stored = json.loads(path.read_text())
        records = {key(record): record for record in stored["records"]}
        return cls(path=path, environments=stored["environments"], records=records)

    def add(self, job: Job, values: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Keep one measurement in place of the earlier one, and write the file."""
        where = json.dumps(facts["environment"], sort_keys=True)
        name = hashlib.sha256(where.encode()).hexdigest()[:8]
        self.environments[name] = facts["environment"]
        settings = {k: v for k, v in job.items() if k not in (*LEFT_OUT, "work", "side", "repeat")}
        self.records[key(job)] = {
            "work": job["work"],
            "side": job["side"],
            "repeat": job["repeat"],
            **{name: value for name, value in facts.items() if name != "environment"},
            "environment": name,
            "settings": settings,
            "values": dict(values),
        }
        self.write()

    def write(self) -> None:
        """Write the file as a whole, a record a line."""
        used = {record["environment"] for record in self.records.values()}
        lines = ",\n".join(json.dumps(self.records[k]) for k in sorted(self.records))
        environments = json.dumps({k: v for k, v in self.environments.items() if k in used})
        half = self.path.with_suffix(".part")
        half.write_text(f'{{"environments": {environments},\n"records": [\n{lines}\n]}}\n')
        half.replace(self.path)

    def has(self, job: Job, source: str) -> bool:
        """Tell whether a job is measured: of this source, or not of our source at all."""
        record = self.records.get(key(job))
        if record is None:
            return False
        same = all(record["settings"].get(k) == v for k, v in job.items() if k in _SETTINGS)
        # Its trajectory is expensive, and what it is compared with is a number, not a moment.
        cached = job["work"] in CHASES and job["side"] == HAND
        return same and (cached or record["source"] == source)

    def keep_only(self, machine: Mapping[str, Any]) -> int:
        """Forget what was measured on other machines: ratios of two machines say nothing.

        Args:
            machine: An environment of the machine to keep; its versions are not looked at.

        Returns:
            How many records were forgotten.
        """
        before = len(self.records)
        self.records = {
            k: record
            for k, record in self.records.items()
            if _same_machine(self.environments[record["environment"]], machine)
        }
        return before - len(self.records)

    def of(self, work: str, side: str) -> Iterator[Record]:
        """Yield the repeats of one side of a work, in order."""
        for (name, who, _), record in sorted(self.records.items()):
            if name == work and who == side:
                yield record


def _same_machine(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[part] == other[part] for part in ("cpu", "cores", "memory_gb", "system"))


_SETTINGS = ("data", "model", "space", "trials", "epochs", "batch_size", "patience", "trainer")


def now() -> str:
    """Return the time, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def commit() -> str:
    """Name the commit."""
    return _git("rev-parse", "--short=10", "HEAD").strip()


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _untracked() -> Iterator[str]:
    for name in _git("ls-files", "--others", "--exclude-standard", "src").splitlines():
        yield (ROOT / name).read_text(errors="replace")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions(python: str | None) -> dict[str, str]:
    if python:
        code = (
            "import json\nfrom importlib.metadata import distributions\n"
            "print(json.dumps({d.name.lower(): d.version for d in distributions()}))"
        )
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        known = json.loads(done.stdout)
        return {name: known[name] for name in PACKAGES if name in known}
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
