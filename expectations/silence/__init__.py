"""Counts, rates and columns that stopped."""

from expectations.silence.stretches import Stretch, find_lasting, find_silent_runs

__all__ = [
    "Stretch",
    "find_lasting",
    "find_silent_runs",
]
