"""The work of a task that merges days: each day's two files are written, not committed yet."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from expectations.contract import TRANSACTION_ID, OvernightError
from feature_jobs.stages import encode_error
from pipelines.ingestion.cluster.messages import (
    DayMerged,
    DaysMerged,
    DaysToMerge,
    DayToMerge,
    Merging,
    TableToMerge,
    decode_hashes,
    decode_schema,
)
from pipelines.ingestion.cluster.reading import refuse_other_version
from pipelines.ingestion.filing.day_merge import DayMerge, DayTask, MergedDay
from pipelines.ingestion.filing.day_rows import DayRows
from pipelines.ingestion.filing.filed_days import FiledDays
from pipelines.ingestion.filing.filing import LABELS, TRANSACTIONS
from pipelines.ingestion.filing.spilled_rows import SpilledRows, spill_rows
from pipelines.ingestion.filing.whereabouts import MovedIds
from pipelines.lake import Lake


def merge_days(common: str, item: str) -> str:
    """Merge the days of one task.

    Args:
        common: a `Merging` as JSON.
        item: a `DaysToMerge` as JSON.

    Returns:
        A `DaysMerged` as JSON; an error of ours is in it.
    """
    asked = Merging.model_validate_json(common)
    refuse_other_version(asked.version)
    days = DaysToMerge.model_validate_json(item).days
    try:
        with DayRows(asked.folder, limit=0) as delivered:
            merge = _merge_of(asked, days, delivered)
            done = [merge.merge(_task_of(each)) for each in days]
    except OvernightError as error:
        return DaysMerged(problem=encode_error(error)).model_dump_json()
    return DaysMerged(days=tuple(_answer(asked.folder, done))).model_dump_json()


def _merge_of(asked: Merging, days: tuple[DayToMerge, ...], delivered: DayRows) -> DayMerge:
    lake = Lake(asked.lake, spec=asked.spec)
    delivered.adopt(
        {each.day: each.delivered for each in days if each.delivered},
        {each.day: each.count for each in days},
        schema=decode_schema(asked.delivered),
    )
    return DayMerge(
        _filed(lake, TRANSACTIONS, asked.transactions),
        _filed(lake, LABELS, asked.labels),
        delivered,
        MovedIds(decode_hashes(asked.moved)),
        asked.delay,
        asked.is_restated,
    )


def _filed(lake: Lake, table: str, asked: TableToMerge) -> FiledDays:
    schema = decode_schema(asked.schema_)
    return FiledDays(lake, table, schema, at=asked.at, has_known_time=asked.has_known_time)


def _task_of(day: DayToMerge) -> DayTask:
    return DayTask(day.day, _load(day.rows), _load(day.labels), _load(day.reports))


def _load(spilled: SpilledRows | None) -> list[pa.Table]:
    return [] if spilled is None else [spilled.load()]


def _answer(folder: str, done: list[MergedDay]) -> Iterator[DayMerged]:
    """Put what is to be read of the days' rows into the shared folder."""
    repeated = _spill(folder, "repeated", {
        day.day: [day.repeated] for day in done if day.repeated is not None
    })  # fmt: skip
    matched = _spill(folder, "matched", {
        day.day: [pa.table({TRANSACTION_ID: ids}) for ids in day.matched] for day in done
    })  # fmt: skip
    faulty = _spill(folder, "faulty-reports", {day.day: day.faulty for day in done})
    for each in done:
        yield DayMerged(
            day=each.day, files=each.files, corrected=each.corrected, outdated=each.outdated,
            late=each.late, kept=each.kept, missing=each.missing,
            repeated=repeated.get(each.day), matched=matched.get(each.day),
            faulty=faulty.get(each.day),
        )  # fmt: skip


def _spill(folder: str, kind: str, tables: Mapping[str, list[pa.Table]]) -> dict[str, SpilledRows]:
    """Write the rows of days that have some."""
    joined = [
        (day, pa.concat_tables(own, promote_options="default"))
        for day, own in tables.items()
        if sum(table.num_rows for table in own)
    ]
    return spill_rows(f"{folder}/{kind}-{joined[0][0]}.arrow", joined) if joined else {}
