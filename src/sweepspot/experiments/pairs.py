"""Metric pairs: which two of a run's metrics are its train and its validation loss."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweepspot.errors import SpecError
from sweepspot.experiments.records import LoggedRun

__all__ = ["Pair", "find_pair", "metric_names", "stated_pair"]

# Names as `_plain` writes them. A run's first pair counts; a later one with another validation
# metric makes the choice a guess, unless it is one of `_SAME`.
_PAIRS = (
    # Lightning, `on_step=True, on_epoch=True`: the epoch's mean before the last batch's loss.
    ("train_loss_epoch", "val_loss_epoch"),
    ("train_loss_epoch", "val_loss"),
    # Keras, by autolog or a callback of MLflow.
    ("loss", "val_loss"),
    ("train_loss", "val_loss"),
    ("train_loss", "valid_loss"),
    ("training_loss", "validation_loss"),
    ("train_loss", "validation_loss"),
    # Transformers: `train_loss` is there too, as the mean over the whole training.
    ("loss", "eval_loss"),
    ("train_loss", "eval_loss"),
    ("train_loss", "dev_loss"),
)
# Keras's callback logs `validation_loss` again after each evaluation, of other data too; a step's
# or an epoch's mean of Lightning is the metric itself.
_SAME = {"val_loss": {"validation_loss", "val_loss_epoch"}, "val_loss_epoch": {"val_loss"}}
_HIGHER_IS_BETTER = re.compile(
    r"(^|_)(acc\w*|auc|auroc|f1|precision|recall|r2|score|iou|dice)(_|$)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two metrics by their names in the store.

    Attributes:
        train: The train loss.
        cv: The validation loss.
        clean: Whether both are J, as the trials of our sweeps log them.
    """

    train: str
    cv: str
    clean: bool = False

    def __str__(self) -> str:
        return f"{self.train}, {self.cv}"


def find_pair(run: LoggedRun, stated: Pair | None) -> Pair | str:
    """Return the pair of a run, or in a few words why there is none.

    Args:
        run: As logged.
        stated: The pair that the user named, which then is the only one.

    Example:
        >>> run = LoggedRun(id="1", name="a", status="FINISHED", metrics={"loss": 1, "val_loss": 2})
        >>> str(find_pair(run, None))
        'loss, val_loss'
    """
    if stated is not None:
        missing = [name for name in (stated.train, stated.cv) if name not in run.metrics]
        return f"no {' and no '.join(missing)}; {_there_is(run)}" if missing else stated
    if run.kind == "trial":
        measured = {"J_train", "J_cv"} <= set(run.metrics)
        return Pair(train="J_train", cv="J_cv", clean=True) if measured else "no J was measured"
    found = _known_pairs(run)
    if not found:
        return f"no pair of train and validation loss that we know; {_there_is(run)}"
    first, *others = found
    rivals = [pair for pair in others if _differs(pair.cv, first.cv)]
    if rivals:
        pairs = " or ".join(f"({pair})" for pair in (first, *rivals))
        return f"more than one pair: {pairs}; name --train-metric and --cv-metric"
    return first


def stated_pair(train: str | None, cv: str | None, runs: Sequence[LoggedRun]) -> Pair | None:
    """Return the pair that the user named, None if none.

    Raises:
        SpecError: One is named without the other, no run has it, or higher is better in it.
    """
    if train is None and cv is None:
        return None
    if train is None or cv is None:
        given, other = "--train-metric", "--cv-metric"
        if train is None:
            given, other = other, given
        raise SpecError(f"{given}: must come with {other}, got one of the two; name both")
    names = metric_names(runs)
    problems = []
    for option, name in (("--train-metric", train), ("--cv-metric", cv)):
        if name not in names:
            problems.append(
                f"{option}: must be a metric of the experiment, got {name!r}; "
                f"there is {_listed(names)}"
            )
        elif _HIGHER_IS_BETTER.search(_plain(name)):
            problems.append(
                f"{option}: must be a loss, where lower is better, got {name!r}; labels were "
                "measured on losses alone, and loss and error often disagree"
            )
    if problems:
        raise SpecError(*problems)
    return Pair(train=train, cv=cv)


def metric_names(runs: Iterable[LoggedRun]) -> list[str]:
    """Return every metric of some runs, those of most runs first."""
    counts: dict[str, int] = {}
    for run in runs:
        for name in run.metrics:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _known_pairs(run: LoggedRun) -> list[Pair]:
    by_plain: dict[str, list[str]] = {}
    for name in sorted(run.metrics):
        by_plain.setdefault(_plain(name), []).append(name)
    return [
        Pair(train=a, cv=b)
        for train, cv in _PAIRS
        for a in by_plain.get(train, ())[:1]
        for b in by_plain.get(cv, ())
    ]


def _differs(one: str, first: str) -> bool:
    if one == first:
        return False
    return _plain(one) == _plain(first) or _plain(one) not in _SAME.get(_plain(first), ())


def _plain(name: str) -> str:
    """Return a metric's name in lower case, its parts joined by underscores.

    Example:
        >>> _plain("Train/Loss")
        'train_loss'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _there_is(run: LoggedRun) -> str:
    return f"there is {_listed(sorted(run.metrics))}"


def _listed(names: Sequence[str], most: int = 12) -> str:
    if not names:
        return "no metric"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
