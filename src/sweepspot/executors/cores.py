"""What this process may use of the machine: cores and memory, containers' limits included."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

__all__ = ["usable_cores", "usable_memory"]

CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(cgroups: Path | None = None) -> int:
    """Return how many cores this process may compute on at once, at least 1.

    Args:
        cgroups: Folder of this process's control group; found when left out.
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    quotas = [quota for group in _groups(cgroups) if (quota := _quota(group))]
    return max(1, int(min([allowed, *quotas])))


def usable_memory(cgroups: Path | None = None) -> int:
    """Return the bytes that this process and its children may still take.

    Args:
        cgroups: Folder of this process's control group; found when left out.
    """
    free = int(psutil.virtual_memory().available)
    left = [rest for group in _groups(cgroups) if (rest := _memory_left(group)) is not None]
    return max(0, min([free, *left]))


def _groups(given: Path | None) -> list[Path]:
    """Return the control groups that bind this process: its own and those above it."""
    if given:
        return [given]
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        return [CGROUPS]
    group = CGROUPS / own.lstrip("/")
    # Inside a container the path is often that of the host, and the limits are at the top.
    return [CGROUPS, *(g for g in (group, *group.parents) if CGROUPS in g.parents)]


def _quota(group: Path) -> float | None:
    quota, period, *_ = [*_words(group / "cpu.max"), "max", "max"]
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _memory_left(group: Path) -> int | None:
    limit, used = _words(group / "memory.max"), _words(group / "memory.current")
    if limit and used and limit[0].isdigit():
        return int(limit[0]) - int(used[0])
    return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError:
        return []
