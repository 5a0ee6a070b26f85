"""The terminal: one line a trial, and a leaderboard that fits."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from made_sweep import make_sweep
from sweepspot.report.terminal import LiveTerminal, PlainTerminal, leaderboard
from sweepspot.results import as_frame
from sweepspot.trial import run_id


@pytest.fixture(scope="module")
def made():
    return make_sweep()


def console_of(width):
    return Console(file=io.StringIO(), width=width, color_system=None)


def shown(made, width, **options):
    console = console_of(width)
    frame = options.pop("frame", None)
    frame = as_frame(made.results, made.diagnosis) if frame is None else frame
    console.print(leaderboard(frame, champion=made.selection.number, width=width, **options))
    return console.file.getvalue().splitlines()


def test_a_trial_is_one_line(made):
    console = console_of(80)
    terminal = PlainTerminal(console)
    for done, number in enumerate((0, 3), start=1):
        terminal.ended(made.results[number], made.diagnosis[run_id(number)], done, 40)

    good, failed = console.file.getvalue().splitlines()
    J, label = made.results[0].J_cv, made.diagnosis["#000"].label
    assert good.startswith(f"[1/40] #000 complete J_cv {J:.4f} best {J:.4f} {label} (provisional)")
    assert failed == (
        f"[2/40] #003 failed diverged: J_cv was nan at epoch 2 best {J:.4f} "
        "not_assessed (provisional) 0.4 s"
    )


def test_there_is_no_best_before_a_trial_is_complete(made):
    console = console_of(80)
    PlainTerminal(console).ended(made.results[3], made.diagnosis[run_id(3)], 1, 40)

    assert "at epoch 2 best - not_assessed (provisional)" in console.file.getvalue()


def test_the_plan_is_a_line_a_fact(made):
    console = console_of(60)
    PlainTerminal(console).planned("s", {"data": "rows", "model": "mlp"}, ["[b]odd[/b] column"])

    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines == ["s", "data   rows", "model  mlp", "note: [b]odd[/b] column"]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_leaderboard_never_wraps(made, width):
    lines = shown(made, width)

    best = sorted((r.J_cv, n) for n, r in made.results.items() if r.J_cv is not None)[:10]
    assert len(lines) == 11
    assert all(len(line) <= width and "…" not in line for line in lines)
    for line, (J, number) in zip(lines[1:], best, strict=True):
        assert line.lstrip("* ").split()[:2] == [run_id(number), f"{J:.4f}"]
        assert str(made.diagnosis[run_id(number)].label) in line


@pytest.mark.parametrize("width", [80, 100, 127, 160])
def test_long_values_never_wrap_either(made, width):
    frame = as_frame(made.results, made.diagnosis)
    frame["params.layers"] = [f"a_rather_long_value_{n}" for n in range(len(frame))]
    frame["label"] = "high_bias_high_variance"
    frame["n_weights"] = 1_234_567

    lines = shown(made, width, frame=frame)

    assert len(lines) == 11
    assert all(len(line) <= width and "…" not in line for line in lines)


def test_the_champion_is_marked_once(made):
    lines = shown(made, 120, rows=40)

    (marked,) = [line for line in lines if line.startswith("*")]
    assert run_id(made.selection.number) in marked


def test_a_wide_terminal_shows_hyperparameters(made):
    assert "units" in shown(made, 160)[0]
    assert "units" not in shown(made, 72)[0]


def test_the_live_table_leaves_nothing_behind(made):
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    with LiveTerminal(console) as terminal:
        for done, number in enumerate(sorted(made.results), start=1):
            terminal.ended(made.results[number], made.diagnosis[run_id(number)], done, 40)
        terminal.say("training finalists")

    assert "training finalists" in console.file.getvalue()


def test_what_is_left_is_told_from_trials_and_not_from_loading(made, monkeypatch):
    console = Console(file=io.StringIO(), width=120, color_system=None, force_terminal=True)
    live = LiveTerminal(console)
    result = replace(made.results[0], started_s=1000.0)
    monkeypatch.setattr("sweepspot.report.terminal.time.time", lambda: 1004.0)

    live.ended(result, made.diagnosis["#000"], 1, 11)

    console.print(live._picture())
    assert "about 40 s left" in console.file.getvalue()
