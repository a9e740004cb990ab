"""Why a row scored as it did: the features that moved its log odds most.

A bank must be able to tell a cardholder why a payment was stopped, so contributions are given only
when they add up to the score that decided.
"""

import msgspec

from infra.serving.model.booster import Booster
from infra.serving.model.bundle import Bundle

LISTED = 3
TOLERANCE = 1e-6  # log odds


class Reason(msgspec.Struct, frozen=True):
    """A feature that moved a score, by how much in log odds, and the bundle's words for it."""

    feature: str
    text: str
    contribution: float


class ReasonsError(Exception):
    """The contributions do not add up to the score."""


class Explainer:
    """Gives reasons with a model and the texts of its bundle."""

    def __init__(self, bundle: Bundle, booster: Booster) -> None:
        self._booster = booster
        self._names = [feature.name for feature in bundle.features]
        self._texts = [bundle.reasons.get(name, name) for name in self._names]

    def reasons_for_alert(self, row: bytes) -> tuple[Reason, ...]:
        """Return the features that raised the score most, the strongest first; at most `LISTED`.

        Raises:
            ReasonsError: when the contributions do not add up.
        """
        parts = self._contributions(row)
        raising = [(part, at) for at, part in enumerate(parts) if part > 0]
        return self._describe(sorted(raising, key=_strength))

    def reasons(self, row: bytes) -> tuple[Reason, ...]:
        """Return the features that moved the score most, up or down, the strongest first.

        Raises:
            ReasonsError: when the contributions do not add up.
        """
        parts = self._contributions(row)
        moving = [(part, at) for at, part in enumerate(parts) if part != 0]
        return self._describe(sorted(moving, key=_strength))

    def _contributions(self, row: bytes) -> list[float]:
        parts = self._booster.contributions(row)
        total, log_odds = sum(parts), self._booster.predict_log_odds(row)
        if not abs(total - log_odds) <= TOLERANCE:
            raise ReasonsError(
                f"The contributions add up to {total:.6f} and the score is {log_odds:.6f} in log "
                "odds; no reasons are given. Train the model again."
            )
        return parts[:-1]

    def _describe(self, ranked: list[tuple[float, int]]) -> tuple[Reason, ...]:
        return tuple(Reason(self._names[at], self._texts[at], part) for part, at in ranked[:LISTED])


def _strength(ranked: tuple[float, int]) -> tuple[float, int]:
    """Strongest first; among equals the model's order."""
    part, at = ranked
    return -abs(part), at
