"""Reading of delivered files: each batch is checked row by row and put by its event days."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations import SplitRows, apply_row_rules, quiet_great_expectations
from expectations.contract import (
    EVENT_DAY,
    KNOWN_TIME,
    LABEL,
    LABEL_STATE,
    SOURCE_TIME,
    STATE,
    STATED_TIME,
    TRANSACTION_ID,
)
from pipelines.config import Labels, ModelSpec
from pipelines.ingestion.arrivals import Arrived
from pipelines.ingestion.clock_checks import refuse_wrong_clock
from pipelines.ingestion.filing.day_rows import DayRows, held_bytes, scratch_folder
from pipelines.ingestion.filing.filing import Filed, file_delivery
from pipelines.ingestion.filing.labels import NO_MEANING
from pipelines.ingestion.filing.merge import FILE, ROW, VERSION_COLUMNS, state_times
from pipelines.ingestion.filing.versions import ARRIVAL
from pipelines.ingestion.quarantine import SOURCE
from pipelines.ingestion.readers import DELETED, TIMESTAMP, TableReader, with_day
from pipelines.ingestion.states import ABSENT, label_of, read_states
from pipelines.lake import Lake

# Rows are numbered by file, so that several files can be read at once.
ROWS_A_FILE = 1 << 40
_ENOUGH = 20  # rows of a commit or a query by which a wrong clock is told from a wrong row


@dataclass(slots=True)
class Delivery:
    """Rows and reports that were read of the files of a source.

    Attributes:
        name: of the source.
        files: names of its files, by their numbers in the rows.
        rows: clean rows by day, with what is known of a row until it is filed.
        quarantined: rows that broke a rule, with the names of rules and file.
        reports: statements on labels of delivered reports, with the names of their files.
        read: number of rows of transactions.
        warned: number of rows that broke each rule that only warns.
        ids: ids of all delivered rows by file, faulty ones and reports included.
    """

    name: str
    rows: DayRows
    files: list[str] = field(default_factory=list)
    quarantined: list[pa.Table] = field(default_factory=list)
    reports: list[pa.Table] = field(default_factory=list)
    read: int = 0
    warned: dict[str, int] = field(default_factory=dict)
    ids: dict[str, list[pa.ChunkedArray]] = field(default_factory=dict)


def read_transactions(
    spec: ModelSpec, reader: TableReader, files: Iterable[Arrived], delivery: Delivery,
    *, since: datetime | None, remember: Sequence[str] = (), first: int = 0,
    join: Callable[[pa.Table], pa.Table] = lambda rows: rows,
) -> list[Arrived]:  # fmt: skip
    """Read files of transactions into a delivery; return them.

    Args:
        spec: declares columns and rules.
        reader: of the source.
        files: in the order in which they count.
        delivery: receives the rows.
        since: the latest knowledge time of an earlier ingestion, or None.
        remember: names of files whose ids are kept: the quarantine has rows of them.
        join: appends the attributes of joined tables.
        first: number of the first file among all of the delivery.

    Raises:
        InputError: when rows broke a rule that stops, or times have a wrong unit or zone.
    """
    read = []
    for at, each in enumerate(files, start=first):
        file, arrival, number = each.file, each.arrival, at * ROWS_A_FILE
        read.append(each)
        delivery.files.append(file.name)
        for position, batch in enumerate(reader.batches(file)):
            if position == 0 and (file.position is None or batch.num_rows >= _ENOUGH):
                refuse_wrong_clock(batch, where=file.name, received_at=file.received_at)
            if file.name in remember:
                delivery.ids.setdefault(file.name, []).append(batch[TRANSACTION_ID])
            judged = judge_rows(spec, join(batch), received_at=file.received_at)
            delivery.read += batch.num_rows
            each.rows += batch.num_rows
            for rule, count in judged.warned.items():
                delivery.warned[rule] = delivery.warned.get(rule, 0) + count
            if judged.quarantined.num_rows:
                delivery.quarantined.append(_named(judged.quarantined, file.name))
            rows = state_times(
                judged.clean,
                has_known_time=spec.source.roles.known_time is not None,
                arrival=arrival,
                since=since,
            )
            count = rows.num_rows
            rows = rows.append_column(FILE, pa.array(np.full(count, at, dtype=np.int32)))
            rows = rows.append_column(ROW, pa.array(np.arange(number, number + count)))
            number += count
            delivery.rows.add(with_day(rows))
    return read


def merge_delivery(
    spec: ModelSpec, lake: Lake, rows: pa.Table, reports: pa.Table | None, *, arrival: datetime
) -> Filed:
    """Merge clean rows and reports that are in memory, as those of one file.

    Args:
        spec: declares them.
        lake: receives them.
        rows: canonical rows, with `is_fraud` where the spec names a label column; with
            `is_withdrawn` where some are withdrawn.
        reports: `transaction_id`, `known_time` and where it is not 1 `is_fraud`, where the spec
            names a table of them.
        arrival: of the file; the nights before it are over.
    """
    stated = state_times(
        rows, has_known_time=spec.source.roles.known_time is not None, arrival=arrival,
        since=arrival,
    )  # fmt: skip
    count = stated.num_rows
    stated = stated.append_column(FILE, pa.array(np.zeros(count, dtype=np.int32)))
    stated = stated.append_column(ROW, pa.array(np.arange(count)))
    statements = None if reports is None else state_reports(reports, arrival)
    with DayRows(scratch_folder(), limit=held_bytes()) as held:
        held.add(with_day(stated))
        return file_delivery(spec, lake, held, statements, fingerprint="")


def judge_rows(spec: ModelSpec, rows: pa.Table, *, received_at: datetime | None) -> SplitRows:
    """Split rows into clean and quarantined ones, by the contract; read their states.

    Raises:
        InputError: when rows broke a rule that stops.
    """
    rows, broken = read_states(spec, rows)
    return apply_row_rules(
        rows,
        spec.contract,
        entities=list(spec.source.entities),
        received_at=received_at,
        further=broken | judge_own(spec, rows),
    )


def judge_own(spec: ModelSpec, rows: pa.Table) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks of the spec's own expectations that quarantine; the library is loaded only for them."""
    if not any(own.severity == "quarantine" for own in spec.contract.expectations):
        return {}
    quiet_great_expectations()
    from expectations import apply_custom_expectations

    return apply_custom_expectations(rows, spec.contract.expectations)


def read_reports(
    spec: ModelSpec, reader: TableReader | None, files: Iterable[Arrived], delivery: Delivery, *,
    remember: Sequence[str] = (),
) -> list[Arrived]:  # fmt: skip
    """Read files of fraud reports into a delivery; return them.

    Raises:
        InputError: when times have a wrong unit.
    """
    read: list[Arrived] = []
    if reader is None:
        return read
    for each in files:
        file, arrival = each.file, each.arrival
        read.append(each)
        for position, batch in enumerate(reader.batches(file)):
            each.rows += batch.num_rows
            if position == 0 and (file.position is None or batch.num_rows >= _ENOUGH):
                refuse_wrong_clock(batch, where=file.name, received_at=file.received_at)
            if file.name in remember:
                delivery.ids.setdefault(file.name, []).append(batch[TRANSACTION_ID])
            stated = state_reports(batch, arrival, labels=spec.labels)
            if DELETED in batch.column_names:
                stated = withdraw_reports(stated, batch[DELETED])
            delivery.reports.append(_named(stated, file.name))
    return read


def withdraw_reports(stated: pa.Table, is_deleted: pa.ChunkedArray) -> pa.Table:
    """Let statements of reports that their source deleted say so: nothing is known any more."""
    for name, value in (
        (KNOWN_TIME, stated[ARRIVAL]),
        (STATED_TIME, stated[ARRIVAL]),
        (LABEL, pa.scalar(None, pa.int8())),
        (STATE, pa.scalar(ABSENT, pa.string())),
    ):
        at = stated.schema.get_field_index(name)
        stated = stated.set_column(at, name, pc.if_else(is_deleted, value, stated[name]))
    return stated


def state_reports(
    reports: pa.Table, arrival: datetime | None = None, *, labels: Labels | None = None
) -> pa.Table:
    """Make statements on labels of fraud reports.

    Args:
        reports: `transaction_id` and `known_time`; with `is_fraud`, null where nothing is known any
            more, if they do not all say that the transaction is a fraud; with `label_state`, and
            with the name of the file, where these are known.
        arrival: of the file; None: the reports are known already from when they were made.
        labels: say what states mean.
    """
    count = reports.num_rows
    known = reports[KNOWN_TIME]
    label = pa.array(np.ones(count, dtype=np.int8))
    state = pa.nulls(count, pa.string())
    if LABEL in reports.column_names:
        label = reports[LABEL].cast(pa.int8())
    if LABEL_STATE in reports.column_names and labels is not None:
        state = reports[LABEL_STATE]
        meant, unknown = label_of(labels, state)
        label = pc.if_else(unknown, pa.scalar(NO_MEANING, pa.int8()), meant)
    arrived = pa.array([arrival], TIMESTAMP).take(pa.array(np.zeros(count, np.int64)))
    named = {SOURCE: reports[SOURCE]} if SOURCE in reports.column_names else {}
    return pa.table(
        {
            TRANSACTION_ID: reports[TRANSACTION_ID],
            KNOWN_TIME: known,
            LABEL: label,
            STATE: state,
            STATED_TIME: known,
            SOURCE_TIME: known,
            ARRIVAL: known if arrival is None else arrived,
            **named,
        }
    )


def empty_rows(schema: pa.Schema, *, has_label: bool) -> pa.Table:
    """Make the table of no delivered rows, for a lake whose transactions have some columns."""
    label = [pa.field(LABEL, pa.float64())] if has_label else []
    rows = pa.schema([*without_versions(schema), *label]).empty_table()
    arrived = datetime(1970, 1, 1, tzinfo=UTC)
    rows = state_times(rows, has_known_time=True, arrival=arrived, since=None)
    rows = rows.append_column(FILE, pa.array([], pa.int32())).append_column(
        ROW, pa.array([], pa.int64())
    )
    return with_day(rows)


def _named(rows: pa.Table, name: str) -> pa.Table:
    return rows.append_column(SOURCE, pa.array([name] * rows.num_rows, pa.string()))


def without_versions(schema: pa.Schema) -> pa.Schema:
    """Return the columns that a source delivers, of the table of transactions."""
    return pa.schema([f for f in schema if f.name not in {*VERSION_COLUMNS, EVENT_DAY}])
