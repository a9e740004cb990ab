"""The fleets of one endpoint and their shares of its traffic."""

from infra.emulator.endpoints.fleet import Fleet, WeightedShare, pick_weighted


class Traffic:
    """The live fleet, and during an update the next one.

    Attributes:
        live: the fleet that serves; None before the first came up.
        next: the fleet that is being brought up or gets a share already.
    """

    def __init__(self) -> None:
        self.live: Fleet | None = None
        self.next: Fleet | None = None
        self._shares = (WeightedShare(1.0), WeightedShare(0.0))

    @property
    def share(self) -> float:
        """The next fleet's part of the traffic."""
        return 0.0 if self.next is None else self._shares[1].weight

    def route(self) -> Fleet | None:
        """Return the fleet for the next request; None when nothing serves."""
        if self.next is not None and self.live is not None and pick_weighted(self._shares) == 1:
            return self.next
        return self.live

    def prepare(self, fleet: Fleet) -> None:
        """Set the next fleet; it gets no traffic yet."""
        self.next = fleet
        self.shift(0.0)

    def shift(self, share: float) -> None:
        """Give the next fleet a share of the traffic."""
        self._shares = (WeightedShare(1.0 - share), WeightedShare(share))

    def switch(self) -> Fleet | None:
        """Make the next fleet the live one; return the old fleet, for the caller to stop."""
        old, self.live, self.next = self.live, self.next, None
        return old

    def withdraw(self) -> Fleet | None:
        """Give all traffic back to the live fleet; return the other, for the caller to stop."""
        fleet, self.next = self.next, None
        return fleet

    def end(self) -> list[Fleet]:
        """Serve nothing; return the fleets, for the caller to stop."""
        fleets = [fleet for fleet in (self.next, self.live) if fleet is not None]
        self.live = self.next = None
        return fleets
