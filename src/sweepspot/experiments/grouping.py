"""Groups: which runs of an experiment can be compared with one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweepspot.experiments.pairs import Pair
from sweepspot.experiments.records import LoggedRun

__all__ = ["Group", "group_runs"]

_SIMILAR = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Runs that are taken for one sweep.

    Attributes:
        by: What they have in common, in words.
        runs: Their ids, in the order in which they were started.
        pair: Their two metrics; None for runs that have none.
    """

    by: str
    runs: tuple[str, ...]
    pair: Pair | None


@dataclass(kw_only=True, slots=True)
class _Open:
    """A group that is being filled: its key, the metrics of its first run, its runs."""

    key: tuple[str, tuple[tuple[str, str], ...], Pair | None]
    losses: frozenset[str]
    runs: list[str]


def group_runs(runs: Sequence[LoggedRun], pairs: Mapping[str, Pair | str]) -> list[Group]:
    """Group runs by parent run, by the digests of their data, by their pair of metrics.

    Within such a group runs are kept apart whose metrics have little in common: fewer than half of
    the names that two runs have together are in both. Another problem has other metrics.

    Args:
        runs: In the order in which they were started.
        pairs: Of each run, or why it has none.
    """
    found: list[_Open] = []
    for run in runs:
        pair = pairs[run.id]
        key = (run.parent, run.datasets, pair if isinstance(pair, Pair) else None)
        losses = frozenset(name for name in run.metrics if not name.startswith("system/"))
        for group in found:
            if group.key == key and _overlap(group.losses, losses) >= _SIMILAR:
                group.runs.append(run.id)
                break
        else:
            found.append(_Open(key=key, losses=losses, runs=[run.id]))
    names = {run.id: run.name for run in runs}
    keys = {group.key[:2] for group in found}
    return [
        Group(by=_by(group, names, keys), runs=tuple(group.runs), pair=group.key[2])
        for group in found
    ]


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    together = one | other
    return len(one & other) / len(together) if together else 1.0


def _by(
    group: _Open, names: Mapping[str, str], keys: set[tuple[str, tuple[tuple[str, str], ...]]]
) -> str:
    parent, datasets, pair = group.key
    parts = []
    if parent:
        parts.append(f"children of run {parent[:8]}")
    if datasets:
        digests = ", ".join(f"{context} {digest}" for context, digest in datasets)
        parts.append(f"data {digests}")
    if not parts:
        parts.append("the whole experiment" if len(keys) == 1 else "no parent run, no data logged")
    parts.append(f"metrics {pair}" if pair else "no pair of losses")
    return "; ".join(parts)
