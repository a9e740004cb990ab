"""The results as a Markdown table, and what they say about the targets of the engine."""

from collections.abc import Iterable, Iterator, Mapping

from tests.benchmarks.contenders import ENGINE, KERNEL
from tests.benchmarks.results import DAY, HANDBOOK, TABLE, YEAR, Cell, Result, engine_of

Results = Mapping[Cell, Result]
HEADER = (
    "series", "keys", "rows", "contender", "median s", "min to max", "runs", "to engine",
    "µs a row", "peak MiB",
)  # fmt: skip


def describe(results: Results) -> str:
    """The table, then one line a target."""
    lines = ["| " + " | ".join(HEADER) + " |"]
    rules = ["---" if h in {"series", "keys", "contender"} else "--:" for h in HEADER]
    lines.append("|" + "|".join(rules) + "|")
    lines += ["| " + " | ".join(_row(r, results)) + " |" for r in results.values()]
    return "\n".join([*lines, "", *(f"- {line}" for line in _targets(results))]) + "\n"


def _row(result: Result, results: Results) -> Iterator[str]:
    cell = result.cell
    yield from (cell.series, cell.distribution, f"{cell.rows:,}", cell.contender)
    if result.seconds is None:
        yield f"{result.outcome}: {result.reason}".replace("|", "/")
        yield from [""] * 5
        return
    yield f">{result.seconds:g}" if result.outcome == "timeout" else f"{result.seconds:.2f}"
    yield _span(result.minimum, result.maximum)
    yield str(result.runs)
    yield result.ratio_to(engine_of(cell, results))
    yield f"{1e6 * result.seconds / cell.rows:.2f}" if result.is_ok else ""
    yield "" if result.peak_mib is None else f"{result.peak_mib:,.0f}"


def _span(minimum: float | None, maximum: float | None) -> str:
    return "" if minimum is None or maximum is None else f"{minimum:.2f} to {maximum:.2f}"


def _targets(results: Results) -> Iterator[str]:
    engine = [r for r in results.values() if r.cell.contender == ENGINE and r.is_ok]
    table = [r for r in engine if r.cell.series == TABLE]
    for result in table:
        where = f"{result.cell.rows:,} rows, {result.cell.distribution} keys"
        for other in (KERNEL, "duckdb"):
            of = Cell(TABLE, result.cell.distribution, result.cell.rows, other)
            if ratio := result.ratio_to(results.get(of)):
                yield f"{where}: {ratio} x the time of {other}"
    yield from _hot(table, results)
    for distribution in dict.fromkeys(r.cell.distribution for r in table):
        own = [r for r in table if r.cell.distribution == distribution]
        yield _flatness(f"time a row over sizes, {distribution} keys", own)
    for result in engine:
        if result.cell.series == YEAR:
            day = results.get(Cell(DAY, result.cell.distribution, result.cell.rows, ENGINE))
            if ratio := result.ratio_to(day):
                yield f"{result.cell.rows:,} rows, windows of a year: {ratio} x those of a day"
    for result in engine:
        if result.cell.series == HANDBOOK:
            yield f"Handbook, all features, process start to exit: {result.seconds:.1f} s"
    if peaks := [r.peak_mib for r in table if r.peak_mib is not None]:
        yield f"largest peak memory of the engine: {max(peaks) / 1024:.2f} GiB"


def _hot(table: Iterable[Result], results: Results) -> Iterator[str]:
    for result in table:
        uniform = results.get(Cell(TABLE, "uniform", result.cell.rows, ENGINE))
        if result.cell.distribution == "hot" and (ratio := result.ratio_to(uniform)):
            yield f"{result.cell.rows:,} rows, skewed keys: {ratio} x the time of uniform keys"


def _flatness(what: str, own: Iterable[Result]) -> str:
    costs = {r.cell.rows: 1e6 * r.seconds / r.cell.rows for r in own if r.seconds is not None}
    listed = ", ".join(f"{cost:.2f} µs at {rows:,}" for rows, cost in costs.items())
    return (
        f"{what}: {listed}; largest over smallest {max(costs.values()) / min(costs.values()):.2f}"
    )
