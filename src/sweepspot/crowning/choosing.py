"""The choice of a champion, from finalists to a model that is measured: what comes after what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sweepspot.crowning.finals import Finals
from sweepspot.crowning.gates import Baselines, gates_of
from sweepspot.crowning.measuring import Measuring
from sweepspot.crowning.records import Champion, Chosen, Gate, Outcome, registered_name
from sweepspot.crowning.succession import Registry, Succession
from sweepspot.crowning.telling import no_champion, saved
from sweepspot.datasets import Dataset
from sweepspot.diagnosis import Diagnosis
from sweepspot.journal import Journal
from sweepspot.ledger import TestLedger
from sweepspot.protocols import Executor
from sweepspot.selection import Selection, finalists, lower_median, select
from sweepspot.spec import SweepSpec
from sweepspot.trial import TrialResult, run_id

__all__ = ["Crowning", "Store"]


class Store(Registry, Protocol):
    """What is asked of the tracker."""

    def record(self, result: TrialResult, name: str) -> None:
        """Write one repeat of a finalist."""
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
        model = Chosen(champion=champion, selection=selected.selection, gates=selected.gates)
        if not self._spec.select.register_as:
            return saved(model)
        succession = Succession(
            self._spec,
            self._dataset,
            self._journal,
            registry=self._store,
            say=self._say,
        )
        return succession.settle(model, str(diagnosis[run_id(champion.number)].label))

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
        if registered_name(champion.registered or "") == self._spec.select.register_as:
            return champion
        return replace(champion, registered=None)


def _is_saved(noted: Mapping[str, Any]) -> bool:
    """Tell whether the model is where the note says: people remove folders."""
    return Path(noted["folder"], "champion.keras").exists()
