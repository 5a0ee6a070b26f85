"""Where the model selected stands in the registry: first, challenger, champion already, or late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

from sweepspot.champion import saved_model
from sweepspot.crowning.records import (
    Champion,
    ChampionComparison,
    Chosen,
    Outcome,
    registered_name,
)
from sweepspot.crowning.registering import N_WEIGHTS, TEST_DIGEST, WEIGHTS, registered_model
from sweepspot.crowning.rivalry import decided, is_cheaper, rival
from sweepspot.crowning.scoring import OpenTest
from sweepspot.crowning.telling import (
    away,
    by_itself,
    kept,
    not_compared,
    promoted,
    replaced_since,
)
from sweepspot.datasets import Dataset
from sweepspot.errors import TrackingError, first_line
from sweepspot.journal import Journal
from sweepspot.protocols import RegisteredModel, Reigning
from sweepspot.spec import SweepSpec

__all__ = ["Registry", "Succession"]


class Registry(Protocol):
    """What is asked of the tracker about registered models."""

    def register(self, model: RegisteredModel, number: int) -> str:
        """Register a model as the champion, and return its version."""
        ...

    def reigning(self, name: str) -> Reigning | None:
        """Return the registered champion of a name."""
        ...


class Succession:
    """Brings the model of one sweep into the registry, if it may be there."""

    def __init__(
        self,
        spec: SweepSpec,
        dataset: Dataset,
        journal: Journal,
        *,
        registry: Registry,
        say: Callable[[str], None],
    ) -> None:
        """Take on a sweep that has a `select.register`.

        Args:
            spec: Its declaration.
            dataset: What it is about.
            journal: Holds its champion, and earlier comparisons.
            registry: Keeps models.
            say: Told what takes time.
        """
        self._spec = spec
        self._dataset = dataset
        self._journal = journal
        self._registry = registry
        self._say = say
        self._name = str(spec.select.register_as)

    def settle(self, chosen: Chosen, label: str) -> Outcome:
        """Say where the model stands in the registry, and bring it there if it may be.

        Args:
            chosen: The model, saved, and how it was selected.
            label: Of its trial, for its page.
        """
        champion = chosen.champion
        try:
            reigning = self._registry.reigning(self._name)
        except TrackingError as exc:
            return away(chosen, self._name, str(exc))
        if reigning is None:
            return self._register(chosen, label)
        before = f"{self._name}/{reigning.version}"
        if reigning.tags.get(WEIGHTS) == champion.weights or champion.registered == before:
            return by_itself(self._registered(chosen, before), self._stored_comparison(champion))
        if champion.registered:
            return replaced_since(chosen, before)
        return self._challenge(chosen, reigning, before, label)

    def _challenge(self, chosen: Chosen, reigning: Reigning, before: str, label: str) -> Outcome:
        champion = chosen.champion
        comparison = self._stored_comparison(champion)
        if comparison is None:
            compared = self._compare(chosen, reigning, before)
            if isinstance(compared, Outcome):
                return compared
            comparison = compared
            known = self._journal.notes.get("comparisons", {})
            self._journal.note("comparisons", {**known, champion.weights: asdict(comparison)})
        if not comparison.promotes or comparison.reigning != before:
            return kept(chosen, before, comparison)
        return self._register(chosen, label, before, comparison)

    def _compare(
        self, chosen: Chosen, reigning: Reigning, before: str
    ) -> ChampionComparison | Outcome:
        """Compare on the test rows; an outcome where the reigning champion cannot be asked."""
        champion = chosen.champion
        self._say(f"comparing with {before} on the test rows")
        test = OpenTest(self._spec, self._dataset, champion.params)
        mine = test.losses(test.outputs(saved_model(Path(champion.folder))))
        try:
            outputs = test.outputs(reigning.load())
        # Whatever a registered model raises: it is the user's, or another version's.
        except Exception as exc:
            return not_compared(chosen, before, first_line(exc))
        digest = reigning.tags.get(TEST_DIGEST)
        return rival(
            mine,
            test.losses(outputs),
            reigning=before,
            openings=champion.test_openings,
            margin=self._spec.select.margin,
            cheaper=is_cheaper(champion.n_weights, reigning.tags.get(N_WEIGHTS)),
            same_test=None if digest is None else digest == self._dataset.test_digest,
            seed=self._spec.search.seed,
        )

    def _stored_comparison(self, champion: Champion) -> ChampionComparison | None:
        """Return how the same weights compared before, with whichever version reigned then."""
        noted = self._journal.notes.get("comparisons", {}).get(champion.weights)
        if noted is None or registered_name(noted["reigning"]) != self._name:
            return None
        return decided(ChampionComparison(**noted), margin=self._spec.select.margin)

    def _register(
        self,
        chosen: Chosen,
        label: str,
        before: str | None = None,
        comparison: ChampionComparison | None = None,
    ) -> Outcome:
        """Register the model; a store that is away leaves it saved, to be registered later."""
        champion = chosen.champion
        model = registered_model(
            self._name,
            champion,
            self._dataset,
            sweep=self._spec.name,
            label=label,
            selection=chosen.selection,
            comparison=comparison,
        )
        try:
            version = self._registry.register(model, champion.number)
        except TrackingError as exc:
            return away(chosen, self._name, str(exc), reigning=before, comparison=comparison)
        return promoted(self._registered(chosen, f"{self._name}/{version}"), comparison)

    def _registered(self, chosen: Chosen, version: str) -> Chosen:
        """Remember under which version the model is registered."""
        champion = replace(chosen.champion, registered=version)
        noted = self._journal.notes["champion"]
        self._journal.note("champion", {**noted, "champion": champion.to_json()})
        return replace(chosen, champion=champion)
