"""From finalists to a champion: fresh repeats, gates, one look at the test split, the registry."""

from __future__ import annotations

from sweepspot.crowning.choosing import Crowning
from sweepspot.crowning.gates import Baselines
from sweepspot.crowning.records import Champion, Outcome

__all__ = ["Baselines", "Champion", "Crowning", "Outcome"]
