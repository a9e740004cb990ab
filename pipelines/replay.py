"""Judges quarantined rows again, after the contract was corrected or what they waited for came."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, KNOWN_TIME, LABEL, RULES, TRANSACTION_ID
from expectations.rows import judge_rows
from pipelines.ingestion import TRANSACTIONS, Ingested, file_rows, judge_own
from pipelines.lake import Lake
from pipelines.quarantine import SOURCE, read_quarantine, refile_all
from pipelines.settings import load_settings
from pipelines.spec import ModelSpec, load_spec

REPORT_RULES = "label_"
FUTURE, REPEATED = "event_time_in_future", "transaction_id_repeated"


def replay_quarantine(reference: str) -> str:
    """See `overnight quarantine --replay`."""
    spec = load_spec(reference)
    replayed = replay_rows(spec, Lake(load_settings().lake, spec=spec.name))
    if replayed is None:
        return "The quarantine is empty."
    return replayed.summary().replace("Ingested", "Replayed into", 1)


def replay_rows(spec: ModelSpec, lake: Lake) -> Ingested | None:
    """File the rows that the contract accepts now; the others stay, with the rules they break.

    A row from the future stays (its delivery was written before it happened), and so does one
    whose id is filed. Fraud reports are matched again with the transactions that are there now.

    Returns:
        What became of the rows; None when there were none.

    Raises:
        InputError: when rows broke a rule that stops; the lake is then as it was.
    """
    held = read_quarantine(lake)
    if held is None or held.num_rows == 0:
        return None
    is_report = _is_report(held)
    reports = held.filter(is_report).select([TRANSACTION_ID, KNOWN_TIME])
    own = held.filter(pc.invert(is_report))
    rows = _canonical(own, spec, lake)
    judged = judge_rows(
        rows,
        spec.contract,
        entities=list(spec.source.entities),
        received_at=None,
        further={
            FUTURE: _broke(own, FUTURE),
            REPEATED: _broke(own, REPEATED) | _is_filed(lake, own),
            **judge_own(spec, rows),
        },
    )
    sources = dict(
        zip(
            zip(held[TRANSACTION_ID].to_pylist(), held[KNOWN_TIME].to_pylist(), strict=True),
            held[SOURCE].to_pylist(),
            strict=True,
        )
    )

    def refile(faulty: list[pa.Table], inputs: str) -> None:
        tables = [_with_source(table, sources) for table in faulty if table.num_rows]
        refile_all(lake, tables, inputs=inputs)

    return file_rows(spec, lake, judged, reports, refile=refile)


def _canonical(held: pa.Table, spec: ModelSpec, lake: Lake) -> pa.Table:
    """Quarantined rows with the columns of a delivery, in the order in which they are filed."""
    at = lake.newest(TRANSACTIONS)
    if at is None:
        return held.drop_columns([RULES, SOURCE, EVENT_DAY])
    fields = [field for field in lake.schema(at) if field.name != EVENT_DAY]
    if spec.labels.column is not None:
        fields.append(pa.field(LABEL, pa.float64()))
    missing = [field for field in fields if field.name not in held.column_names]
    for field in missing:  # only reports were quarantined so far
        held = held.append_column(field.name, pa.nulls(held.num_rows, field.type))
    return held.select([field.name for field in fields])


def _is_report(rows: pa.Table) -> pa.ChunkedArray:
    """Reports broke only rules of their own, and `label_not_0_or_1` is a transaction's."""
    first = pc.starts_with(rows[RULES], REPORT_RULES)
    return pc.and_(first, pc.invert(pc.starts_with(rows[RULES], "label_not")))


def _broke(rows: pa.Table, rule: str) -> npt.NDArray[np.bool_]:
    return np.array([rule in text.split(", ") for text in rows[RULES].to_pylist()], dtype=np.bool_)


def _is_filed(lake: Lake, rows: pa.Table) -> npt.NDArray[np.bool_]:
    at = lake.newest(TRANSACTIONS)
    if at is None:
        return np.zeros(rows.num_rows, dtype=np.bool_)
    ids = rows[TRANSACTION_ID].combine_chunks()
    wanted = pc.field(TRANSACTION_ID).isin(ids)
    filed = lake.read(at, columns=[TRANSACTION_ID], where=wanted)[TRANSACTION_ID].combine_chunks()
    mask = pc.and_(ids.is_valid(), pc.is_in(ids, value_set=filed))
    found: npt.NDArray[np.bool_] = mask.to_numpy(zero_copy_only=False)
    return found


def _with_source(rows: pa.Table, sources: dict[tuple[object, object], str]) -> pa.Table:
    keys = zip(rows[TRANSACTION_ID].to_pylist(), rows[KNOWN_TIME].to_pylist(), strict=True)
    return rows.append_column(SOURCE, pa.array([sources.get(k, "replay") for k in keys]))
