"""Where a sweep comes from: its fingerprint, versions, git commit, and what its run page says."""

from __future__ import annotations

import hashlib
import json
import subprocess
import uuid
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from sweepspot.datasets import Dataset
from sweepspot.errors import SpecError
from sweepspot.journal import Journal
from sweepspot.preview import preview
from sweepspot.protocols import Plan
from sweepspot.spec import SweepSpec

__all__ = ["as_yaml", "changed_parts", "check_fingerprint", "fingerprint", "plan"]

_PACKAGES = ("sweepspot", "tensorflow", "keras", "optuna", "keras-tuner", "mlflow", "numpy")
_FIXED_SEARCH = ("engine", "sampler", "pruner", "seed", "start")


def fingerprint(spec: SweepSpec, dataset: Dataset) -> dict[str, str]:
    """Hash each part of a sweep that its trials depend on.

    More trials, another selection, other baselines or thresholds leave the trials as they are, so
    they are not part of it.
    """
    search = spec.search.model_dump(mode="json")
    parts: Mapping[str, Any] = {
        "data": [dataset.digest, spec.data.target, dataset.task.value],
        "data.split": spec.data.split.model_dump(mode="json"),
        "model": spec.model,
        "space": {k: _plain(v) for k, v in spec.space.items()},
        "train": spec.train.model_dump(mode="json"),
        "search": {name: search[name] for name in _FIXED_SEARCH},
    }
    return {name: _digest(part) for name, part in parts.items()}


def changed_parts(spec: SweepSpec, dataset: Dataset, before: Mapping[str, str]) -> list[str]:
    """Name the parts of a sweep that are not as they were when a fingerprint was taken."""
    now = fingerprint(spec, dataset)
    return [name for name in now if before.get(name) != now[name]]


def check_fingerprint(spec: SweepSpec, dataset: Dataset, journal: Journal) -> None:
    """Refuse to go on with a journal whose trials are of another sweep; else remember this one.

    Raises:
        SpecError: A part that the trials depend on has changed.
    """
    now = fingerprint(spec, dataset)
    before = journal.notes.get("fingerprint")
    if before is None:
        journal.note("sweep_id", uuid.uuid4().hex)
        journal.note("fingerprint", now)
        return
    if changed := changed_parts(spec, dataset, before):
        raise SpecError(
            f"{', '.join(changed)}: must be as in the {len(journal.asked)} trials that "
            f"{journal.path} holds, got something else; run with --fresh to forget them, "
            "or give the sweep a new name"
        )


def plan(spec: SweepSpec, path: Path | None, dataset: Dataset, journal: Journal) -> Plan:
    """Return what a tracker writes about the sweep before its first trial."""
    facts = preview(spec, dataset).facts
    text = path.read_text(encoding="utf-8") if path else as_yaml(spec)
    return Plan(
        sweep=spec.name,
        experiment=spec.tracking.experiment or Path.cwd().name or "sweepspot",
        params={
            "model": spec.model,
            "engine": spec.search.engine,
            "sampler": spec.search.sampler,
            "pruner": spec.search.pruner,
            "trials": str(spec.search.trials),
            "epochs": str(spec.train.epochs),
            "batch_size": str(spec.train.batch_size),
            "seed": str(spec.search.seed),
            "source": spec.data.source,
        },
        tags={
            "sweepspot.sweep_id": journal.notes["sweep_id"],
            "sweepspot.engine": spec.search.engine,
            **{f"version.{name}": version(name) for name in _PACKAGES},
            **_commit(),
        },
        description="\n".join(f"- **{name}**: {fact}" for name, fact in facts.items()),
        files={"sweep.yaml": text},
        dataset={
            "name": spec.data.source,
            "source": spec.data.source,
            "digest": dataset.digest,
            "rows": dataset.n_rows,
            "features": list(dataset.training.input_shape),
        },
    )


def as_yaml(spec: SweepSpec) -> str:
    """Write a declaration that came from Python as a sweep file."""
    keys = spec.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    keys["space"] = {name: _plain(entry) for name, entry in spec.space.items()}
    return yaml.safe_dump(keys, sort_keys=False)


def _plain(entry: Any) -> Any:
    if hasattr(entry, "model_dump"):
        return entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return entry


def _digest(part: Any) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]


def _commit() -> dict[str, str]:
    """Return the git commit of the working directory, nothing outside a repository."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {"mlflow.source.git.commit": found.stdout.strip()} if found.returncode == 0 else {}
