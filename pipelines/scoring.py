"""Sends stored feature rows to the live endpoint, so that anyone sees what it answers."""

import math

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME, TRANSACTION_ID, InputError
from pipelines.columns import model_kinds
from pipelines.feature_plan import FEATURES
from pipelines.lake import Lake, TableVersion
from pipelines.settings import load_settings
from pipelines.spec import ModelSpec, load_spec

NEWEST = 5


def score_transactions(reference: str, transactions: str) -> str:
    """See `steps.score`."""
    from infra.sagemaker.invocation import invoke

    spec = load_spec(reference)
    rows = _find_rows(spec, [part for part in transactions.split(",") if part])
    lines = [f"{'transaction':>14} {'score':>10} decision  threshold"]
    for row in rows.to_pylist():
        features = {name: _plain(row[name]) for name in model_kinds(spec)}
        identity = str(row[TRANSACTION_ID])
        (answer,) = invoke(spec.name, [features], inference_id=identity)
        lines.append(
            f"{identity:>14} {answer.score:>10.6f} {answer.decision:8}  {answer.threshold}"
        )
    return "\n".join(lines)


def _find_rows(spec: ModelSpec, wanted: list[str]) -> pa.Table:
    lake = Lake(load_settings().lake, spec=spec.name)
    at = lake.newest(FEATURES)
    if at is None:
        raise InputError(
            f'{spec.name} has no features. Run "overnight run {spec.name} --as-of DATE" first.'
        )
    if not wanted:
        return _newest_rows(lake, at)
    ids = lake.schema(at).field(TRANSACTION_ID).type
    try:
        values = pa.array(wanted).cast(ids)
    except pa.ArrowInvalid as error:
        raise InputError(f"Transaction ids of {spec.name} are {ids}: {error}.") from error
    rows = lake.read(at, where=pc.field(TRANSACTION_ID).isin(values))
    found = {str(value) for value in rows[TRANSACTION_ID].to_pylist()}
    missing = [text for text in wanted if text not in found]
    if missing:
        raise InputError(
            f"{at} holds no transaction {', '.join(missing)}. Give ids that were ingested."
        )
    return rows


def _newest_rows(lake: Lake, at: TableVersion) -> pa.Table:
    day = max(part.day for part in lake.parts(at))
    rows = lake.read(at, days=[day]).sort_by([(EVENT_TIME, "descending")])
    return rows.slice(0, NEWEST)


def _plain(value: object) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return None if math.isnan(number) else number
