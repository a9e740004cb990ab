"""Results and their CSV: one row per series, distribution, number of rows and contender.

A run replaces the rows that it measured and keeps the others.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.contenders import ENGINE, MODULES
from tests.benchmarks.measure import Measured

TABLE, HANDBOOK = "table", "handbook"
DAY, YEAR = "windows-around-1d", "windows-around-365d"
SERIES = (TABLE, DAY, YEAR, HANDBOOK)
FIELDS = (
    "series", "distribution", "rows", "contender", "outcome", "seconds", "min_seconds",
    "max_seconds", "runs", "peak_mib", "rows_per_second", "ratio_to_engine", "measured_on",
    "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """What is measured."""

    series: str
    distribution: str
    rows: int
    contender: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        outcome: `ok`, `timeout`, `failed`, `wrong` (refused by the cross-check) or `not run`.
        seconds: median; with `timeout`, the time after which it was ended.
        peak_mib: the largest of all runs.
    """

    cell: Cell
    outcome: str
    seconds: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    runs: int = 0
    peak_mib: float | None = None
    measured_on: str = ""
    reason: str = ""

    @property
    def shown_seconds(self) -> str:
        return "" if self.seconds is None else f"{self._bound}{self.seconds:.3f}"

    @property
    def shown_rate(self) -> str:
        return f"{self.cell.rows / self.seconds:.0f}" if self.is_ok and self.seconds else ""

    @property
    def is_ok(self) -> bool:
        return self.outcome == "ok"

    def ratio_to(self, other: "Result | None") -> str:
        if other is None or not other.is_ok or not other.seconds or self.seconds is None:
            return ""
        return f"{self._bound}{self.seconds / other.seconds:.2f}"

    @property
    def _bound(self) -> str:
        return ">" if self.outcome == "timeout" else ""


def summarize(cell: Cell, runs: Sequence[Measured], *, measured_on: str) -> Result:
    """The median of runs, or the failure of the last."""
    last, peak = runs[-1], max(run.peak_mib for run in runs)
    if last.outcome != "ok":
        seconds = last.seconds if last.outcome == "timeout" else None
        return Result(
            cell, last.outcome, seconds, runs=len(runs), peak_mib=peak,
            measured_on=measured_on, reason=last.reason,
        )  # fmt: skip
    times = [run.seconds for run in runs]
    return Result(cell, "ok", median(times), min(times), max(times), len(runs), peak, measured_on)


def merge_results(path: Path, new: Iterable[Result]) -> dict[Cell, Result]:
    """Put results into the CSV, write it aside and rename; what it holds then."""
    merged = {**read_results(path), **{result.cell: result for result in new}}
    ordered = dict(sorted(merged.items(), key=lambda item: _rank(item[0])))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    with aside.open("w", newline="") as sink:
        writer = csv.DictWriter(sink, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_to_row(result, ordered) for result in ordered.values())
    aside.replace(path)
    return ordered


def read_results(path: Path) -> dict[Cell, Result]:
    if not path.is_file():
        return {}
    with path.open(newline="") as source:
        results = [_from_row(row) for row in csv.DictReader(source)]
    return {result.cell: result for result in results}


def engine_of(cell: Cell, results: Mapping[Cell, Result]) -> Result | None:
    """The engine's result for the same rows."""
    return results.get(Cell(cell.series, cell.distribution, cell.rows, ENGINE))


def _rank(cell: Cell) -> tuple[object, ...]:
    series, contender = SERIES.index(cell.series), list(MODULES).index(cell.contender)
    return series, cell.rows, cell.distribution == "hot", contender


def _to_row(result: Result, results: Mapping[Cell, Result]) -> dict[str, object]:
    cell = result.cell
    return {
        "series": cell.series, "distribution": cell.distribution, "rows": cell.rows,
        "contender": cell.contender, "outcome": result.outcome, "seconds": result.shown_seconds,
        "min_seconds": _number(result.minimum, 3), "max_seconds": _number(result.maximum, 3),
        "runs": result.runs, "peak_mib": _number(result.peak_mib, 0),
        "rows_per_second": result.shown_rate,
        "ratio_to_engine": result.ratio_to(engine_of(cell, results)),
        "measured_on": result.measured_on, "reason": result.reason,
    }  # fmt: skip


def _from_row(row: Mapping[str, str]) -> Result:
    return Result(
        cell=Cell(row["series"], row["distribution"], int(row["rows"]), row["contender"]),
        outcome=row["outcome"],
        seconds=_parsed(row["seconds"].removeprefix(">")),
        minimum=_parsed(row["min_seconds"]),
        maximum=_parsed(row["max_seconds"]),
        runs=int(row["runs"]),
        peak_mib=_parsed(row["peak_mib"]),
        measured_on=row["measured_on"],
        reason=row["reason"],
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _parsed(text: str) -> float | None:
    return float(text) if text else None
