"""Replay of quarantined rows, after the contract or the missing transactions changed."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations import IN_FUTURE, REPEATED, SplitRows, apply_row_rules
from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    RULES,
    TRANSACTION_ID,
    InputError,
)
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings
from pipelines.ingestion.ingest import TRANSACTIONS, Ingested, file_rows, fingerprint_of, judge_own
from pipelines.ingestion.labels import REPORT_RULES
from pipelines.ingestion.quarantine import SOURCE, read_quarantine, refile_all
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

    A row from the future stays (its delivery was written before it happened), and so does a row
    whose id is filed with a known time that is not earlier. Fraud reports are matched again with
    the transactions that are filed now. Rows leave the quarantine when they are filed, so the next
    replay completes one that was killed.

    Returns:
        The counts; None when the quarantine is empty.

    Raises:
        InputError: when rows broke a rule that stops; the lake is then as it was.
    """
    current = read_quarantine(lake)
    if current is None or current.num_rows == 0:
        return None
    is_report = pa.array(
        [bool(set(t.split(", ")) & REPORT_RULES) for t in current[RULES].to_pylist()]
    )
    reports, own = current.filter(is_report), current.filter(pc.invert(is_report))
    if reports.num_rows and spec.labels.column is not None:
        raise InputError(
            f"The quarantine holds {reports.num_rows:,} fraud reports, and the labels of "
            f"{spec.name} come as a column now. Give the spec another name."
        )
    rows = _canonical(own, spec, lake)
    judged = apply_row_rules(
        rows,
        spec.contract,
        entities=list(spec.source.entities),
        received_at=None,
        further={
            IN_FUTURE: _broke(own, IN_FUTURE),
            REPEATED: _broke(own, REPEATED) | _is_filed(lake, rows),
            **judge_own(spec, rows.drop_columns([SOURCE])),
        },
    )

    clean = SplitRows(judged.clean.drop_columns([SOURCE]), judged.quarantined, judged.warned)
    known = reports.select([TRANSACTION_ID, KNOWN_TIME])
    replayed, orphans = file_rows(spec, lake, clean, known)
    faulty = [judged.quarantined, _with_source(orphans, reports)]
    refile_all(lake, faulty, fingerprint=fingerprint_of(spec))
    return replayed


def _canonical(current: pa.Table, spec: ModelSpec, lake: Lake) -> pa.Table:
    """Select the columns of a delivery from quarantined rows, in the order of the lake."""
    at = lake.latest(TRANSACTIONS)
    if at is None:
        return current.drop_columns([RULES, EVENT_DAY])
    fields = [field for field in lake.schema(at) if field.name != EVENT_DAY]
    if spec.labels.column is not None:
        fields.append(pa.field(LABEL, pa.float64()))
    for field in fields:
        if field.name not in current.column_names:  # only reports were quarantined so far
            current = current.append_column(field.name, pa.nulls(current.num_rows, field.type))
    return current.select([*(field.name for field in fields), SOURCE])


def _broke(rows: pa.Table, rule: str) -> Bools:
    return np.array([rule in text.split(", ") for text in rows[RULES].to_pylist()], dtype=np.bool_)


def _is_filed(lake: Lake, rows: pa.Table) -> Bools:
    """Mark rows whose id is filed with other values and a known time that is not earlier.

    An equal filed row is one that a killed replay has filed already.
    """
    at = lake.latest(TRANSACTIONS)
    if at is None or rows.num_rows == 0:
        return np.zeros(rows.num_rows, dtype=np.bool_)
    ids = rows[TRANSACTION_ID].combine_chunks()
    filed = lake.read(at, where=pc.field(TRANSACTION_ID).isin(ids.drop_null()))
    position = pc.index_in(ids, value_set=filed[TRANSACTION_ID].combine_chunks())
    position = pc.if_else(ids.is_valid(), position, pa.scalar(None, position.type))
    found = filed.take(position)
    newer = pc.greater(rows[KNOWN_TIME], found[KNOWN_TIME])
    moved = pc.not_equal(rows[EVENT_TIME], found[EVENT_TIME])
    same = pa.array(np.ones(rows.num_rows, dtype=np.bool_))
    for name in filed.column_names:
        if name != EVENT_DAY:
            equal = pc.fill_null(pc.equal(rows[name], found[name]), fill_value=False)
            both = pc.and_(rows[name].is_null(), found[name].is_null())
            same = pc.and_(same, pc.or_(equal, both).combine_chunks())
    accepted = pc.or_(pc.fill_null(pc.or_(newer, moved), fill_value=False), same)
    mask = pc.and_(position.is_valid(), pc.invert(accepted).combine_chunks())
    filed_already: Bools = mask.to_numpy(zero_copy_only=False)
    return filed_already


def _with_source(orphans: pa.Table, reports: pa.Table) -> pa.Table:
    """Add the name of its delivery to each report."""
    position = pc.index_in(
        orphans[TRANSACTION_ID],
        value_set=reports[TRANSACTION_ID].cast(orphans.schema.field(TRANSACTION_ID).type)
        .combine_chunks(),
    )  # fmt: skip
    return orphans.append_column(
        SOURCE, reports[SOURCE].combine_chunks().take(position.combine_chunks())
    )
