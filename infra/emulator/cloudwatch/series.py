"""Time series of one metric with its dimensions, and statistics of a period.

Values are gathered in steps of time, so that an hour under load stays within bounds. Percentiles
are of the values of a stretch; a step keeps the first thousands and drops the rest.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_STEPS = 5000
MAX_VALUES = 2000


@dataclass(slots=True)
class Step:
    """The data points of one time step, or of several merged."""

    begin: float
    count: float = 0.0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    values: list[float] = field(default_factory=list)

    def add(self, value: float, times: float = 1.0) -> None:
        """Add a value with its count."""
        self.count += times
        self.total += value * times
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        free = MAX_VALUES - len(self.values)
        if free > 0:
            self.values.extend([value] * min(free, int(times)))

    def merge(self, other: "Step") -> None:
        """Add the values of another step."""
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.values.extend(other.values)


class Series:
    """A metric's steps, oldest first.

    Attributes:
        latest: when the last value came, in seconds of the epoch; 0 before the first.
    """

    def __init__(self, step_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._steps: deque[Step] = deque(maxlen=MAX_STEPS)
        self.latest = 0.0

    def add(self, value: float, *, time: float, times: float = 1.0) -> None:
        """Record a value; times must not go back by more than a step."""
        if not self._steps or time >= self._steps[-1].begin + self._step_seconds:
            self._steps.append(Step(time))
        self._steps[-1].add(value, times)
        self.latest = time

    def periods(self, *, end: float, seconds: float, count: int) -> list[Step | None]:
        """Return the last periods before a moment, newest first; None where nothing came.

        Args:
            end: seconds of the epoch; a period is (begin, end].
            seconds: the length of one.
            count: how many.
        """
        found: list[Step | None] = [None] * count
        for step in reversed(self._steps):
            index = int((end - step.begin) // seconds) if step.begin < end else 0
            if index >= count:
                break
            merged = found[index]
            if merged is None:
                merged = found[index] = Step(step.begin)
            merged.merge(step)
        return found


def read_statistic(step: Step, statistic: str) -> float:
    """Compute a statistic of CloudWatch: `Average`, `p99`, ….

    >>> step = Step(0.0)
    >>> for value in (1.0, 2.0, 3.0, 4.0):
    ...     step.add(value)
    >>> read_statistic(step, "Average"), read_statistic(step, "p50")
    (2.5, 2.0)
    """
    if statistic == "Average":
        return step.total / step.count
    if statistic == "Sum":
        return step.total
    if statistic == "Minimum":
        return step.low
    if statistic == "Maximum":
        return step.high
    if statistic == "SampleCount":
        return step.count
    return _percentile(step.values, float(statistic.removeprefix("p")))


def _percentile(values: Sequence[float], percent: float) -> float:
    """Compute the nearest-rank percentile."""
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]
