"""From evidence to references: what each run is compared with, before any rule is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweepspot.diagnosis.baselines import Baseline, judge_baseline
from sweepspot.diagnosis.criteria import Criteria
from sweepspot.diagnosis.evidence import Evidence
from sweepspot.diagnosis.fidelity import EpochComparison, compare_at_epoch
from sweepspot.diagnosis.measures import Measures, measure_losses, measure_means
from sweepspot.diagnosis.records import BaselineVerdict, Frontier, Interval
from sweepspot.diagnosis.reference import Reference, Split
from sweepspot.diagnosis.sampling import Floats, Side, blocks, interval, intervals
from sweepspot.diagnosis.split import split_runs

__all__ = ["Assessment", "assess"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """Everything the rules need, for every run and for the sweep.

    Attributes:
        references: What each run is compared with, by its id.
        frontier: The frontier, None where too few runs are comparable.
        best: The id of the best run by J_cv, None where no run is comparable.
        best_baselines: The best run, cross-fitted, beside each stated baseline.
        obstacle: Why no run may be compared with the frontier, empty if they may.
    """

    references: Mapping[str, Reference]
    frontier: Frontier | None = None
    best: str | None = None
    best_baselines: Mapping[str, BaselineVerdict]
    obstacle: str = ""


def assess(
    runs: Mapping[str, Evidence],
    J_naive: float,
    baselines: Mapping[str, Baseline],
    criteria: Criteria,
    *,
    loss_floor: float | None,
    error_naive: float | None,
    seed: int,
) -> Assessment:
    """Compare every run with the frontier and with the stated baselines.

    Args:
        runs: The evidence of each run, already checked.
        J_naive: J of the best constant predictor.
        baselines: The stated baselines.
        criteria: Thresholds.
        loss_floor: The lowest value that the loss can take, None if it has no lowest.
        error_naive: Error of the best constant predictor, None if it is not known.
        seed: Seeds the bootstrap, so the same evidence gives the same verdicts.
    """
    rng = np.random.default_rng(seed)
    measurable = {
        name: e for name, e in runs.items() if not e.is_broken and (e.has_losses or e.has_means)
    }
    comparable = [name for name, e in measurable.items() if e.is_comparable]
    if not comparable:
        obstacle = "no run was trained to the end with its losses kept"
        empty = Reference(J_naive=J_naive, obstacle=obstacle)
        return Assessment(
            references=dict.fromkeys(runs, empty), best_baselines={}, obstacle=obstacle
        )
    measure = measure_losses if measurable[comparable[0]].has_losses else measure_means
    measures = measure(measurable, comparable, criteria, rng)
    frontier = _frontier(measures, J_naive, loss_floor, criteria)
    obstacle = _obstacle(measures, comparable, frontier, criteria)
    naive = (J_naive, error_naive)
    references = _references(measures, frontier, naive, baselines, obstacle, criteria)
    references = {
        name: references.get(name, Reference(J_naive=J_naive, frontier=frontier, obstacle=obstacle))
        for name in runs
    }
    scale = (J_naive, frontier.z.value)
    return Assessment(
        references=_with_epochs(runs, references, measures, J_naive, criteria, rng),
        frontier=frontier,
        best=_best(measures, comparable),
        best_baselines=_judge(baselines, measures.best, measures.best_errors, scale, criteria)[0],
        obstacle=obstacle,
    )


def _frontier(
    measures: Measures, J_naive: float, loss_floor: float | None, criteria: Criteria
) -> Frontier:
    train, cv = (
        interval(side.reference, side.reference_draws, criteria.quantiles)
        for side in (measures.train, measures.cv)
    )
    z = Interval(value=J_naive - cv.value, low=J_naive - cv.high, high=J_naive - cv.low)
    # J_naive alone would make "no signal" of any sweep whose losses share a large constant.
    scales = [abs(J_naive)] if measures.row_sd is None else [abs(J_naive), measures.row_sd]
    floor = float(measures.train.mean.min()) if loss_floor is None else loss_floor
    return Frontier(
        J_train=train,
        J_cv=cv,
        z=z,
        weights={
            name: float(weight)
            for name, weight in zip(measures.runs, measures.weights, strict=True)
            if weight > 0
        },
        room=(train.value - floor) / z.value if z.value > 0 else 0.0,
        has_signal=z.low > criteria.signal * min(scales),
    )


def _obstacle(
    measures: Measures, comparable: list[str], frontier: Frontier, criteria: Criteria
) -> str:
    inside = np.isin(measures.runs, comparable)
    spread = max(np.ptp(side.value[inside]) for side in (measures.train, measures.cv))
    least = max(criteria.min_runs, criteria.frontier)
    if len(comparable) < least:
        return f"{len(comparable)} comparable runs, {least} needed for a frontier"
    if measures.n_rows is not None and min(measures.n_rows) < criteria.min_rows:
        n_train, n_cv = measures.n_rows
        return f"{n_train} train and {n_cv} cv rows, {criteria.min_rows} of each needed"
    if not frontier.has_signal:
        return f"no signal: J_naive - J_cv of the frontier is {frontier.z}"
    # Equal to the digits that float32 losses keep.
    if spread <= 1e-6 * frontier.z.value:
        return "all runs are equal, there is nothing to tell apart"
    return ""


def _references(
    measures: Measures,
    frontier: Frontier,
    naive: tuple[float, float | None],
    baselines: Mapping[str, Baseline],
    obstacle: str,
    criteria: Criteria,
) -> dict[str, Reference]:
    J_naive, error_naive = naive
    unit = _unit(measures.cv, J_naive, frontier)
    splits = _splits(measures.train, measures.cv, unit, criteria)
    fits = _fits(measures, splits, unit, criteria)
    error_splits, error_obstacle = _error_splits(measures, error_naive, criteria)
    judged = _judge(
        baselines,
        (measures.train, measures.cv),
        measures.errors,
        (J_naive, frontier.z.value),
        criteria,
    )
    numbers, gap_errors = _numbers(measures, criteria)
    return {
        name: Reference(
            J_naive=J_naive,
            frontier=frontier,
            numbers=numbers[i],
            gap_se=gap_errors[i],
            split=splits[i],
            fit=fits[i],
            obstacle=obstacle,
            error_split=error_splits[i],
            error_obstacle=error_obstacle,
            baselines=judged[i],
        )
        for i, name in enumerate(measures.runs)
    }


def _unit(cv: Side, J_naive: float, frontier: Frontier) -> tuple[float, Floats] | None:
    """Return z and its draws, None where it is no unit to measure in."""
    if not frontier.has_signal:
        return None
    # The few draws in which z is not above 0 would turn the sign of every share.
    z_draws = np.maximum(J_naive - cv.reference_draws, 1e-3 * frontier.z.value)
    return frontier.z.value, z_draws


def _splits(
    train: Side, cv: Side, unit: tuple[float, Floats] | None, criteria: Criteria
) -> list[Split] | list[None]:
    if unit is None:
        return [None] * len(train.value)
    return [
        split
        for rows in blocks(len(train.value))
        for split in split_runs(
            (train.value[rows], train.draws[rows]), (cv.value[rows], cv.draws[rows]), unit, criteria
        )
    ]


def _fits(
    measures: Measures,
    splits: list[Split] | list[None],
    unit: tuple[float, Floats] | None,
    criteria: Criteria,
) -> list[Interval] | list[None]:
    """Compare J_train of every run with the lowest among the runs as good as the frontier."""
    train = measures.train
    good = [
        i
        for i, split in enumerate(splits)
        if measures.comparable[i] and split is not None and split.excess.high <= criteria.good
    ]
    if unit is None or not good:
        return [None] * len(splits)
    best = min(good, key=lambda i: train.value[i])
    return [
        fit
        for rows in blocks(len(splits))
        for fit in intervals(
            (train.value[rows] - train.value[best]) / unit[0],
            (train.draws[rows] - train.draws[best]) / unit[1],
            criteria.quantiles,
        )
    ]


def _error_splits(
    measures: Measures, error_naive: float | None, criteria: Criteria
) -> tuple[list[Split] | list[None], str]:
    """Return the splits in error, or why there are none.

    Their unit is to error what z is to J. Where the error of a constant is not known, shares of
    wrong answers are taken as they are; other errors have a scale that nobody said.
    """
    if measures.errors is None:
        return [None] * len(measures.runs), "no errors were kept"
    train, cv = measures.errors
    unit = (1.0, np.ones(criteria.draws))
    if error_naive is not None:
        z_draws = error_naive - cv.reference_draws
        if np.quantile(z_draws, criteria.quantiles[0]) <= 0:
            return [None] * len(measures.runs), "in error the frontier is no better than a constant"
        unit = (error_naive - cv.reference, np.maximum(z_draws, 1e-3 * z_draws.max()))
    elif max(train.mean.max(), cv.mean.max()) > 1:
        return [None] * len(measures.runs), "the error of the best constant is not known"
    return _splits(train, cv, unit, criteria), ""


def _judge(
    baselines: Mapping[str, Baseline],
    sides: tuple[Side, Side],
    errors: tuple[Side, Side] | None,
    scale: tuple[float, float],
    criteria: Criteria,
) -> list[dict[str, BaselineVerdict]]:
    judged: list[dict[str, BaselineVerdict]] = [{} for _ in sides[0].value]
    for name, baseline in baselines.items():
        measured = sides if baseline.measure == "J" else errors
        if measured is None:
            continue
        for rows in blocks(len(judged)):
            beside = (measured[0].part(rows), measured[1].part(rows))
            verdicts = judge_baseline(name, baseline, beside, scale, criteria)
            for row, verdict in zip(judged[rows], verdicts, strict=True):
                row[name] = verdict
    return judged


def _numbers(
    measures: Measures, criteria: Criteria
) -> tuple[list[dict[str, Interval]], list[float]]:
    numbers: list[dict[str, Interval]] = []
    gap_errors: list[float] = []
    for rows in blocks(len(measures.runs)):
        train, cv = measures.train.part(rows), measures.cv.part(rows)
        gap, gap_draws = cv.mean - train.mean, cv.mean_draws - train.mean_draws
        columns = {
            "J_train": intervals(train.mean, train.mean_draws, criteria.quantiles),
            "J_cv": intervals(cv.mean, cv.mean_draws, criteria.quantiles),
            "gap": intervals(gap, gap_draws, criteria.quantiles),
        }
        numbers += [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        gap_errors += [float(sd) for sd in gap_draws.std(axis=1)]
    return numbers, gap_errors


def _best(measures: Measures, comparable: list[str]) -> str:
    place = {name: i for i, name in enumerate(measures.runs)}
    J_cv, J_train = measures.cv.value, measures.train.value
    return min(comparable, key=lambda name: (J_cv[place[name]], J_train[place[name]]))


def _with_epochs(
    runs: Mapping[str, Evidence],
    references: Mapping[str, Reference],
    measures: Measures,
    J_naive: float,
    criteria: Criteria,
    rng: np.random.Generator,
) -> dict[str, Reference]:
    """Replace the comparison of each partial run by one at the epoch at which it stopped."""
    heaviest = sorted(zip(measures.weights, measures.runs, strict=True), key=lambda pair: -pair[0])
    frontier = {name: runs[name] for weight, name in heaviest if weight > 0}
    errors = (_standard_error(measures.train), _standard_error(measures.cv))
    state = rng.bit_generator.state
    result = dict(references)
    for name, evidence in runs.items():
        if not evidence.is_partial:
            continue
        # Every partial run sees the same draws, so their order does not matter.
        rng.bit_generator.state = state
        compared = EpochComparison(obstacle=references[name].obstacle)
        if not compared.obstacle:
            compared = compare_at_epoch(evidence, frontier, errors, J_naive, criteria, rng)
        result[name] = _at_epoch(references[name], compared)
    return result


def _standard_error(side: Side) -> float:
    return float(np.median(side.mean_draws.std(axis=1)))


def _at_epoch(reference: Reference, compared: EpochComparison) -> Reference:
    return Reference(
        J_naive=reference.J_naive,
        frontier=reference.frontier,
        numbers=reference.numbers,
        gap_se=reference.gap_se,
        split=compared.split,
        epoch=compared.epoch,
        obstacle=compared.obstacle,
        baselines=reference.baselines,
    )
