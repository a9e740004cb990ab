"""The validation step: a snapshot as it was known at `as_of`, against the contract's suites."""

import logging
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    TRANSACTION_ID,
    InputError,
    Interval,
)
from expectations.validation import Validated, quiet_great_expectations, validate_table
from pipelines.lake import Lake
from pipelines.settings import load_settings
from pipelines.snapshot import Snapshot, parse_as_of
from pipelines.source import only_known
from pipelines.spec import ModelSpec, load_spec

log = logging.getLogger(__name__)


def validate_snapshot(reference: str, as_of: str, *, snapshot: str) -> str:
    """See `steps.validate`."""
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    pinned = Snapshot.parse(snapshot)
    entities = list(spec.source.entities)
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, AMOUNT, *entities, EVENT_DAY]
    rows = only_known(lake.read(pinned.transactions, columns=columns), parse_as_of(as_of))
    if rows.num_rows == 0:
        raise InputError(
            f"{pinned.transactions} holds no transaction known before {as_of}. "
            "Ingest earlier days, or choose a later as_of."
        )
    for validated in _run_suites(rows, spec, as_of=parse_as_of(as_of), name=snapshot):
        log.info("%s", validated.summary())
        for finding in validated.findings:
            log.warning("%s", finding.text)
        validated.refuse_critical()
    return snapshot


def validate_training_set(rows: pa.Table, spec: ModelSpec, *, name: str) -> None:
    """Check a training set before anything is fitted to it.

    Raises:
        InputError: with every finding, when one is critical.
    """
    quiet_great_expectations()
    from expectations.suites import build_training_suite

    numeric = [c for c, kind in spec.model_columns().items() if kind == "numeric"]
    suite = build_training_suite(spec.contract, columns=numeric)
    validated = validate_table(rows, suite, table=name)
    log.info("%s", validated.summary())
    validated.refuse_critical()


def count_by_day(rows: pa.Table, *, as_of: datetime) -> pa.Table:
    """Rows of each whole day from the first event to the `as_of`, 0 where a day is missing."""
    start = pc.min(rows[EVENT_TIME]).as_py().date()
    days = (as_of.date() - start).days
    names = [str(start + timedelta(days=n)) for n in range(days)]
    counted = rows.group_by(EVENT_DAY).aggregate([(EVENT_DAY, "count")])
    found = dict(zip(*(column.to_pylist() for column in counted.columns), strict=True))
    return pa.table({EVENT_DAY: names, "rows": [found.get(name, 0) for name in names]})


def _run_suites(rows: pa.Table, spec: ModelSpec, *, as_of: datetime, name: str) -> list[Validated]:
    quiet_great_expectations()
    from expectations.suites import build_transaction_suite, build_volume_suite

    known = Interval(start=pc.min(rows[EVENT_TIME]).as_py(), end=as_of)
    suite = build_transaction_suite(spec.contract, entities=list(spec.source.entities), known=known)
    found = [validate_table(rows, suite, table=name)]
    counts = count_by_day(rows, as_of=as_of)
    if counts.num_rows:
        volume = build_volume_suite(spec.contract)
        found.append(validate_table(counts, volume, table=f"rows per day of {name}"))
    return found
