"""The quarantine: rows that broke rules, with the names of the rules and of the delivery."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from expectations import AMOUNT_BELOW, EXAMPLES, REPEATED, SplitRows
from expectations.contract import (
    EVENT_DAY,
    KNOWN_TIME,
    LABEL,
    LABEL_STATE,
    RULES,
    SOURCE_TIME,
    STATE,
    STATED_TIME,
    TRANSACTION_ID,
    InputError,
)
from pipelines.config import Column, ModelSpec, format_table, load_spec
from pipelines.config.installation import load_settings
from pipelines.ingestion.filing.labels import WITHOUT_TRANSACTION
from pipelines.ingestion.filing.merge import DELIVERY_COLUMNS, FILE
from pipelines.ingestion.filing.versions import ARRIVAL
from pipelines.ingestion.readers import with_day
from pipelines.lake import Lake

QUARANTINE = "quarantine"
SOURCE = "source"


def refile(
    lake: Lake,
    faulty: Sequence[pa.Table],
    *,
    delivered: Mapping[str, Sequence[pa.ChunkedArray]],
    fingerprint: str,
) -> None:
    """Replace the quarantined rows of the files that were read, and the reports tried again.

    Args:
        lake: with or without a quarantine.
        faulty: the rows that broke a rule now, with the names of their files.
        delivered: for each file read that has quarantined rows, the ids of all its rows;
            quarantined rows with other ids stay, those without an id do not.
        fingerprint: digest of the inputs of the rows.
    """
    current = read_quarantine(lake)
    others = []
    if current is not None:
        stays = pc.invert(_are_orphans(current))
        for name, columns in delivered.items():
            ids = current[TRANSACTION_ID]
            chunks = [c for column in columns for c in column.cast(pa.string()).chunks]
            again = pc.or_(ids.is_null(), _is_in(ids, pa.chunked_array(chunks, pa.string())))
            stays = pc.and_not(stays, pc.and_(pc.equal(current[SOURCE], name), again))
        others = [current.filter(stays)]
    if current is not None or faulty:
        refile_all(lake, [*others, *map(as_quarantined, faulty)], fingerprint=fingerprint)


def orphaned_reports(current: pa.Table | None) -> pa.Table:
    """Select the quarantined reports whose transaction was not filed: it may be by now."""
    if current is None:
        return pa.table({TRANSACTION_ID: [], KNOWN_TIME: [], SOURCE: []})
    found = current.filter(_are_orphans(current))
    state = [LABEL_STATE] if LABEL_STATE in current.column_names else []
    return found.select([TRANSACTION_ID, KNOWN_TIME, SOURCE, *state])


def _are_orphans(rows: pa.Table) -> pa.ChunkedArray:
    return pc.match_substring(rows[RULES], WITHOUT_TRANSACTION)


def as_quarantined(rows: pa.Table) -> pa.Table:
    """Drop from a report what is known of it only until it is filed."""
    if STATED_TIME not in rows.column_names:
        return rows
    kept = rows.drop_columns([LABEL, STATE, STATED_TIME, SOURCE_TIME, ARRIVAL])
    has_states = rows[STATE].null_count < rows.num_rows
    return kept.append_column(LABEL_STATE, rows[STATE]) if has_states else kept


def refile_all(lake: Lake, tables: Sequence[pa.Table], *, fingerprint: str) -> None:
    """Replace the whole quarantine in one commit; without rows, an absent table stays absent."""
    at = lake.latest(QUARANTINE)
    rows = file_columns(tables)
    if not rows.num_rows:
        if at is not None:
            days = [part.day for part in lake.parts(at)]
            lake.write_days(
                QUARANTINE, lake.read(at).slice(0, 0), fingerprint=fingerprint, empty_days=days
            )
        return
    days = [] if at is None else [part.day for part in lake.parts(at)]
    lake.write_days(QUARANTINE, rows, fingerprint=fingerprint, empty_days=days)


def file_columns(tables: Sequence[pa.Table]) -> pa.Table:
    """Convert faulty rows to the columns of the quarantine.

    The order of columns does not depend on the delivery, so that equal rows make equal parts.
    """
    listed = [
        table if EVENT_DAY in table.column_names else with_day(table)
        for table in tables
        if table.num_rows
    ]
    rows = join_tables(listed) if listed else pa.table({EVENT_DAY: pa.array([], pa.string())})
    return rows.select(sorted(rows.column_names))


def join_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenate tables; rows of a table that lacks a column have null in it.

    Raises:
        InputError: when a column has another type than before.
    """
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowTypeError as error:
        raise InputError(
            f"The quarantine holds rows whose columns had other types: {error}. Deliver the whole "
            "history once more, or give the spec another name."
        ) from error


def read_quarantine(lake: Lake) -> pa.Table | None:
    """Read all rows; None when nothing was ever quarantined."""
    at = lake.latest(QUARANTINE)
    return None if at is None else lake.read(at)


def rule_counts(quarantined: pa.Table) -> dict[str, int]:
    """Count the rows that broke each rule."""
    if RULES not in quarantined.column_names:
        return {}
    return SplitRows(quarantined.slice(0, 0), quarantined).counts()


def count_rules(tables: Sequence[pa.Table]) -> dict[str, int]:
    """Count the rows of several tables that broke each rule."""
    counts = Counter[str]()
    for table in tables:
        counts.update(rule_counts(table))
    return dict(sorted(counts.items()))


def show_quarantine(reference: str, rule: str, day: str, shown: int) -> str:
    """Describe the quarantine of a spec."""
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    return describe_quarantine(lake, rule=rule, day=day, shown=shown)


def describe_quarantine(lake: Lake, *, rule: str = "", day: str = "", shown: int = 0) -> str:
    """Count quarantined rows by delivery and rule, with example ids and some rows.

    Args:
        lake: of a spec.
        rule: only rows that broke this rule.
        day: only rows of this event day, or `unknown`.
        shown: number of rows to show.
    """
    at, rows = lake.latest(QUARANTINE), read_quarantine(lake)
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
        counts = rule_counts(own).items()
        broken = [(name, f"{count:,}", f"such as {_ids(own, name)}") for name, count in counts]
        columns = [Column(at_least=28, gap=1), Column(at_least=9, is_right=True)]
        lines.append(format_table(broken, columns, indent=4))
    for row in _as_text(rows.slice(0, shown)).to_pylist():
        lines.append("  " + "  ".join(f"{k}={v}" for k, v in row.items() if v is not None))
    return "\n".join(lines)


def _as_text(rows: pa.Table) -> pa.Table:
    """Convert values to text: a time may lie in a year that Python cannot represent."""
    return pa.table({name: rows[name].cast(pa.string()) for name in rows.column_names})


def _ids(rows: pa.Table, rule: str) -> str:
    broken = [rule in text.split(", ") for text in rows[RULES].to_pylist()]
    ids = rows.filter(pa.array(broken))[TRANSACTION_ID].slice(0, EXAMPLES).to_pylist()
    return ", ".join("(no id)" if each is None else str(each) for each in ids)


def _is_in(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> pa.ChunkedArray:
    if ids.type != among.type:
        ids, among = ids.cast(pa.string()), among.cast(pa.string())
    return pc.is_in(ids, value_set=among.combine_chunks())


def refuse_too_many(spec: ModelSpec, name: str, *, read: int, faulty: Sequence[pa.Table]) -> None:
    """Refuse a delivery of which too many rows broke a rule.

    Args:
        spec: says how many may.
        name: of the source.
        read: number of all rows.
        faulty: those that broke a rule, with its name.

    Raises:
        InputError: with the number of rows that broke each rule.
    """
    if read == 0:
        return
    broken = sum(table.num_rows for table in faulty)
    allowed = spec.contract.max_quarantined_share
    share = broken / read
    if share > allowed or broken == read:
        counts = count_rules(faulty)
        rules = ", ".join(f"{rule} {count:,}" for rule, count in counts.items())
        refunds = "; refunds need a contract.amount.minimum" if AMOUNT_BELOW in counts else ""
        raise InputError(
            f"{broken:,} of {read:,} rows of {name} ({share:.1%}) broke a rule: "
            f"{rules}. At most {allowed:.1%} may. Nothing was ingested. Correct the source, or "
            f"contract.max_quarantined_share{refunds}."
        )


def name_repeated(rows: pa.Table, files: Sequence[str]) -> pa.Table:
    """Name the rule that repeated rows broke, and their files, which the rows have as numbers."""
    names = pa.array(files, pa.string()).take(rows[FILE].combine_chunks())
    until_filed = {SOURCE_TIME, *DELIVERY_COLUMNS} - {LABEL_STATE}
    faulty = rows.select([name for name in rows.column_names if name not in until_filed])
    faulty = faulty.append_column(SOURCE, names)
    return faulty.append_column(RULES, pa.array([REPEATED] * rows.num_rows, pa.string()))
