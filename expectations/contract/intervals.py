"""Half-open stretches of time."""

from datetime import datetime, timedelta

from expectations.contract.frozen_model import FrozenModel


class Interval(FrozenModel):
    """A half-open stretch of time, `[start, end)`, UTC.

    >>> day = datetime.fromisoformat
    >>> Interval(start=day("2018-04-01T00:00Z"), end=day("2018-04-08T00:00Z")).days
    7.0
    """

    start: datetime
    end: datetime

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / timedelta(days=1)

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%d}, {self.end:%Y-%m-%d})"
