"""What is run in which order: round after round, so that drift of the machine hits all alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.benchmarks.contenders import ENGINE
from tests.benchmarks.results import DAY, TABLE, YEAR, Cell

LARGE = 5_000_000

WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=28))
# As many columns each: only the length of the windows differs.
SPANS = {
    DAY: tuple(timedelta(hours=hours) for hours in (21, 22, 23, 24)),
    YEAR: tuple(timedelta(days=days) for days in (362, 363, 364, 365)),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes, the contenders and how often.

    Attributes:
        runs: how often each is run up to `LARGE` rows.
        large_runs: how often beyond.
    """

    rows: Sequence[int]
    distributions: Sequence[str]
    contenders: Sequence[str]
    runs: int
    large_runs: int

    def cells(self) -> Iterator[Cell]:
        """Every run in its order."""
        for rows in sorted(self.rows):
            for _ in range(self._runs(rows)):
                for distribution in self.distributions:
                    for contender in self.contenders:
                        yield Cell(TABLE, distribution, rows, contender)
        if ENGINE in self.contenders:
            rows = sorted(self.rows)[len(self.rows) // 2]
            for _ in range(self._runs(rows)):
                for series in SPANS:
                    yield Cell(series, self.distributions[0], rows, ENGINE)

    def _runs(self, rows: int) -> int:
        return self.large_runs if rows > LARGE else self.runs


def windows_of(cell: Cell) -> Sequence[timedelta]:
    return SPANS.get(cell.series, WINDOWS)
