"""Deterministic sampling: a share is dealt out evenly instead of drawn at random."""


class Sampler:
    """Chooses a share of all calls.

    >>> half = Sampler(0.5)
    >>> [half.take() for _ in range(4)]
    [False, True, False, True]
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._credit = 0.0

    def take(self) -> bool:
        """Return True if this one is chosen."""
        self._credit += self._share
        # A tenth ten times over is a little less than one.
        if self._credit < 1.0 - 1e-9:
            return False
        self._credit -= 1.0
        return True
