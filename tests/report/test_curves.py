"""The pictures of the curves: which trials have one, and that each is drawn anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import image

from made_sweep import MadeSweep, make_sweep
from sweepspot.report.curves import PICTURES, CurvePainter, pictured
from sweepspot.trial import Curve, run_id


@pytest.fixture(scope="module")
def made() -> MadeSweep:
    return make_sweep(trials=30)


def drawn(painter: CurvePainter, made: MadeSweep, number: int, path: Path) -> bytes:
    painter.save(
        made.results[number], made.diagnosis[run_id(number)], made.diagnosis.frontier, path
    )
    return image.imread(path).tobytes()


def test_a_picture_does_not_depend_on_those_before_it(made: MadeSweep, tmp_path: Path) -> None:
    painter = CurvePainter()

    # A whole one, one without a curve, a pruned one, and the first again.
    pictures = [drawn(painter, made, n, tmp_path / f"{k}.png") for k, n in enumerate([0, 5, 8, 0])]

    fresh = [drawn(CurvePainter(), made, n, tmp_path / "f.png") for n in (0, 5, 8)]
    assert pictures == [*fresh, fresh[0]]
    assert len(set(fresh)) == 3


def test_a_curve_that_blew_up_is_drawn(made: MadeSweep, tmp_path: Path) -> None:
    curve = Curve(J_train=(1.0, float("inf")), J_cv=(1.0, float("nan")))
    result = replace(made.results[0], curve=curve, best_epoch=1)

    CurvePainter().save(result, made.diagnosis[run_id(0)], None, tmp_path / "a.png")

    assert image.imread(tmp_path / "a.png").shape[:2] == (360, 640)


def test_every_trial_of_a_small_sweep_has_a_picture(made: MadeSweep) -> None:
    assert pictured(made.results, made.diagnosis) == sorted(made.results)


def test_a_large_sweep_has_pictures_of_its_best_and_of_every_label() -> None:
    made = make_sweep(trials=3 * PICTURES)

    chosen = pictured(made.results, made.diagnosis)

    ranked = sorted(
        (n for n, r in made.results.items() if r.J_cv is not None),
        key=lambda n: made.results[n].J_cv or 0.0,
    )
    assert len(chosen) <= PICTURES
    assert set(ranked[: PICTURES // 2]) <= set(chosen)
    labels = {made.diagnosis[run_id(n)].label for n in made.results}
    assert {made.diagnosis[run_id(n)].label for n in chosen} == labels


def test_a_power_of_ten_does_not_move_the_title_of_the_next(
    made: MadeSweep, tmp_path: Path
) -> None:
    tiny = replace(made.results[0], curve=Curve(J_train=(3e-6, 2e-6), J_cv=(3e-6, 1e-6)))
    painter = CurvePainter()
    before = drawn(painter, made, 0, tmp_path / "a.png")

    painter.save(tiny, made.diagnosis[run_id(0)], None, tmp_path / "tiny.png")

    assert drawn(painter, made, 0, tmp_path / "b.png") == before
    above = image.imread(tmp_path / "tiny.png")[:16], image.imread(tmp_path / "a.png")[:16]
    # Only where there is a power of ten, the title lies in the uppermost rows.
    assert (above[0] < 1).any()
    assert (above[1] == 1).all()
