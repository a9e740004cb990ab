"""A summary of a candidate's data for its reviewer: tables, data checks, quarantined rows.

Gathered when the candidate is evaluated and stored with its run, so that the review report does not
depend on when and where it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from expectations import Validated
from expectations.contract import KNOWN_TIME, LABEL, TRANSACTION_ID
from pipelines.config import ModelSpec, TableVersion
from pipelines.config.installation import load_settings
from pipelines.features import FEATURES
from pipelines.ingestion import LABELS, QUARANTINE, TRANSACTIONS, rule_counts
from pipelines.lake import Lake
from pipelines.validation import docs_address, read_summaries


@dataclass(frozen=True, slots=True)
class TableSummary:
    """One version of a table.

    Attributes:
        first: its first event day; empty when it has no rows.
        last: its last event day.
        frauds: rows with the label 1; None where the table has no labels.
    """

    name: str
    version: int
    rows: int
    first: str
    last: str
    frauds: int | None


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The state of the data when a candidate was evaluated.

    Attributes:
        training_set: the version that it was trained on.
        tables: the latest versions of the tables that it comes from.
        checks: findings of the data checks of the same knowledge time, by table.
        docs: address of Great Expectations' pages.
        quarantined: number of quarantined rows.
        rules: number of rows that broke each rule.
    """

    training_set: TableSummary
    tables: tuple[TableSummary, ...]
    checks: Mapping[str, Validated]
    docs: str
    quarantined: int
    rules: Mapping[str, int]


def gather_data_summary(spec: ModelSpec, as_of: str, *, training_set: TableVersion) -> DataSummary:
    """Read the logs of the tables, the labels, and the summaries of the data checks."""
    settings = load_settings()
    lake = Lake(settings.lake, spec=spec.name)
    latest = (lake.latest(table) for table in (TRANSACTIONS, LABELS, FEATURES))
    current = lake.latest(QUARANTINE)
    quarantined = None if current is None else lake.read(current)
    return DataSummary(
        training_set=_describe(lake, training_set),
        tables=tuple(_describe(lake, at) for at in latest if at is not None),
        checks=read_summaries(settings, spec.name, as_of),
        docs=docs_address(settings, spec.name, as_of),
        quarantined=0 if quarantined is None else quarantined.num_rows,
        rules={} if quarantined is None else rule_counts(quarantined),
    )


def _describe(lake: Lake, at: TableVersion) -> TableSummary:
    days = [part.day for part in lake.parts(at)]
    has_labels = LABEL in lake.schema(at).names
    frauds = _count_frauds(lake, at) if has_labels else None
    return TableSummary(
        name=at.name,
        version=at.version,
        rows=lake.row_count(at),
        first=min(days, default=""),
        last=max(days, default=""),
        frauds=frauds,
    )


def _count_frauds(lake: Lake, at: TableVersion) -> int:
    """Count the transactions whose newest label says fraud, a day at a time."""
    frauds = 0
    for _, rows in lake.read_days(at, columns=[TRANSACTION_ID, KNOWN_TIME, LABEL]):
        newest = rows
        if len(pc.unique(rows[TRANSACTION_ID])) < rows.num_rows:
            ordered = rows.sort_by([(TRANSACTION_ID, "ascending"), (KNOWN_TIME, "ascending")])
            ids = ordered[TRANSACTION_ID].combine_chunks()
            newest = ordered.filter(
                pa.concat_arrays([pc.not_equal(ids[1:], ids[:-1]), pa.array([True])])
            )
        frauds += pc.sum(newest[LABEL]).as_py() or 0
    return int(frauds)
