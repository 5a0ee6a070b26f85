"""The scorer of labelled runs counts as it says, on folders of the form that it is given."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibration", BENCHMARKS / "calibration.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve good runs whose truth is neither, and one of each cause."""
    rng = np.random.default_rng(0)
    hard = rng.exponential(size=(2, 300))
    means = [(0.2, 0.3)] * 12 + [(0.6, 0.7), (0.05, 0.7)]
    rows = [
        {"dataset": "made", "sweep": "made-150-seed0", "row": row, "n_train": 150}
        | {"J_train": train, "J_cv": cv, "history_loss": train, "history_val_loss": cv}
        | {"J_naive": 1.0, "truth": truth}
        for row, ((train, cv), truth) in enumerate(
            zip(means, ["neither"] * 12 + ["bias", "variance"], strict=True)
        )
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    jitter = rng.uniform(0.9, 1.1, size=(2, len(means), 300))
    losses = [
        np.array([mean[part] for mean in means])[:, None] * hard[part] * jitter[part]
        for part in (0, 1)
    ]
    np.savez(
        tmp_path / "made.npz",
        **{"made-150-seed0.train_losses": losses[0], "made-150-seed0.cv_losses": losses[1]},
    )
    return tmp_path


def test_scores_are_those_of_a_table_counted_by_hand(calibration):
    # Rows: truth bias, variance, tie, neither; columns: what the label says.
    counts = np.array([[6, 1, 1, 2], [1, 2, 0, 1], [1, 0, 0, 1], [1, 1, 0, 2]], float)

    scores = calibration.scores_of(counts)

    assert scores["exact"] == pytest.approx(10 / 20)
    assert scores["right"] == pytest.approx(8 / 10)
    assert scores["opposite"] == pytest.approx(2 / 14)
    assert scores["answered"] == pytest.approx(10 / 14)
    assert scores["balanced_recall"] == pytest.approx((0.6 + 0.5 + 0.5) / 3)


def test_a_folder_of_labelled_runs_is_scored(calibration, folder, monkeypatch, capsys):
    target = folder / "found"
    monkeypatch.setattr(sys, "argv", ["x", "--data", str(folder), "--write", str(target)])

    calibration.main()

    found = json.loads(target.with_suffix(".json").read_text())[0]
    scores = {row["rule"]: row for row in found["scores"] if row["data"] == "made"}
    assert scores["sweepspot"]["balanced_recall"]["value"] == 1.0
    assert scores["always bias"]["right"]["value"] == 0.5
    assert scores["always variance"]["opposite"]["value"] == 0.5
    assert "sweepspot, with curves" not in scores
    assert found["confusion"]["made"]["neither"]["good_fit"] == 12
    assert target.with_suffix(".md").read_text().strip().endswith(capsys.readouterr().out.strip())
