"""The choice of a champion, from finalists to the registry: what happens in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sweepspot.crowning.finals import Finals
from sweepspot.crowning.gates import Baselines, gates_of
from sweepspot.crowning.measuring import Measuring
from sweepspot.crowning.records import Champion, ChampionComparison, Gate, Outcome
from sweepspot.crowning.registering import TEST_DIGEST, WEIGHTS, registered_model
from sweepspot.crowning.rivalry import decided, is_cheaper, rival
from sweepspot.crowning.telling import (
    away,
    by_itself,
    kept,
    no_champion,
    not_compared,
    promoted,
    replaced_since,
    saved,
)
from sweepspot.datasets import Dataset
from sweepspot.diagnosis import Diagnosis
from sweepspot.errors import TrackingError, first_line
from sweepspot.journal import Journal
from sweepspot.ledger import TestLedger
from sweepspot.protocols import Executor, RegisteredModel, Reigning
from sweepspot.quiet import load_tensorflow
from sweepspot.selection import Selection, finalists, lower_median, select
from sweepspot.spec import SweepSpec
from sweepspot.trial import TrialResult, run_id

__all__ = ["Crowning", "Store"]


class Store(Protocol):
    """What is asked of the tracker."""

    def record(self, result: TrialResult, name: str) -> None:
        """Write one repeat of a finalist."""
        ...

    def register(self, model: RegisteredModel, number: int) -> str:
        """Register a model as the champion, and return its version."""
        ...

    def reigning(self, name: str) -> Reigning | None:
        """Return the registered champion of a name."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Selected:
    """What was selected on the cross-validation split, before the test split is opened."""

    selection: Selection
    repeat: TrialResult
    gates: tuple[Gate, ...]
    latency_s: float | None


class Crowning:
    """Chooses the champion of one sweep."""

    def __init__(
        self,
        spec: SweepSpec,
        dataset: Dataset,
        journal: Journal,
        *,
        baselines: Baselines,
        ledger: TestLedger,
        store: Store,
        say: Callable[[str], None],
    ) -> None:
        """Take on a sweep.

        Args:
            spec: Its declaration.
            dataset: What it is about.
            journal: Holds its trials, and what an earlier selection found.
            baselines: For the gates.
            ledger: Counts the openings of test splits.
            store: Keeps repeats and models.
            say: Told what takes time.
        """
        self._spec = spec
        self._dataset = dataset
        self._journal = journal
        self._baselines = baselines
        self._store = store
        self._say = say
        self._measuring = Measuring(spec, dataset, journal, ledger)

    def run(self, executor: Callable[[], Executor], diagnosis: Diagnosis) -> Outcome:
        """Train the finalists again, choose, measure what was chosen, and register it if it may be.

        Args:
            executor: Makes one when something is left to train.
            diagnosis: Of the sweep, for the champion's page.
        """
        chosen = finalists(self._journal.results, count=self._spec.select.finalists)
        if not chosen:
            return no_champion("no trial was completed")
        finals = Finals(
            self._spec,
            self._dataset,
            self._journal,
            executor,
            record=self._store.record,
            say=self._say,
        )
        selected = self._select(finals, chosen)
        if isinstance(selected, Outcome):
            return selected
        champion = self._measured(selected, finals)
        outcome = Outcome(
            status="selected",
            champion=champion,
            selection=selected.selection,
            because="",
            gates=selected.gates,
        )
        if not self._spec.select.register_as:
            return saved(outcome)
        return self._in_the_registry(outcome, champion, diagnosis)

    def _select(self, finals: Finals, chosen: list[TrialResult]) -> _Selected | Outcome:
        candidates = finals.candidates(chosen)
        if not candidates:
            return no_champion("no finalist could be trained again")
        gates: dict[int, tuple[Gate, ...]] = {}
        repeats: dict[int, TrialResult] = {}
        for candidate in candidates:
            repeat = self._journal.repeats[candidate.number, lower_median(candidate)]
            repeats[candidate.number] = repeat
            gates[candidate.number] = self._gates(repeat)
        barred = [n for n, asked in gates.items() if any(gate.stops for gate in asked)]
        selection = select(
            candidates,
            rule=self._spec.select.rule,
            seed=self._spec.search.seed,
            barred=barred,
        )
        number = selection.number
        if number in barred:
            return no_champion("", selection=selection, gates=gates[number])
        return _Selected(
            selection=selection,
            repeat=repeats[number],
            gates=gates[number],
            latency_s=next(c.latency_s for c in candidates if c.number == number),
        )

    def _gates(self, repeat: TrialResult) -> tuple[Gate, ...]:
        losses = self._journal.losses(repeat)
        return gates_of(self._spec, losses, self._baselines) if losses else ()

    def _measured(self, selected: _Selected, finals: Finals) -> Champion:
        """Return the champion, from the journal when the same weights were measured before."""
        key = [selected.repeat.weights, self._spec.select.refit]
        noted = self._journal.notes.get("champion", {})
        if noted.get("candidate") == key and _is_saved(noted["champion"]):
            return self._under_this_name(Champion(**noted["champion"]))
        # Until the note is written anew the folder may hold another model than the old note says.
        self._journal.note("champion", {})
        champion = self._measuring.measure(
            selected.repeat,
            finals,
            comparisons={gate.name: gate.difference for gate in selected.gates},
            latency_s=selected.latency_s,
        )
        self._journal.note("champion", {"candidate": key, "champion": champion.to_json()})
        return champion

    def _under_this_name(self, champion: Champion) -> Champion:
        """Forget a registration under a name that the sweep has no longer."""
        if (champion.registered or "").rsplit("/", 1)[0] == self._spec.select.register_as:
            return champion
        return replace(champion, registered=None)

    def _in_the_registry(
        self, outcome: Outcome, champion: Champion, diagnosis: Diagnosis
    ) -> Outcome:
        """Say where the model stands in the registry, and bring it there if it may be."""
        name = str(self._spec.select.register_as)
        try:
            reigning = self._store.reigning(name)
        except TrackingError as exc:
            return away(outcome, name, str(exc))
        before = f"{name}/{reigning.version}" if reigning else None
        outcome = replace(outcome, reigning=before)
        if reigning is None:
            return self._register(outcome, champion, diagnosis)
        if reigning.tags.get(WEIGHTS) == champion.weights or champion.registered == before:
            champion = replace(champion, registered=before)
            self._remember(champion)
            compared = self._stored_comparison(champion)
            return by_itself(replace(outcome, champion=champion, comparison=compared))
        if champion.registered:
            return replaced_since(outcome)
        return self._challenge(outcome, champion, reigning, diagnosis)

    def _challenge(
        self, outcome: Outcome, champion: Champion, reigning: Reigning, diagnosis: Diagnosis
    ) -> Outcome:
        comparison = self._stored_comparison(champion)
        if comparison is None:
            self._say(f"comparing with {outcome.reigning} on the test rows")
            try:
                comparison = self._compare(champion, reigning, str(outcome.reigning))
            # Whatever a registered model raises: it is the user's, or another version's.
            except Exception as exc:
                return not_compared(outcome, first_line(exc))
            known = self._journal.notes.get("comparisons", {})
            self._journal.note("comparisons", {**known, champion.weights: asdict(comparison)})
        outcome = replace(outcome, comparison=comparison)
        if not comparison.promotes or comparison.reigning != outcome.reigning:
            return kept(outcome)
        return self._register(outcome, champion, diagnosis)

    def _compare(self, champion: Champion, reigning: Reigning, name: str) -> ChampionComparison:
        # Before MLflow imports it, which would not do it quietly.
        load_tensorflow()
        mine, theirs = self._measuring.losses_on_test(champion, reigning.load())
        digest = reigning.tags.get(TEST_DIGEST)
        return rival(
            mine,
            theirs,
            reigning=name,
            openings=champion.test_openings,
            margin=self._spec.select.margin,
            cheaper=is_cheaper(champion.n_weights, reigning.tags.get("sweepspot.n_weights")),
            same_test=None if digest is None else digest == self._dataset.test_digest,
            seed=self._spec.search.seed,
        )

    def _stored_comparison(self, champion: Champion) -> ChampionComparison | None:
        """Return how the same weights compared before, with whichever version reigned then."""
        noted = self._journal.notes.get("comparisons", {}).get(champion.weights)
        if noted is None or noted["reigning"].rsplit("/", 1)[0] != self._spec.select.register_as:
            return None
        return decided(ChampionComparison(**noted), margin=self._spec.select.margin)

    def _register(self, outcome: Outcome, champion: Champion, diagnosis: Diagnosis) -> Outcome:
        """Register the model; a store that is away leaves it saved, to be registered later."""
        name = str(self._spec.select.register_as)
        if outcome.selection is None:
            return outcome
        model = registered_model(
            name,
            champion,
            self._dataset,
            sweep=self._spec.name,
            label=str(diagnosis[run_id(champion.number)].label),
            selection=outcome.selection,
            comparison=outcome.comparison,
        )
        try:
            version = self._store.register(model, champion.number)
        except TrackingError as exc:
            return away(outcome, name, str(exc))
        champion = replace(champion, registered=f"{name}/{version}")
        self._remember(champion)
        return promoted(replace(outcome, champion=champion))

    def _remember(self, champion: Champion) -> None:
        noted = self._journal.notes["champion"]
        self._journal.note("champion", {**noted, "champion": champion.to_json()})


def _is_saved(noted: Mapping[str, Any]) -> bool:
    """Tell whether the model is where the note says: people remove folders."""
    return Path(noted["folder"], "champion.keras").exists()
