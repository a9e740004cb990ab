"""Filing of a delivery: every version of its rows merged into the lake, day by day.

The commits are made in the order labels, transactions: a visible transaction always has its label,
and a rerun repairs a kill in between. Transactions that a correction moved to another day are
merged first, apart from the days.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    LABEL,
    REPLACED_TIME,
    RULES,
    SOURCE_TIME,
    TRANSACTION_ID,
)
from pipelines.config import ModelSpec, TableVersion
from pipelines.ingestion.filing.column_changes import (
    ID_COLUMNS,
    changed_columns,
    id_columns,
    refuse_other_ids,
)
from pipelines.ingestion.filing.day_merge import DayMerge, DayTask, MergedDay
from pipelines.ingestion.filing.day_rows import DayRows
from pipelines.ingestion.filing.filed_days import FiledDays
from pipelines.ingestion.filing.labels import (
    WITHOUT_TRANSACTION,
    label_homes,
    label_schema,
    match_ids,
    merge_labels,
)
from pipelines.ingestion.filing.merge import (
    DELIVERY_COLUMNS,
    ROW,
    VERSION_COLUMNS,
    repeated_rows,
)
from pipelines.ingestion.filing.rejoined import Rejoin, add_late
from pipelines.ingestion.filing.whereabouts import Whereabouts
from pipelines.ingestion.index import IdIndex
from pipelines.ingestion.readers import TIMESTAMP
from pipelines.lake import Lake, split_days

TRANSACTIONS, LABELS = "transactions", "labels"
# Note of a version of the transactions; a version of an earlier release has none.

# Threads that merge days; nearly all of their work releases the interpreter's lock.
AT_ONCE = 2
MergeDays = Callable[[DayMerge, Sequence[DayTask]], Sequence[MergedDay]]


@dataclass(slots=True)
class Filed:
    """The result of filing a delivery.

    Attributes:
        kept: number of delivered rows that are filed, again or for the first time.
        corrected: number of transactions that were filed and have a newer version now.
        outdated: number of new versions that are older than one that was filed.
        late: number of new transactions that are known later than they happened, as a night as of
            a later time was computed without them.
        repeated: rows whose id and known time an earlier row of their file has.
        orphans: fraud reports that broke a rule.
    """

    transactions: TableVersion
    labels: TableVersion
    kept: int = 0
    corrected: int = 0
    outdated: int = 0
    late: int = 0
    repeated: list[pa.Table] = field(default_factory=list)
    orphans: list[pa.Table] = field(default_factory=list)


def merge_in_threads(merge: DayMerge, tasks: Sequence[DayTask]) -> list[MergedDay]:
    """Merge each day in threads of this process."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(merge.merge, tasks))


def file_delivery(
    spec: ModelSpec, lake: Lake, rows: DayRows, reports: pa.Table | None,
    *, fingerprint: str, is_restated: bool = False,
    accept: Callable[[list[pa.Table]], None] = lambda repeated: None,  # noqa: ARG005 -- any
    joined: Rejoin | None = None,
    merge_days: MergeDays = merge_in_threads,
) -> Filed:  # fmt: skip
    """Merge the rows and reports of a delivery, and commit both tables.

    Args:
        spec: says what the labels are.
        lake: receives the rows.
        rows: clean rows with the columns that `state_times` appends, `file_number`, `row_number`
            and `event_day`.
        reports: statements on labels; their `known_time` is null where none was delivered.
        fingerprint: digest of the parts of the spec that decide how rows are filed.
        is_restated: True if the delivered rows replace all filed versions of their transactions.
        accept: called with the repeated rows before the commits; raises to refuse them.
        joined: the join of filed rows with what counts for them now.
        merge_days: merges each day, in any process, and returns the outcomes in order.

    Raises:
        InputError: when the columns changed and filed rows would be lost, or ids are composed of
            other columns than the filed ones; nothing is committed.
        DamagedError: when a file of the lake that the merge needs is damaged.
    """
    refuse_other_ids(spec, lake.latest(TRANSACTIONS), lake)
    has_known_time = spec.source.roles.known_time is not None
    is_column = spec.labels.column is not None
    schema = _schema(lake, rows.schema)
    filed = FiledDays(
        lake, TRANSACTIONS, schema, at=lake.latest(TRANSACTIONS), has_known_time=has_known_time,
        joined=joined,
    )  # fmt: skip
    if TRANSACTION_ID in filed.new:
        raise changed_columns(filed, lost=filed.row_count)
    kinds = label_schema(schema.field(TRANSACTION_ID).type)
    labels = FiledDays(
        lake, LABELS, kinds, at=lake.latest(LABELS), has_known_time=has_known_time or not is_column
    )
    reports = None if reports is None else match_ids(reports, schema)
    index = IdIndex.open(lake, TRANSACTIONS)
    late_days = _add_late_ids(rows, index, joined)
    no_ids = pa.chunked_array([], schema.field(TRANSACTION_ID).type)
    where = Whereabouts(
        index, rows.ids, reported=no_ids if reports is None else reports[TRANSACTION_ID]
    )
    merge = DayMerge(
        filed, labels, rows, where, spec.labels.delay if is_column else None, is_restated,
        are_first_labels=is_column and not _has_labels(lake), joined=joined,
    )  # fmt: skip
    tasks = {day: DayTask(day) for day in rows.days}
    done = [_settle_moved(merge, where, tasks)]
    if filed.is_reshaped:
        tasks |= {day: DayTask(day) for day in filed.days - tasks.keys()}
    tasks |= {day: DayTask(day) for day in (filed.joined_days | late_days) - tasks.keys()}
    if reports is not None:
        for day, positions in where.reports_by_day():
            own = reports.take(pa.array(positions))
            tasks.setdefault(day, DayTask(day)).reports.append(own)
    done += merge_days(merge, [tasks[day] for day in sorted(tasks)])
    repeated = [day.repeated for day in done if day.repeated is not None]
    accept(repeated)
    lost = sum(day.missing for day in done)
    if lost:
        raise changed_columns(filed, lost=lost)
    label_version = _commit(lake, labels, done, fingerprint, notes={})
    version = _commit(lake, filed, done, fingerprint, notes={ID_COLUMNS: id_columns(spec)})
    index.cover(part.path for day in done if (part := day.files.get(TRANSACTIONS)) is not None)
    return Filed(
        version, label_version,
        kept=sum(day.kept for day in done),
        corrected=sum(day.corrected for day in done),
        outdated=sum(day.outdated for day in done),
        late=sum(day.late for day in done),
        repeated=repeated,
        orphans=list(_orphans(reports, done)),
    )  # fmt: skip


def _add_late_ids(rows: DayRows, index: IdIndex, joined: Rejoin | None) -> frozenset[str]:
    """Add the transactions that late rows of joined tables correct; return their days."""
    ids = None if joined is None else joined.late_ids
    if ids is None:
        return frozenset()
    found = index.find_days(ids)
    rows.ids.add(ids.take(pa.array(found.positions)), found.days.astype(np.int32))
    return frozenset(str(day) for day in np.unique(found.days))


def _schema(lake: Lake, delivered: pa.Schema) -> pa.Schema:
    """Return the columns of the table of transactions after the delivery."""
    at = lake.latest(TRANSACTIONS)
    columns = {
        column.name: column.type for column in delivered
        if column.name not in {*DELIVERY_COLUMNS, *VERSION_COLUMNS, LABEL, EVENT_DAY}
    }  # fmt: skip
    columns |= {
        SOURCE_TIME: TIMESTAMP, REPLACED_TIME: TIMESTAMP, IS_FIRST: pa.bool_(),
        EVENT_DAY: pa.string(),
    }  # fmt: skip
    if at is not None:
        order = [name for name in lake.schema(at).names if name in columns]
        columns = {name: columns[name] for name in dict.fromkeys([*order, *columns])}
    return pa.schema(columns.items())


def _has_labels(lake: Lake) -> bool:
    """Return True if any label was ever filed; withdrawn transactions have statements without."""
    at, rows = lake.latest(LABELS), lake.latest(TRANSACTIONS)
    if at is None or rows is None or not lake.row_count(at):
        return False
    if lake.row_count(at) >= lake.row_count(rows):  # each transaction has one
        return True
    days = lake.read_days(at, columns=[LABEL])
    return any(own[LABEL].null_count < own.num_rows for _, own in days)


def _settle_moved(merge: DayMerge, where: Whereabouts, tasks: dict[str, DayTask]) -> MergedDay:
    """Merge the transactions with versions on several days, and add them to the tasks of days."""
    done = MergedDay("")
    if not where.has_moved:
        return done
    days = where.moved_days
    delivered = pa.concat_tables([
        merge.delivered.schema.empty_table(),
        *(where.moved(rows) for day in merge.delivered.days if day in days
        if (rows := merge.delivered.read(day)) is not None)
    ])  # fmt: skip
    delivered = delivered.take(pc.sort_indices(delivered, [(ROW, "ascending")]))
    mask = repeated_rows(delivered)
    if mask is not None:
        done.repeated = delivered.filter(pa.array(mask))
        delivered = delivered.filter(pa.array(~mask))
    done.kept = delivered.num_rows
    before = [merge.filed.join(day, where.moved(merge.filed.read(day))) for day in sorted(days)]
    filed = pa.concat_tables([merge.filed.schema.empty_table(), *before])
    if merge.filed.is_reshaped:
        filed, done.missing = merge.filed.fill_new(filed, delivered)
    merged = merge.merge_versions(filed, delivered)
    if merge.joined is not None:
        _, merged = add_late(filed.slice(0, 0), merged, merge.joined)
    done.corrected, done.outdated, done.late = merged.corrected, merged.outdated, merged.late
    noted = [where.moved(merge.labels.read(day)) for day in sorted(days)]
    labels = pa.concat_tables([merge.labels.schema.empty_table(), *noted])
    if merge.is_restated:
        labels = labels.slice(0, 0)
    firsts = label_homes(merged.rows)
    stated = merge_labels(labels, merge.statements(delivered, merged.rows), firsts)
    for day in days:
        tasks.setdefault(day, DayTask(day))
    for day, own in split_days(merged.rows.sort_by(EVENT_DAY)):
        tasks.setdefault(day, DayTask(day)).rows.append(own)
    for day, own in split_days((labels if stated is None else stated).sort_by(EVENT_DAY)):
        tasks.setdefault(day, DayTask(day)).labels.append(own)
    return done


def _orphans(reports: pa.Table | None, done: list[MergedDay]) -> Iterator[pa.Table]:
    """Yield the reports that are not filed, with the names of the rules they broke."""
    for day in done:
        yield from (faulty for faulty in day.faulty if faulty.num_rows)
    if reports is None or not reports.num_rows:
        return
    matched = [chunk for day in done for column in day.matched for chunk in column.chunks]
    ids = pa.chunked_array(matched, reports.schema.field(TRANSACTION_ID).type).combine_chunks()
    rest = reports.filter(pc.invert(pc.is_in(reports[TRANSACTION_ID], value_set=ids)))
    if rest.num_rows:
        rest = rest.append_column(EVENT_TIME, pa.nulls(rest.num_rows, TIMESTAMP))
        rules = pa.array([WITHOUT_TRANSACTION] * rest.num_rows, pa.string())
        yield rest.append_column(RULES, rules)


def _commit(
    lake: Lake, table: FiledDays, done: list[MergedDay], fingerprint: str, *,
    notes: Mapping[str, str],
) -> TableVersion:  # fmt: skip
    changed = {day.day: day.files[table.table] for day in done if table.table in day.files}
    at = table.at
    if at is not None and not changed and not table.is_reshaped:
        return at  # every delivered row is filed already
    if at is not None and not table.is_reshaped:
        lake.add_columns(at, table.schema)
    return lake.commit(
        table.table,
        [part for part in changed.values() if part is not None],
        schema=table.schema,
        days=None if table.is_reshaped else set(changed),
        fingerprint=fingerprint,
        notes=notes,
    )
