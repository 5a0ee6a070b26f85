"""What limits a sweep, and the sweep to run next: findings about its space, written as a file."""

from __future__ import annotations

from sweepspot.advice.advising import advise
from sweepspot.advice.optimism import Optimism, optimism, sweep_optimism
from sweepspot.advice.proposing import propose
from sweepspot.advice.records import Advice, Change, Limit, Proposal
from sweepspot.advice.remembering import Remembered, load_sweep, next_sweep

__all__ = [
    "Advice",
    "Change",
    "Limit",
    "Optimism",
    "Proposal",
    "Remembered",
    "advise",
    "load_sweep",
    "next_sweep",
    "optimism",
    "propose",
    "sweep_optimism",
]
