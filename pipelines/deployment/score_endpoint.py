"""Scores of stored feature rows from the live endpoint."""

import math

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, TRANSACTION_ID, InputError
from infra.sagemaker.runtime import ask
from pipelines.config import (
    Column,
    ModelSpec,
    TableVersion,
    format_table,
    load_registered,
    request_kinds,
)
from pipelines.config.installation import load_settings
from pipelines.features import FEATURES
from pipelines.lake import Lake

LATEST = 5


def score_transactions(reference: str, transactions: str) -> str:
    """Send stored rows to the endpoint; list scores, decisions and reasons."""
    spec = load_registered(reference)
    rows = _find_rows(spec, [part for part in transactions.split(",") if part])
    current = [name for name in request_kinds(spec) if name in rows.column_names]
    table = [("transaction", "probability", "decision  threshold")]
    for row in rows.to_pylist():
        # Every feature that a model of the spec may read; each model takes its own.
        features = {name: as_plain(row[name]) for name in current}
        identity = str(row[TRANSACTION_ID])
        entity = None if spec.customer is None else str(row[spec.customer])
        reply = ask(spec.name, [features], inference_id=identity, entity=entity)
        (answer,) = reply.predictions
        said = f"{answer.decision:8}  {answer.threshold}"
        table.append((identity, f"{answer.probability:.6f}", said))
        table += [("", f"{each.contribution:+.3f}", each.text) for each in answer.reasons]
    ids = Column(at_least=14, is_right=True, gap=1)
    return format_table(table, [ids, Column(at_least=11, is_right=True, gap=1)])


def as_plain(value: object) -> float | str | None:
    """Convert a value of the lake for JSON; NaN and infinities become None."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _find_rows(spec: ModelSpec, wanted: list[str]) -> pa.Table:
    lake = Lake(load_settings().lake, spec=spec.name)
    at = lake.latest(FEATURES)
    if at is None:
        raise InputError(
            f'{spec.name} has no features. Run "overnight run {spec.name} --as-of DATE" first.'
        )
    if not wanted:
        return _latest_rows(lake, at)
    ids = lake.schema(at).field(TRANSACTION_ID).type
    try:
        values = pa.array(wanted).cast(ids)
    except pa.ArrowInvalid as error:
        raise InputError(f"Transaction ids of {spec.name} are {ids}: {error}.") from error
    rows = lake.read(at, where=pc.field(TRANSACTION_ID).isin(values))
    found = {str(value) for value in rows[TRANSACTION_ID].to_pylist()}
    order = {text: position for position, text in enumerate(wanted)}
    missing = [text for text in wanted if text not in found]
    if missing:
        raise InputError(
            f"{at} holds no transaction {', '.join(missing)}. Give ids that were ingested."
        )
    positions = pa.array([order[str(value)] for value in rows[TRANSACTION_ID].to_pylist()])
    return rows.take(pc.sort_indices(positions))


def _latest_rows(lake: Lake, at: TableVersion) -> pa.Table:
    day = max(part.day for part in lake.parts(at))
    rows = lake.read(at, days=[day]).sort_by([(EVENT_TIME, "descending")])
    return rows.slice(0, LATEST)
