"""Replay of quarantined rows, after the contract or the missing transactions changed."""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations import IN_FUTURE, REPEATED, apply_row_rules
from expectations.contract import (
    EVENT_DAY,
    KNOWN_TIME,
    LABEL,
    LABEL_STATE,
    RULES,
    TRANSACTION_ID,
    WITHDRAWN,
    InputError,
)
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings
from pipelines.ingestion.delivery import judge_own, state_reports, without_versions
from pipelines.ingestion.filing.day_rows import DayRows, held_bytes, scratch_folder
from pipelines.ingestion.filing.filing import TRANSACTIONS, file_delivery
from pipelines.ingestion.filing.labels import REPORT_RULES, WITHOUT_MEANING
from pipelines.ingestion.filing.merge import FILE, ROW, state_times
from pipelines.ingestion.filing.versions import are_equal
from pipelines.ingestion.index import IdIndex
from pipelines.ingestion.ingest import fingerprint_of
from pipelines.ingestion.ingested import Ingested
from pipelines.ingestion.joined import JoinedTables
from pipelines.ingestion.manifest import Manifest
from pipelines.ingestion.quarantine import (
    SOURCE,
    as_quarantined,
    count_rules,
    read_quarantine,
    refile_all,
)
from pipelines.ingestion.readers import open_transactions, with_day
from pipelines.ingestion.states import read_states
from pipelines.lake import Lake, writing

Bools = npt.NDArray[np.bool_]


def replay_quarantine(reference: str) -> str:
    """Check the quarantined rows of a spec again and file those that the contract accepts."""
    spec = load_spec(reference)
    with writing(spec.name, doing="the replay of the quarantine"):
        replayed = replay_rows(spec, Lake(load_settings().lake, spec=spec.name))
    if replayed is None:
        return "The quarantine is empty."
    return replayed.summary().replace("Ingested", "Replayed into", 1)


def replay_rows(spec: ModelSpec, lake: Lake) -> Ingested | None:
    """File the rows that the contract accepts now; the others stay, with the rules they break.

    A row from the future stays (its delivery was written before it happened), and so does a row of
    which its file has another one. Fraud reports are matched again with the transactions that are
    filed now. Rows leave the quarantine when they are filed, so the next replay completes one that
    was killed.

    Returns:
        The counts; None when the quarantine is empty.

    Raises:
        InputError: when rows broke a rule that stops; the lake is then as it was.
    """
    current = read_quarantine(lake)
    if current is None or current.num_rows == 0:
        return None
    is_column = spec.labels.column is not None
    rules = REPORT_RULES - {WITHOUT_MEANING} if is_column else REPORT_RULES
    is_report = pa.array([bool(set(t.split(", ")) & rules) for t in current[RULES].to_pylist()])
    reports, own = current.filter(is_report), current.filter(pc.invert(is_report))
    if reports.num_rows and is_column:
        raise InputError(
            f"The quarantine holds {reports.num_rows:,} fraud reports, and the labels of "
            f"{spec.name} come as a column now. Give the spec another name."
        )
    at = lake.latest(TRANSACTIONS)
    reader = open_transactions(spec, filed=None if at is None else lake.schema(at))
    joined = JoinedTables(spec, lake, reader)
    rows, broken = read_states(spec, joined.join(_canonical(own, spec, lake)))
    judged = apply_row_rules(
        rows,
        spec.contract,
        entities=list(spec.source.entities),
        received_at=None,
        further={
            IN_FUTURE: _broke(own, IN_FUTURE),
            REPEATED: _broke(own, REPEATED) | _is_filed(spec, lake, rows),
            **broken,
            **judge_own(spec, rows.drop_columns([SOURCE])),
        },
    )
    with DayRows(scratch_folder(), limit=held_bytes()) as clean:
        clean.add(_delivered(judged.clean, spec, since=Manifest.load(lake).latest_as_of))
        statements = state_reports(reports, labels=spec.labels) if reports.num_rows else None
        fingerprint = fingerprint_of(spec)
        filed = file_delivery(spec, lake, clean, statements, fingerprint=fingerprint)
    faulty = [judged.quarantined, *map(as_quarantined, filed.orphans)]
    refile_all(lake, faulty, fingerprint=fingerprint)
    return Ingested(
        transactions=filed.transactions, labels=filed.labels, read=rows.num_rows, kept=filed.kept,
        quarantined=judged.quarantined.num_rows, rules=count_rules(faulty),
        warned=dict(judged.warned), corrected=filed.corrected, outdated=filed.outdated,
    )  # fmt: skip


def _delivered(clean: pa.Table, spec: ModelSpec, *, since: datetime | None) -> pa.Table:
    """Say of rows when they are known if they are new: the replay is their arrival."""
    has_known_time = spec.source.roles.known_time is not None
    files = clean[SOURCE].combine_chunks().dictionary_encode().indices.cast(pa.int32())
    rows = state_times(
        clean.drop_columns([SOURCE]), has_known_time=has_known_time, arrival=datetime.now(UTC),
        since=since,
    )  # fmt: skip
    rows = rows.append_column(FILE, files)
    return with_day(rows.append_column(ROW, pa.array(np.arange(rows.num_rows))))


def _canonical(current: pa.Table, spec: ModelSpec, lake: Lake) -> pa.Table:
    """Select the columns of a delivery from quarantined rows, in the order of the lake."""
    at = lake.latest(TRANSACTIONS)
    if at is None:
        return current.drop_columns([RULES, EVENT_DAY])
    fields = without_versions(lake.schema(at))
    if spec.labels.column is not None:
        fields = fields.append(pa.field(LABEL, pa.float64()))
        if spec.labels.states:
            fields = fields.append(pa.field(LABEL_STATE, pa.string()))
    if spec.source.withdrawn is not None or WITHDRAWN in current.column_names:
        fields = fields.append(pa.field(WITHDRAWN, pa.bool_()))
    for field in fields:
        if field.name not in current.column_names:  # only reports were quarantined so far
            current = current.append_column(field.name, pa.nulls(current.num_rows, field.type))
    return current.select([*fields.names, SOURCE])


def _broke(rows: pa.Table, rule: str) -> Bools:
    return np.array([rule in text.split(", ") for text in rows[RULES].to_pylist()], dtype=np.bool_)


def _is_filed(spec: ModelSpec, lake: Lake, rows: pa.Table) -> Bools:
    """Mark rows whose transaction was filed meanwhile, of a source without known times.

    Nothing says which of two such rows is the newer one. A row that equals a filed one is none of
    them: a replay that was killed has filed it.
    """
    filed = np.zeros(rows.num_rows, dtype=np.bool_)
    at = lake.latest(TRANSACTIONS)
    if at is None or rows.num_rows == 0 or spec.source.roles.known_time is not None:
        return filed
    found = IdIndex.open(lake, TRANSACTIONS).find_days(rows[TRANSACTION_ID])
    days = [str(day) for day in np.unique(found.days)]
    ids = rows[TRANSACTION_ID].combine_chunks().drop_null()
    there = lake.read(at, days=days, where=pc.field(TRANSACTION_ID).isin(ids))
    columns = [n for n in rows.column_names if n in there.column_names and n != KNOWN_TIME]
    pairs = rows.select([TRANSACTION_ID]).append_column("row", pa.array(np.arange(len(rows))))
    numbered = there.select([TRANSACTION_ID]).append_column("at", pa.array(np.arange(len(there))))
    joined = pairs.join(numbered, TRANSACTION_ID, join_type="inner")
    row, place = joined["row"].to_numpy(), joined["at"].to_numpy()
    filed[row] = True
    both = pa.concat_tables([rows.select(columns), there.select(columns)])
    filed[row[are_equal(both, row, rows.num_rows + place, columns)]] = False
    return filed
