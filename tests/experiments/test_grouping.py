"""Which runs are compared with one another, and what is said of it."""

from __future__ import annotations

from sweepspot.experiments.grouping import Group, group_runs
from sweepspot.experiments.pairs import find_pair
from sweepspot.experiments.records import LoggedRun


def run(
    name: str,
    metrics: str = "loss val_loss",
    *,
    parent: str = "",
    digests: tuple[str, ...] = (),
    root: str = "",
) -> LoggedRun:
    tags = {"mlflow.parentRunId": parent, "sweepspot.root": root}
    return LoggedRun(
        id=name,
        name=name,
        status="FINISHED",
        metrics=dict.fromkeys(metrics.split(), 0.5),
        tags={key: value for key, value in tags.items() if value},
        datasets=tuple(("train", digest) for digest in digests),
    )


def groups(*runs: LoggedRun) -> list[Group]:
    return group_runs(runs, {one.id: find_pair(one, None) for one in runs})


def test_without_parents_or_data_the_experiment_is_one_group() -> None:
    [group] = groups(run("a"), run("b"), run("c"))

    assert group.runs == ("a", "b", "c")
    assert group.by == "the whole experiment; metrics loss, val_loss"


def test_children_of_one_parent_belong_together() -> None:
    one, other = groups(run("a", parent="p" * 32), run("b", parent="q"), run("c", parent="p" * 32))

    assert (one.runs, other.runs) == (("a", "c"), ("b",))
    assert one.by.startswith("children of run pppppppp;")


def test_runs_on_other_data_are_kept_apart() -> None:
    one, other, rest = groups(run("a", digests=("1",)), run("b", digests=("2",)), run("c"))

    assert (one.runs, other.runs, rest.runs) == (("a",), ("b",), ("c",))
    assert one.by.startswith("data train 1;")
    assert rest.by.startswith("no parent run, no data logged;")


def test_folds_under_one_parent_are_not_compared() -> None:
    found = groups(*(run(str(k), parent="p", digests=(str(k),)) for k in range(3)))

    assert [group.runs for group in found] == [("0",), ("1",), ("2",)]
    assert found[0].by.startswith("children of run p; data train 0;")


def test_runs_of_other_metrics_are_kept_apart() -> None:
    regression = "loss mae mse val_loss val_mae val_mse"
    classes = "loss accuracy auc val_loss val_accuracy val_auc"

    one, other = groups(run("a", regression), run("b", classes), run("c", regression))

    assert (one.runs, other.runs) == (("a", "c"), ("b",))


def test_one_metric_more_does_not_divide() -> None:
    [group] = groups(
        run("a"), run("b", "loss val_loss accuracy val_accuracy system/cpu system/ram")
    )

    assert group.runs == ("a", "b")


def test_runs_without_a_pair_are_a_group_of_their_own() -> None:
    one, other = groups(run("a"), run("b", "auc"))

    assert (one.pair is None, other.pair is None) == (False, True)
    assert other.by.endswith("no pair of losses")


def test_trials_of_our_own_sweeps_belong_to_their_sweep() -> None:
    [group] = groups(run("a", parent="x", root="s"), run("b", parent="y", root="s"))

    assert group.runs == ("a", "b")
