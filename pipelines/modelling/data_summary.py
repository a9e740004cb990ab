"""Data that a candidate was made from, for its reviewer: tables, checks that ran, rows held back.

Gathered when the candidate is evaluated and kept with its run, so that its report says the same
whenever and wherever it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from expectations.contract import LABEL
from expectations.results import Validated
from pipelines.config import ModelSpec
from pipelines.config.installation import load_settings
from pipelines.features import FEATURES
from pipelines.ingestion import LABELS, QUARANTINE, TRANSACTIONS, rule_counts
from pipelines.lake import Lake, TableVersion
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
    """Data as they were known when a candidate was evaluated.

    Attributes:
        training_set: the version it was trained on.
        tables: the newest of those that it comes from.
        checks: what the gates of the night found, a table each; of the same knowledge time.
        docs: address of Great Expectations' pages.
        quarantined: rows held back.
        rules: the rules that they broke, to the number of rows.
    """

    training_set: TableSummary
    tables: tuple[TableSummary, ...]
    checks: Mapping[str, Validated]
    docs: str
    quarantined: int
    rules: Mapping[str, int]


def summarise_data(spec: ModelSpec, as_of: str, *, training_set: str) -> DataSummary:
    """Read the log of the lake, the labels, and what validation left."""
    settings = load_settings()
    lake = Lake(settings.lake, spec=spec.name)
    newest = (lake.newest(table) for table in (TRANSACTIONS, LABELS, FEATURES))
    held = lake.newest(QUARANTINE)
    quarantined = None if held is None else lake.read(held)
    return DataSummary(
        training_set=_describe(lake, TableVersion.parse(training_set)),
        tables=tuple(_describe(lake, at) for at in newest if at is not None),
        checks=read_summaries(settings, spec.name, as_of),
        docs=docs_address(settings, spec.name, as_of),
        quarantined=0 if quarantined is None else quarantined.num_rows,
        rules={} if quarantined is None else rule_counts(quarantined),
    )


def _describe(lake: Lake, at: TableVersion) -> TableSummary:
    days = [part.day for part in lake.parts(at)]
    has_labels = LABEL in lake.schema(at).names
    frauds = pc.sum(lake.read(at, columns=[LABEL])[LABEL]).as_py() if has_labels else None
    return TableSummary(
        name=at.name,
        version=at.version,
        rows=lake.row_count(at),
        first=min(days, default=""),
        last=max(days, default=""),
        frauds=None if frauds is None else int(frauds),
    )
