"""An ingestion divided among Spark's workers: who reads which files, who merges which days."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import pyarrow as pa

from expectations.contract import TRANSACTION_ID
from feature_jobs.io import read_bytes, remove_folder
from feature_jobs.stages import refuse_encoded
from pipelines.config import ModelSpec
from pipelines.config.installation import Settings
from pipelines.ingestion.arrivals import Arrived
from pipelines.ingestion.cluster.execution import Workers
from pipelines.ingestion.cluster.messages import (
    VERSION,
    DayMerged,
    DaysMerged,
    DaysToMerge,
    DayToMerge,
    FilesRead,
    FilesToRead,
    FileToRead,
    Merging,
    Reading,
    TableToMerge,
    decode_schema,
    encode_hashes,
    encode_schema,
)
from pipelines.ingestion.delivery import Delivery
from pipelines.ingestion.filing.day_merge import DayMerge, DayTask, MergedDay
from pipelines.ingestion.filing.filed_days import FiledDays
from pipelines.ingestion.filing.filing import TRANSACTIONS
from pipelines.ingestion.filing.spilled_rows import SpilledRows, spill_rows
from pipelines.ingestion.readers import TableReader

# A task reads about so many bytes of files, and merges about so many rows; of fewer, there are at
# least so many tasks, if there are as many files and days.
TASK_BYTES, TASK_ROWS, TASKS = 32 << 20, 1_000_000, 16


class DividedIngestion:
    """Reads files and merges days in Spark's workers; a context.

    Args:
        folder: that the ingestion and its workers share; it is removed at the end.
        settings: name the cluster or the application.
    """

    def __init__(self, folder: str, settings: Settings) -> None:
        self.folder = folder
        self._workers = Workers(settings, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._workers.__exit__(kind, error, trace)
        with contextlib.suppress(OSError):  # the vacuum removes it, after two days
            remove_folder(self.folder)

    def read_transactions(
        self, spec: ModelSpec, reader: TableReader, files: Sequence[FileToRead],
        delivery: Delivery, *, since: datetime | None, remember: Sequence[str],
    ) -> list[Arrived]:  # fmt: skip
        """Read files of transactions into a delivery, as `delivery.read_transactions` does."""
        if not files:
            return []
        common = Reading(
            version=VERSION, spec=spec, types=encode_schema(reader.empty().schema), since=since,
            remember=tuple(remember), folder=self.folder,
        )  # fmt: skip
        sizes = [each.file.size for each in files]
        items = [
            FilesToRead(first=start, files=tuple(files[start:end]))
            for start, end in divide(sizes, most=TASK_BYTES)
        ]
        said = self._workers.do(
            "read", common.model_dump_json(), [item.model_dump_json() for item in items]
        )
        answers = [FilesRead.model_validate_json(text) for text in said]
        for answer in answers:
            refuse_encoded(answer.problem)
        delivery.files += [each.file.name for each in files]
        for answer in answers:
            _take(answer, delivery)
        read = [file for answer in answers for file in answer.files]
        return [
            Arrived(TRANSACTIONS, asked.file, done.arrival, done.sha256, done.rows)
            for asked, done in zip(files, read, strict=True)
        ]

    def merge_days(self, merge: DayMerge, tasks: Sequence[DayTask]) -> list[MergedDay]:
        """Merge each day, as `filing.merge_in_threads` does."""
        rows = merge.delivered
        rows.spill()
        common = Merging(
            version=VERSION,
            lake=merge.filed.lake.root.removesuffix(f"/{merge.filed.lake.spec}"),
            spec=merge.filed.lake.spec,
            transactions=_table(merge.filed), labels=_table(merge.labels),
            delivered=encode_schema(rows.schema), moved=encode_hashes(merge.where.hashes),
            delay=merge.delay, is_restated=merge.is_restated, folder=self.folder,
        )  # fmt: skip
        moved = self._spill("moved", {task.day: task.rows for task in tasks})
        labels = self._spill("labels", {task.day: task.labels for task in tasks})
        reports = self._spill("reports", {task.day: task.reports for task in tasks})
        days = [
            DayToMerge(
                day=task.day, delivered=tuple(rows.spilled.get(task.day, ())),
                count=rows.counts.get(task.day, 0), rows=moved.get(task.day),
                labels=labels.get(task.day), reports=reports.get(task.day),
            )
            for task in tasks
        ]  # fmt: skip
        items = [
            DaysToMerge(days=tuple(days[start:end])).model_dump_json()
            for start, end in divide([day.count for day in days], most=TASK_ROWS)
        ]
        said = self._workers.do("merge", common.model_dump_json(), items)
        answers = [DaysMerged.model_validate_json(text) for text in said]
        for answer in answers:
            refuse_encoded(answer.problem)
        return [_merged(day) for answer in answers for day in answer.days]

    def _spill(self, kind: str, tables: Mapping[str, Sequence[pa.Table]]) -> dict[str, SpilledRows]:
        joined = [
            (day, pa.concat_tables(own, promote_options="default"))
            for day, own in tables.items() if own
        ]  # fmt: skip
        return spill_rows(f"{self.folder}/tasks-{kind}.arrow", joined) if joined else {}


def divide(sizes: Sequence[int], *, most: int) -> Iterator[tuple[int, int]]:
    """Divide a sequence into runs of about equal size; yield their bounds `[start, end)`.

    Args:
        sizes: of the elements.
        most: a run ends when it has so much, or a sixteenth of all.
    """
    enough = max(min(most, sum(sizes) // TASKS), 1)
    start = held = 0
    for at, size in enumerate(sizes, start=1):
        held += size
        if held >= enough:
            yield start, at
            start, held = at, 0
    if start < len(sizes):
        yield start, len(sizes)


def _take(answer: FilesRead, delivery: Delivery) -> None:
    """Add what a task read to a delivery."""
    delivery.read += answer.read
    for rule, count in answer.warned.items():
        delivery.warned[rule] = delivery.warned.get(rule, 0) + count
    delivery.quarantined += [faulty.load() for faulty in answer.faulty.values()]
    for name, ids in answer.ids.items():
        delivery.ids.setdefault(name, []).append(ids.load()[TRANSACTION_ID])
    delivery.rows.adopt(answer.days, answer.counts, schema=decode_schema(answer.schema_))
    if answer.entries:
        delivery.rows.ids.add_bytes(read_bytes(answer.entries))


def _table(filed: FiledDays) -> TableToMerge:
    return TableToMerge(
        at=filed.at, schema_=encode_schema(filed.schema), has_known_time=filed.has_known_time
    )


def _merged(day: DayMerged) -> MergedDay:
    return MergedDay(
        day.day, dict(day.files),
        corrected=day.corrected, outdated=day.outdated, late=day.late, kept=day.kept,
        repeated=None if day.repeated is None else day.repeated.load(),
        matched=[] if day.matched is None else [day.matched.load()[TRANSACTION_ID]],
        faulty=[] if day.faulty is None else [day.faulty.load()],
        missing=day.missing,
    )  # fmt: skip
