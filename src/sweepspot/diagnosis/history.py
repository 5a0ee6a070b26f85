"""History: labels from the numbers that other tools log, which are weaker evidence than losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from sweepspot.diagnosis.convergence import recent_fall
from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.labels import shorten
from sweepspot.diagnosis.logged import History, clean_levels, scale_of, untrained_level
from sweepspot.diagnosis.records import (
    Diagnosis,
    Finding,
    Frontier,
    Interval,
    Label,
    Status,
    SweepVerdict,
    Verdict,
)
from sweepspot.diagnosis.reference import Split
from sweepspot.diagnosis.sampling import Floats, interval, intervals
from sweepspot.diagnosis.split import split_runs
from sweepspot.errors import SpecError

__all__ = ["diagnose_histories"]

# MLflow stores infinity as the largest number there is.
_INFINITE = 1e300
_RISES = 2.0

_NO_SIGNAL = "no signal: the best runs are not clearly better than the best constant"
_WEAK = "from logged losses, so with wide bounds"
_CLEAN = "from means without examples, so with wide bounds"


def diagnose_histories(
    runs: Mapping[str, History],
    *,
    J_naive: float | None = None,
    criteria: Criteria | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Say for each run why it is worse than the best of the same group, where that is clear.

    The rule is that of `diagnose`, with intervals that hold what is not known: how much penalty
    and dropout noise a logged loss contains, how it jumps from epoch to epoch, and which rows
    were drawn. Nothing is paired, so `inconclusive` is frequent.

    Args:
        runs: By run id; of one group, on the same data, with the same two metrics.
        J_naive: J of the best constant predictor. Without it the unit is the larger of the best
            J_cv and its distance from the first epoch, and the smaller of them for `good_fit`.
        criteria: Thresholds.
        seed: Seeds the draws; the same runs in the same order get the same verdicts.

    Returns:
        A mapping from run id to `Verdict`; its sweep's verdict has no baseline.

    Raises:
        SpecError: `J_naive` is not finite or not above 0.

    Example:
        >>> good = {f"run {i}": History(J_train=0.2, J_cv=0.3) for i in range(4)}
        >>> verdicts = diagnose_histories({**good, "worse": History(J_train=0.8, J_cv=0.9)})
        >>> str(verdicts["worse"].label), str(verdicts["run 0"].label)
        ('high_bias', 'inconclusive')
    """
    if J_naive is not None and not (np.isfinite(J_naive) and J_naive > 0):
        raise SpecError(f"J_naive: must be finite and above 0, got {J_naive}; leave it out")
    criteria = criteria or Criteria()
    obstacles = {run: _obstacle(history, J_naive) for run, history in runs.items()}
    kept = {run: history for run, history in runs.items() if not obstacles[run]}
    verdicts = {run: _not_assessed(why) for run, why in obstacles.items() if why}
    group_obstacle = _group_obstacle(list(kept.values()), criteria)
    if group_obstacle:
        label = Label.INCONCLUSIVE if len(kept) >= criteria.min_runs else Label.NOT_ASSESSED
        verdicts |= {run: Verdict(label=label, reason=group_obstacle) for run in kept}
        return _diagnosis(runs, verdicts, None, label, group_obstacle)
    draws = _Draws(list(kept.values()), J_naive, criteria, np.random.default_rng(seed))
    found = draws.verdicts()
    verdicts |= dict(zip(kept, found, strict=True))
    frontier = draws.frontier(list(kept))
    reason = _sweep_reason(verdicts)
    if not frontier.has_signal:
        reason = _NO_SIGNAL
    return _diagnosis(runs, verdicts, frontier, Label.INCONCLUSIVE, reason)


class _Draws:
    """Clean J as it may be, once for each draw, and what follows from it for each run."""

    def __init__(
        self,
        runs: Sequence[History],
        J_naive: float | None,
        criteria: Criteria,
        rng: np.random.Generator,
    ) -> None:
        self._runs, self._criteria = runs, criteria
        level = untrained_level(runs) if J_naive is None else J_naive
        self._train, self._cv = clean_levels(runs, level, criteria.draws, rng)
        best = np.argsort(self._cv, axis=0, kind="stable")[: criteria.frontier]
        self._weights = np.bincount(best.ravel(), minlength=len(runs)) / best.size
        self._train_best, self._cv_best = self._weights @ self._train, self._weights @ self._cv
        self._scale = scale_of(self._cv_best, level, criteria, stated=J_naive is not None)

    def verdicts(self) -> list[Verdict]:
        """Return the verdict of each run, in order."""
        falls = [self._fall(run) for run in self._runs]
        convergent = sum(fall is None or not self._falls(fall) for fall in falls)
        worse, good = self._splits(self._scale.worse), self._splits(self._scale.good)
        columns = zip(self._runs, worse, good, falls, self._levels(), strict=True)
        return [
            self._verdict(run, split, flattering, fall, levels, convergent)
            for run, split, flattering, fall, levels in columns
        ]

    def frontier(self, names: Sequence[str]) -> Frontier:
        """Return the best runs' record."""
        z, quantiles = self._scale.worse, self._criteria.quantiles
        weights = {name: float(w) for name, w in zip(names, self._weights, strict=True) if w}
        return Frontier(
            J_train=_middle(self._train_best, quantiles),
            J_cv=_middle(self._cv_best, quantiles),
            z=_middle(z, quantiles),
            weights=weights,
            room=self._room,
            has_signal=self._scale.has_signal,
        )

    @property
    def _room(self) -> float:
        return float(np.median(self._train_best / self._scale.worse))

    def _splits(self, unit: Floats) -> list[Split]:
        train, cv = self._train - self._train_best, self._cv - self._cv_best
        middle = np.median
        return split_runs(
            (middle(train, axis=1), train),
            (middle(cv, axis=1), cv),
            (float(middle(unit)), unit),
            self._criteria,
        )

    def _levels(self) -> list[dict[str, Interval]]:
        quantiles = self._criteria.quantiles
        columns = [
            intervals(np.median(draws, axis=1), draws, quantiles)
            for draws in (self._train, self._cv)
        ]
        return [{"J_train": a, "J_cv": b} for a, b in zip(*columns, strict=True)]

    def _fall(self, run: History) -> Interval | None:
        if len(run.cv_curve) < self._criteria.min_epochs:
            return None
        return recent_fall(run.cv_curve, float(np.median(self._scale.worse)), self._criteria)

    def _falls(self, fall: Interval) -> bool:
        # A logged loss also falls as the penalty in it does, so the low bound must be above.
        return fall.low > self._criteria.still_improving

    def _verdict(
        self,
        run: History,
        split: Split,
        flattering: Split,
        fall: Interval | None,
        levels: dict[str, Interval],
        convergent: int,
    ) -> Verdict:
        weak = _CLEAN if run.clean else _WEAK
        numbers = levels | {
            "excess": split.excess,
            "bias": split.bias,
            "variance": split.variance,
            "difference": split.difference,
        }
        if not self._scale.has_signal:
            return Verdict(label=Label.INCONCLUSIVE, reason=_NO_SIGNAL, numbers=numbers)
        if fall is not None and self._falls(fall):
            part = f"{self._criteria.last_part:.0%} of the epochs"
            reason = f"J_cv fell by {fall} of {self._scale.name} over the last {part}; {weak}"
            label, numbers = Label.UNDER_TRAINED, numbers | {"recent_fall": fall}
        else:
            label = self._name(split, flattering, convergent)
            reason = f"excess {split.excess} of {self._scale.name}; {_SAYS[label]}; {weak}"
        return Verdict(
            label=label,
            reason=shorten(reason),
            findings=_findings(label, split, fall),
            numbers=numbers,
        )

    def _name(self, split: Split, flattering: Split, convergent: int) -> Label:
        criteria = self._criteria
        if split.excess.low > criteria.excess:
            return self._part(split)
        good = flattering.excess.high <= criteria.good
        if good and convergent >= criteria.min_converged_runs:
            return Label.GOOD_FIT
        return Label.INCONCLUSIVE

    def _part(self, split: Split) -> Label:
        """Return which part of an excess is the larger, as `diagnose` does beside a frontier."""
        criteria = self._criteria
        if split.difference.high < 0:
            return Label.HIGH_BIAS
        wide, unfit = split.difference.low > 0, split.bias.low > criteria.excess
        if unfit and (wide or split.variance.low > criteria.excess):
            return Label.HIGH_BIAS_HIGH_VARIANCE
        # Where the best nearly interpolate, a gap comes as often from a network too narrow, and
        # logged losses cannot show which run fits better still.
        unclear = self._room < criteria.interpolates
        return Label.HIGH_VARIANCE if wide and not unclear else Label.INCONCLUSIVE


_SAYS = {
    Label.HIGH_BIAS: "mostly bias",
    Label.HIGH_VARIANCE: "mostly variance",
    Label.HIGH_BIAS_HIGH_VARIANCE: "both bias and variance",
    Label.GOOD_FIT: "as good as the best seen here",
    Label.INCONCLUSIVE: "which leaves it open",
}


def _obstacle(history: History, J_naive: float | None) -> str:
    """Return why one run cannot be assessed, empty if it can."""
    if history.obstacle:
        return history.obstacle
    if history.J_train is None or history.J_cv is None:
        missing = "train" if history.J_train is None else "validation"
        return f"no {missing} loss was logged"
    for split, value in (("train", history.J_train), ("validation", history.J_cv)):
        if not np.isfinite(value) or abs(value) > _INFINITE:
            return f"it diverged: its {split} loss ends in no number"
    return _risen(history.train_curve, history.J_train, J_naive)


def _risen(curve: Sequence[float], J_train: float, J_naive: float | None) -> str:
    if len(curve) < 2 or not np.isfinite(curve[0]):
        return ""
    floor = _RISES * curve[0] if J_naive is None else max(curve[0], J_naive)
    if 0 < floor < J_train:
        return "it diverged: its train loss ends far above its start"
    return ""


def _group_obstacle(runs: Sequence[History], criteria: Criteria) -> str:
    needed = max(criteria.min_runs, criteria.frontier)
    if len(runs) < needed:
        return f"{len(runs)} comparable runs on the same data, {needed} needed for a reference"
    if any((run.J_train or 0.0) < 0 or (run.J_cv or 0.0) <= 0 for run in runs):
        return "losses at or below 0: what they contain beside J has no known bounds"
    return ""


def _not_assessed(why: str) -> Verdict:
    finding = Finding(code="D001", name="not valid", status=Status.PRESENT, because=why)
    return Verdict(label=Label.NOT_ASSESSED, reason=shorten(why), findings=(finding,))


def _findings(label: Label, split: Split, fall: Interval | None) -> tuple[Finding, ...]:
    both = Label.HIGH_BIAS_HIGH_VARIANCE
    parts = (
        ("D003", "high bias", "bias", split.bias, (Label.HIGH_BIAS, both)),
        ("D004", "high variance", "variance", split.variance, (Label.HIGH_VARIANCE, both)),
    )
    unclear = label in (Label.INCONCLUSIVE, Label.UNDER_TRAINED)
    absent = Status.UNKNOWN if unclear else Status.ABSENT
    falling = Status.PRESENT if label is Label.UNDER_TRAINED else Status.ABSENT
    return (
        Finding(
            code="D002",
            name="under-trained",
            status=Status.UNKNOWN if fall is None else falling,
            because="no curve that is long enough" if fall is None else f"J_cv fell by {fall}",
        ),
        *(
            Finding(
                code=code,
                name=name,
                status=Status.PRESENT if label in present else absent,
                because=f"{part} is {value}",
                numbers={part: value},
            )
            for code, name, part, value, present in parts
        ),
    )


def _middle(draws: Floats, quantiles: tuple[float, float]) -> Interval:
    return interval(float(np.median(draws)), draws, quantiles)


def _sweep_reason(verdicts: Mapping[str, Verdict]) -> str:
    counts = Counter(str(verdict.label) for verdict in verdicts.values())
    causes = [(n, name) for name, n in counts.items() if name.startswith(("high_", "under_"))]
    if not causes:
        return "no run is clearly worse than the best three"
    n, name = max(causes)
    return f"{n} of {len(verdicts)} runs are labelled {name}, the most frequent cause"


def _diagnosis(
    runs: Mapping[str, History],
    verdicts: Mapping[str, Verdict],
    frontier: Frontier | None,
    label: Label,
    reason: str,
) -> Diagnosis:
    ordered = {run: verdicts[run] for run in runs}
    known = {run: h.J_cv for run, h in runs.items() if frontier and frontier.weights.get(run)}
    return Diagnosis(
        verdicts=ordered,
        frontier=frontier,
        sweep=SweepVerdict(
            label=label,
            reason=shorten(reason),
            best=min(known, key=lambda run: known[run] or 0.0) if known else None,
            labels=dict(Counter(str(verdict.label) for verdict in ordered.values())),
        ),
    )
