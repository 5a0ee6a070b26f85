"""From finalists to a champion: fresh repeats, selection, the gates, one look at the test split."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sweepspot.champion import MODEL_CODE, artifact_paths, assemble, requirements
from sweepspot.datasets import Dataset
from sweepspot.datasets.baselines import PerExample
from sweepspot.diagnosis import Diagnosis
from sweepspot.errors import TrackingError
from sweepspot.journal import Journal
from sweepspot.ledger import Opening, TestLedger
from sweepspot.loop import train_again
from sweepspot.preview import run_name
from sweepspot.protocols import Executor, RegisteredModel
from sweepspot.selection import Candidate, Selection, finalists, select
from sweepspot.space import Params
from sweepspot.spec import SweepSpec
from sweepspot.training import measure, restore_model
from sweepspot.trial import State, Trial, TrialResult, run_id, trial_seed

__all__ = ["Champion", "Crowning", "Outcome"]

DRAWS = 1000
"""Bootstrap draws of the comparison with the naive baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Champion:
    """The trial selected, and the repeat of it that is the model.

    Attributes:
        number: Of the trial.
        repeat: Of its fresh repeats, from 1.
        params: The whole point.
        n_weights: Trainable weights.
        J_cv: Of the repeat, on the cross-validation split.
        error_cv: The same in error.
        J_test: On the test split, opened once the repeat was fixed.
        error_test: The same in error.
        test_openings: How often this test split has been opened, over all sweeps.
        comparisons: J_cv or error minus that of each baseline, by name; below 0 is better.
        registered: `name/version` in the registry, None without `register`.
        folder: Where the model is saved.
    """

    number: int
    repeat: int
    params: Params
    n_weights: int
    J_cv: float
    error_cv: float
    J_test: float
    error_test: float
    test_openings: int
    comparisons: Mapping[str, float] = field(default_factory=dict)
    registered: str | None = None
    folder: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the champion as JSON values."""
        return {
            **{name: getattr(self, name) for name in Champion.__dataclass_fields__},
            "params": dict(self.params),
            "comparisons": dict(self.comparisons),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How the choice of a champion ended.

    Attributes:
        champion: The one selected, None when none may be.
        selection: The comparison of the finalists, None when there was none to compare.
        because: Why, in one or two sentences.
        warning: Why the champion is not in the registry although it should be; empty if it is.
    """

    champion: Champion | None
    selection: Selection | None
    because: str
    warning: str = ""


class Crowning:
    """Chooses the champion of one sweep."""

    def __init__(
        self,
        spec: SweepSpec,
        dataset: Dataset,
        journal: Journal,
        *,
        naive: PerExample,
        algorithm: tuple[float, float] | None,
        ledger: TestLedger,
        record: Callable[[TrialResult, str], None],
        store: Callable[[RegisteredModel, int], str],
        say: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._dataset = dataset
        self._journal = journal
        self._naive = naive
        self._algorithm = algorithm
        self._record = record
        self._store = store
        self._ledger = ledger
        self._say = say
        self._warning = ""

    def run(self, executor: Callable[[], Executor], diagnosis: Diagnosis) -> Outcome:
        """Train the finalists again, choose, and measure and register what was chosen.

        Args:
            executor: Makes one when something is left to train.
            diagnosis: Of the sweep, for the champion's page.
        """
        chosen = finalists(self._journal.results, count=self._spec.select.finalists)
        if not chosen:
            return Outcome(champion=None, selection=None, because="no trial was completed")
        self._train_repeats(executor, chosen)
        candidates = [c for r in chosen if (c := self._candidate(r)) is not None]
        if not candidates:
            return Outcome(
                champion=None, selection=None, because="no finalist could be trained again"
            )
        selection = select(candidates, rule=self._spec.select.rule, seed=self._spec.search.seed)
        winner = next(c for c in candidates if c.number == selection.number)
        if problem := self._not_better_than_naive(winner.cv_losses[selection.repeat - 1]):
            return Outcome(champion=None, selection=selection, because=problem)
        champion = self._crown(executor, selection, diagnosis)
        because = f"#{champion.number:03d} is the champion: {selection.because}"
        return Outcome(
            champion=champion, selection=selection, because=because, warning=self._warning
        )

    def _train_repeats(
        self, executor: Callable[[], Executor], chosen: Sequence[TrialResult]
    ) -> None:
        trials = [
            Trial(
                number=r.number,
                params=r.trial.params,
                seed=trial_seed(self._spec.search.seed, r.number, k),
                epochs=r.trial.epochs,
                keeps_weights=True,
                repeat=k,
            )
            for r in chosen
            for k in range(1, self._spec.select.repeats + 1)
        ]
        left = [t for t in trials if (t.number, t.repeat) not in self._journal.repeats]
        if left:
            self._say(f"training {len(chosen)} finalists again, {len(left)} fresh seeds to go")
            train_again(executor(), self._journal, left, hear=self._send)
        for trial in trials:
            if trial not in left:
                self._send(self._journal.repeats[trial.number, trial.repeat])

    def _send(self, result: TrialResult) -> None:
        name = run_name(result.number, result.trial.params, self._spec.model)
        self._record(result, f"{name} repeat {result.trial.repeat}")

    def _repeats(self, number: int) -> list[TrialResult]:
        """Return the repeats of a finalist that could be trained, in order."""
        return [
            r
            for (n, _), r in sorted(self._journal.repeats.items())
            if n == number
            and r.state is State.COMPLETE
            and r.trial.repeat <= self._spec.select.repeats
        ]

    def _candidate(self, result: TrialResult) -> Candidate | None:
        losses = [self._journal.losses(r) for r in self._repeats(result.number)]
        kept = [part.cv for part in losses if part is not None]
        if not kept:
            return None
        return Candidate(number=result.number, n_weights=result.n_weights, cv_losses=np.stack(kept))

    def _not_better_than_naive(self, cv_losses: np.ndarray[Any, Any]) -> str:
        """Say why the model may not be champion, an empty string when it may."""
        differences = cv_losses.astype(np.float64) - self._naive.cv_losses
        rng = np.random.default_rng(self._spec.search.seed)
        n_cv = len(differences)
        drawn = [differences[rng.integers(n_cv, size=n_cv)].mean() for _ in range(DRAWS)]
        high = float(np.quantile(drawn, 0.95))
        if high < 0:
            return ""
        return (
            f"the best finalist's J_cv is not shown to beat the naive baseline: difference "
            f"{differences.mean():+.4f}, at most {high:+.4f} with 95 % confidence. "
            "There is no champion to register"
        )

    def _crown(
        self, executor: Callable[[], Executor], selection: Selection, diagnosis: Diagnosis
    ) -> Champion:
        repeat = self._repeats(selection.number)[selection.repeat - 1]
        crowned = self._journal.notes.get("champion")
        if crowned and crowned["candidate"] == repeat.weights:
            champion = Champion(**crowned["champion"])
        else:
            champion = self._measure(executor, repeat)
            self._remember(champion, repeat)
        if self._spec.select.register_as and not champion.registered:
            champion = self._register(champion, selection, diagnosis)
            self._remember(champion, repeat)
        return champion

    def _remember(self, champion: Champion, repeat: TrialResult) -> None:
        self._journal.note(
            "champion", {"candidate": repeat.weights, "champion": champion.to_json()}
        )

    def _measure(self, executor: Callable[[], Executor], repeat: TrialResult) -> Champion:
        """Rebuild the chosen repeat, save it as a whole model, and open the test split for it."""
        trial = repeat.trial
        weights = self._journal.folder / "weights" / f"{trial.key}.npz"
        if not weights.exists():
            train_again(executor(), self._journal, [trial], hear=self._send)
        network = restore_model(self._spec, self._dataset.training, trial.params, weights)
        folder = self._journal.folder / "champion"
        assemble(network, self._dataset, folder)
        opening = self._ledger.find(self._dataset.test_digest, str(repeat.weights))
        if opening is None:
            J_test, error_test = measure(network, self._dataset.training, self._dataset.open_test())
            opening = Opening(
                test_digest=self._dataset.test_digest,
                sweep=self._spec.name,
                candidate=str(repeat.weights),
                J_test=J_test,
                error_test=error_test,
            )
            self._ledger.add(opening)
        return Champion(
            number=trial.number,
            repeat=trial.repeat,
            params=trial.params,
            n_weights=repeat.n_weights,
            J_cv=_known(repeat.J_cv),
            error_cv=_known(repeat.error_cv),
            J_test=opening.J_test,
            error_test=opening.error_test,
            test_openings=len(self._ledger.openings(self._dataset.test_digest)),
            comparisons=self._comparisons(repeat),
            folder=str(folder),
        )

    def _comparisons(self, repeat: TrialResult) -> dict[str, float]:
        J, error = _known(repeat.J_cv), _known(repeat.error_cv)
        baseline = self._spec.baseline
        found = {"naive": J - self._naive.J_cv}
        if baseline.target_error is not None:
            found["target_error"] = error - baseline.target_error
        if baseline.target_J is not None:
            found["target_J"] = J - baseline.target_J
        if self._algorithm is not None:
            found["hist_gradient_boosting"] = J - self._algorithm[1]
        return found

    def _register(self, champion: Champion, selection: Selection, diagnosis: Diagnosis) -> Champion:
        """Register the champion; a store that is away leaves it saved, to be registered later."""
        name = str(self._spec.select.register_as)
        verdict = diagnosis[run_id(champion.number)]
        model = RegisteredModel(
            name=name,
            code=MODEL_CODE,
            artifacts=artifact_paths(Path(champion.folder)),
            requirements=requirements(),
            input_example=self._dataset.example_rows(),
            columns=[(c.name, c.kind) for c in self._dataset.columns],
            output=self._dataset.output,
            tags={
                "sweepspot.sweep": self._spec.name,
                "sweepspot.number": str(champion.number),
                "sweepspot.repeat": str(champion.repeat),
                "sweepspot.label": str(verdict.label),
                "sweepspot.J_cv": f"{champion.J_cv:.6g}",
                "sweepspot.J_test": f"{champion.J_test:.6g}",
                "sweepspot.error_test": f"{champion.error_test:.6g}",
                "sweepspot.test_openings": str(champion.test_openings),
                **{f"sweepspot.vs.{k}": f"{v:+.6g}" for k, v in champion.comparisons.items()},
            },
            description=champion_note(champion, selection),
        )
        try:
            version = self._store(model, champion.number)
        except TrackingError as exc:
            self._warning = f"the champion is saved but not registered: {exc}"
            return champion
        return replace(champion, registered=f"{name}/{version}")


def champion_note(champion: Champion, selection: Selection) -> str:
    """Describe a champion on its page, in Markdown."""
    lines = [
        f"Trial #{champion.number:03d}, fresh seed {champion.repeat}: {selection.because}.",
        "",
        f"- J_cv {champion.J_cv:.4f}, error {champion.error_cv:.4f}",
        f"- J_test {champion.J_test:.4f}, error {champion.error_test:.4f} "
        f"(this test split was opened {champion.test_openings} times)",
    ]
    lines += [f"- against {name}: {value:+.4f}" for name, value in champion.comparisons.items()]
    return "\n".join(lines)


def _known(value: float | None) -> float:
    return math.nan if value is None else value
