"""Line pictures as numbers: where each line, tick and mark stands; the template draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.evaluation import Points

WIDTH, HEIGHT = 500.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 68.0, 20.0, 12.0, 48.0
TICKS = 5
FEW_DECADES = 3


@dataclass(frozen=True, slots=True)
class Axis:
    """From which value to which one side goes.

    Attributes:
        label: what is measured.
        is_log: whether a step multiplies.
        form: of the ticks' numbers.
    """

    label: str
    low: float
    high: float
    is_log: bool = False
    form: str = "g"

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end; values beyond are put on the end.

        >>> Axis("x", 0, 4).place(1), Axis("x", 0.01, 1, is_log=True).place(0.1)
        (0.25, 0.5)
        """
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Values with a name.

        >>> Axis("x", 0, 1).ticks()
        [(0.0, '0'), (0.25, '0.25'), (0.5, '0.5'), (0.75, '0.75'), (1.0, '1')]
        >>> [name for _, name in Axis("x", 0.0005, 1, is_log=True).ticks()]
        ['0.001', '0.01', '0.1', '1']
        """
        if self.is_log:
            first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
            steps = (1, 2, 5) if last - first < FEW_DECADES else (1,)
            every = (step * 10.0**power for power in range(first, last + 1) for step in steps)
            values = [each for each in every if self.low <= each * (1 + 1e-9) and each <= self.high]
        else:
            step = _step((self.high - self.low) / (TICKS - 1))
            start, end = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            values = [number * step for number in range(start, end + 1)]
        return [(value, format(value, self.form)) for value in values]


@dataclass(frozen=True, slots=True)
class Line:
    """Points of one model.

    Attributes:
        role: `candidate`, `champion`, `baseline` or `ideal`: its colour and dashes.
        marks: points that get a dot.
    """

    name: str
    role: str
    points: Points
    marks: Points = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with its words.

    Attributes:
        name: of its place in the page.
        title: what it shows.
        words: what is to be seen, for whoever does not see it.
        rule: a value on the x axis that gets a line of its own, with its name.
        head: of the table of the same numbers.
        rows: of that table.
    """

    name: str
    title: str
    words: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    rule: tuple[float, str] | None = None

    def across(self, value: float) -> float:
        """Horizontal position of a value of the x axis."""
        return round(LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT), 1)

    def down(self, value: float) -> float:
        """Vertical position of a value of the y axis, from the top."""
        return round(HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM), 1)

    def path(self, points: Points) -> str:
        """Return the line through points, as SVG writes it."""
        return "M" + " L".join(f"{self.across(x)} {self.down(y)}" for x, y in points)

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the inner side."""
        return LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return WIDTH, HEIGHT


def value_at(points: Points, wanted: float) -> float | None:
    """Return the y of the first point from an x on; None beyond the last.

    >>> value_at(((0.2, 0.9), (0.6, 0.5)), 0.5), value_at(((0.2, 0.9),), 0.5)
    (0.5, None)
    """
    return next((y for x, y in points if x >= wanted - 1e-9), None)


def round_up(values: Sequence[float]) -> float:
    """Return a round number that no value exceeds.

    >>> round_up([3.0, 17.2])
    20.0
    """
    most = max(values, default=1.0)
    if most <= 0:
        return 1.0
    step = _step(most / (TICKS - 1))
    return math.ceil(most / step - 1e-9) * step


def _step(least: float) -> float:
    """Return the first of 1, 2, 2.5, 5, 10 times a power of ten that is no smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= least - 1e-12)
