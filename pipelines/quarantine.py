"""The quarantine: rows that broke a rule, with all rules by name, by the delivery they came in."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, EVENT_TIME, RULES, TRANSACTION_ID
from expectations.rows import Judged
from pipelines.lake import Lake
from pipelines.settings import load_settings
from pipelines.source import TIMESTAMP
from pipelines.spec import load_spec

QUARANTINE = "quarantine"
SOURCE = "source"
NO_DAY = "unknown"
EXAMPLES = 10


def refile_source(lake: Lake, name: str, faulty: Sequence[pa.Table], *, inputs: str) -> None:
    """Replace the faulty rows of a delivery by those that it holds now."""
    held = read_quarantine(lake)
    others = [] if held is None else [held.filter(pc.not_equal(held[SOURCE], name))]
    named = [
        table.append_column(SOURCE, pa.array([name] * table.num_rows, pa.string()))
        for table in faulty
    ]
    refile_all(lake, [*others, *named], inputs=inputs)


def refile_all(lake: Lake, tables: Sequence[pa.Table], *, inputs: str) -> None:
    """Replace the whole quarantine, in one commit; with nothing where there is none, nothing."""
    at = lake.newest(QUARANTINE)
    listed = [_with_day(table) for table in tables if table.num_rows]
    if at is None and not listed:
        return
    days = set() if at is None else {part.day for part in lake.parts(at)}
    if listed:
        rows = pa.concat_tables(listed, promote_options="default")
    else:
        assert at is not None
        rows = lake.read(at).slice(0, 0)
    # One order of columns, whichever delivery came first: the same rows are the same parts.
    ordered = rows.select(sorted(rows.column_names))
    lake.write_days(QUARANTINE, ordered, inputs=inputs, empty_days=days)


def read_quarantine(lake: Lake) -> pa.Table | None:
    """All rows; None when nothing was ever quarantined."""
    at = lake.newest(QUARANTINE)
    return None if at is None else lake.read(at)


def rule_counts(quarantined: pa.Table) -> dict[str, int]:
    """Rule name to the number of rows that broke it."""
    if RULES not in quarantined.column_names:
        return {}
    return Judged(quarantined.slice(0, 0), quarantined).counts()


def show_quarantine(reference: str, rule: str, day: str, shown: int) -> str:
    """See `overnight quarantine`."""
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    return describe_quarantine(lake, rule=rule, day=day, shown=shown)


def describe_quarantine(lake: Lake, *, rule: str = "", day: str = "", shown: int = 0) -> str:
    """Counts by delivery and rule with example ids, and rows if asked for.

    Args:
        lake: of a spec.
        rule: only rows that broke this rule.
        day: only rows of this event day, or `unknown`.
        shown: how many rows to show.
    """
    at, rows = lake.newest(QUARANTINE), read_quarantine(lake)
    if at is None or rows is None or rows.num_rows == 0:
        return "The quarantine is empty."
    if rule:
        padded = pc.binary_join_element_wise(", ", rows[RULES], ", ", "")
        rows = rows.filter(pc.match_substring(padded, f", {rule}, "))
    if day:
        rows = rows.filter(pc.equal(rows[EVENT_DAY], day))
    lines = [f"{at}: {rows.num_rows:,} rows"]
    for source in pc.unique(rows[SOURCE]).to_pylist():
        own = rows.filter(pc.equal(rows[SOURCE], source))
        lines.append(f"  {source}: {own.num_rows:,} rows")
        for name, count in rule_counts(own).items():
            lines.append(f"    {name:28} {count:>9,}  such as {_ids(own, name)}")
    for row in rows.slice(0, shown).to_pylist():
        lines.append("  " + "  ".join(f"{k}={v}" for k, v in row.items() if v is not None))
    return "\n".join(lines)


def _ids(rows: pa.Table, rule: str) -> str:
    broken = [rule in text.split(", ") for text in rows[RULES].to_pylist()]
    ids = rows.filter(pa.array(broken))[TRANSACTION_ID].slice(0, EXAMPLES).to_pylist()
    return ", ".join("(no id)" if each is None else str(each) for each in ids)


def _with_day(rows: pa.Table) -> pa.Table:
    if EVENT_DAY in rows.column_names:
        return rows
    day = pc.strftime(rows[EVENT_TIME].cast(TIMESTAMP), format="%Y-%m-%d")
    return rows.append_column(EVENT_DAY, pc.fill_null(day.cast(pa.string()), NO_DAY))
