"""A champion on its way to the registry: its tags and its page."""

from __future__ import annotations

from pathlib import Path

from sweepspot.champion import MODEL_CODE, artifact_paths, requirements
from sweepspot.crowning.records import Champion, ChampionComparison
from sweepspot.datasets import Dataset
from sweepspot.protocols import RegisteredModel
from sweepspot.selection import Selection
from sweepspot.trial import run_id

__all__ = ["N_WEIGHTS", "TEST_DIGEST", "WEIGHTS", "registered_model"]

WEIGHTS, TEST_DIGEST = "sweepspot.weights", "sweepspot.test_digest"
"""Tags by which a version is known again: what it is, and which rows it was tested on."""

N_WEIGHTS = "sweepspot.n_weights"
"""The tag by which its cost is known."""


def registered_model(
    name: str,
    champion: Champion,
    dataset: Dataset,
    *,
    sweep: str,
    label: str,
    selection: Selection,
    comparison: ChampionComparison | None,
) -> RegisteredModel:
    """Return what the registry is given.

    Args:
        name: In the registry.
        champion: Saved in its folder.
        dataset: Whose raw rows it takes.
        sweep: Name of the sweep.
        label: Of its trial.
        selection: How it was chosen.
        comparison: With the champion whose place it takes, None when there was none.
    """
    return RegisteredModel(
        name=name,
        code=MODEL_CODE,
        artifacts=artifact_paths(Path(champion.folder)),
        requirements=requirements(),
        input_example=dataset.example_rows(),
        columns=[(c.name, c.kind) for c in dataset.columns],
        output=dataset.output,
        tags={
            "sweepspot.sweep": sweep,
            "sweepspot.number": str(champion.number),
            "sweepspot.repeat": str(champion.repeat),
            "sweepspot.refit": champion.refit,
            "sweepspot.label": label,
            N_WEIGHTS: str(champion.n_weights),
            "sweepspot.J_cv": f"{champion.J_cv:.6g}",
            "sweepspot.J_test": f"{champion.J_test:.6g}",
            "sweepspot.error_test": f"{champion.error_test:.6g}",
            "sweepspot.test_openings": str(champion.test_openings),
            "sweepspot.replaced": comparison.reigning if comparison else "none",
            WEIGHTS: champion.weights,
            TEST_DIGEST: dataset.test_digest,
            **{f"sweepspot.vs.{k}": f"{v:+.6g}" for k, v in champion.comparisons.items()},
        },
        description=_page(champion, selection, comparison),
    )


def _page(champion: Champion, selection: Selection, comparison: ChampionComparison | None) -> str:
    """Describe a champion on its page, in Markdown."""
    refit = ", trained once more on train and cv" if champion.refit == "all" else ""
    times = "once" if champion.test_openings == 1 else f"{champion.test_openings} times"
    lines = [
        f"Trial {run_id(champion.number)}, fresh seed {champion.repeat}{refit}: "
        f"{selection.because}.",
        "",
        f"- J_cv {champion.J_cv:.4f}, error {champion.error_cv:.4f}",
        f"- J_test {champion.J_test:.4f}, error {champion.error_test:.4f} "
        f"(this test split was opened {times})",
    ]
    lines += [f"- against {name}: {value:+.4f}" for name, value in champion.comparisons.items()]
    if comparison:
        lines.append(
            f"- took the place of {comparison.reigning}: difference on the test rows "
            f"{comparison.difference:+.4f} ({comparison.low:+.4f} to {comparison.high:+.4f})"
        )
    return "\n".join(lines)
