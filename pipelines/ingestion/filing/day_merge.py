"""Merge of one day: delivered rows, and statements on labels, into the day's two files."""

from dataclasses import dataclass, field
from datetime import timedelta

import pyarrow as pa

from expectations.contract import TRANSACTION_ID
from feature_jobs.io import DataFile
from pipelines.ingestion.filing.day_rows import DayRows
from pipelines.ingestion.filing.filed_days import FiledDays
from pipelines.ingestion.filing.labels import (
    label_homes,
    match_reports,
    merge_labels,
    state_as_filed,
    statements_of,
    withdrawals_of,
)
from pipelines.ingestion.filing.merge import (
    MergedVersions,
    merge_versions,
    repeated_rows,
    sort_versions,
)
from pipelines.ingestion.filing.rejoined import Rejoin, add_late
from pipelines.ingestion.filing.row_division import divide_rows
from pipelines.ingestion.filing.whereabouts import MovedIds


@dataclass(slots=True)
class DayTask:
    """Rows and labels that a day gets beside those that were delivered for it.

    Attributes:
        rows: versions of moved transactions, which this day holds from now on.
        labels: statements on moved transactions whose first version is of this day.
        reports: statements that may be on this day's transactions.
    """

    day: str
    rows: list[pa.Table] = field(default_factory=list)
    labels: list[pa.Table] = field(default_factory=list)
    reports: list[pa.Table] = field(default_factory=list)


@dataclass(slots=True)
class MergedDay:
    """The outcome of a merge.

    Attributes:
        files: by table, the day's new file, None if no row is left; only tables that change.
        corrected, outdated, late: as in `pipelines.ingestion.filing.merge.MergedVersions`.
        kept: number of delivered rows without the repeated ones.
        repeated: delivered rows of which an earlier row of the same file has the id and time.
        matched: ids of the reports that belong to a transaction of this day.
        faulty: those of them that broke a rule.
        missing: number of filed rows that a delivery with other columns does not have.
    """

    day: str
    files: dict[str, DataFile | None] = field(default_factory=dict)
    corrected: int = 0
    outdated: int = 0
    late: int = 0
    kept: int = 0
    repeated: pa.Table | None = None
    matched: list[pa.ChunkedArray] = field(default_factory=list)
    faulty: list[pa.Table] = field(default_factory=list)
    missing: int = 0


@dataclass(frozen=True, slots=True)
class DayMerge:
    """The merge of each day of a delivery.

    Attributes:
        filed: the table of transactions.
        labels: the table of labels.
        delivered: clean rows by day.
        where: says which transactions have versions on several days; their rows are in the tasks.
        delay: of a label column; None where labels are reports.
        is_restated: True if delivered rows replace all filed versions of their transactions.
        are_first_labels: True if no label was ever filed.
        joined: the joined tables; None without any.
    """

    filed: FiledDays
    labels: FiledDays
    delivered: DayRows
    where: MovedIds
    delay: timedelta | None
    is_restated: bool
    are_first_labels: bool = False
    joined: Rejoin | None = None

    def merge(self, task: DayTask) -> MergedDay:
        """Merge a day and write its files, not committed yet."""
        done = MergedDay(task.day)
        delivered = self._take(task.day, done)
        before = self.filed.read(task.day)
        if self.filed.is_reshaped:
            before, done.missing = self.filed.fill_new(before, delivered)
        joined = self.filed.join(task.day, before)
        is_rejoined, before = joined is not before, joined
        staying, own = divide_rows(self.where.others(before), delivered[TRANSACTION_ID])
        merged = self._merge(own, delivered)
        if self.joined is not None:
            staying, merged = add_late(staying, merged, self.joined)
        rows = pa.concat_tables([staying, merged.rows, *task.rows])
        is_moved = bool(task.rows) or rows.num_rows != before.num_rows or is_rejoined
        if merged.is_changed or is_moved or self.filed.is_reshaped:
            part = self.filed.write(task.day, sort_versions(rows))
            if self.filed.differs(task.day, part) or self.filed.is_reshaped:
                done.files[self.filed.table] = part
        done.corrected, done.outdated, done.late = merged.corrected, merged.outdated, merged.late
        self._merge_labels(task, delivered, merged.rows, rows, done)
        return done

    def statements(self, delivered: pa.Table, versions: pa.Table) -> pa.Table:
        """Make the statements on labels that delivered transactions bring.

        Args:
            delivered: rows of the delivery.
            versions: all versions of their transactions after the merge.
        """
        if self.delay is None:
            return withdrawals_of(versions)
        said = statements_of(delivered, self.delay)
        return state_as_filed(said, versions) if self.are_first_labels else said

    def _take(self, day: str, done: MergedDay) -> pa.Table:
        """Read the delivered rows of a day without those that are repeated or moved."""
        delivered = self.delivered.read(day)
        if delivered is None:
            return self.delivered.schema.empty_table()
        delivered = self.where.others(delivered)
        mask = repeated_rows(delivered)
        if mask is not None:
            done.repeated = delivered.filter(pa.array(mask))
            delivered = delivered.filter(pa.array(~mask))
        done.kept = delivered.num_rows
        return delivered

    def _merge(self, own: pa.Table, delivered: pa.Table) -> MergedVersions:
        if delivered.num_rows == 0:
            return MergedVersions(own, is_changed=False)
        return self.merge_versions(own, delivered)

    def merge_versions(self, filed: pa.Table, delivered: pa.Table) -> MergedVersions:
        """Merge delivered rows with all filed versions of the same transactions."""
        if self.is_restated:
            return merge_versions(filed.slice(0, 0), delivered)
        if self.joined is not None:
            delivered = self.joined.keep(filed, delivered)
        return merge_versions(filed, delivered)

    def _merge_labels(
        self, task: DayTask, delivered: pa.Table, versions: pa.Table, rows: pa.Table,
        done: MergedDay,
    ) -> None:  # fmt: skip
        statements = [self.statements(delivered, versions)]
        firsts = label_homes(rows)
        for reports in task.reports:
            matched = match_reports(reports, firsts)
            done.matched.append(matched.known[TRANSACTION_ID])
            done.faulty.append(matched.faulty)
            statements.append(matched.statements)
        said = pa.concat_tables(statements, promote_options="default")
        if (
            not said.num_rows
            and not delivered.num_rows
            and not task.labels
            and not self.where.has_moved
        ):
            return
        before = self.labels.read(task.day)
        kept = pa.concat_tables([self.where.others(before), *task.labels])
        chunks = [*delivered[TRANSACTION_ID].chunks, *said[TRANSACTION_ID].chunks]
        touched = pa.chunked_array(chunks, delivered.schema.field(TRANSACTION_ID).type)
        staying, own = divide_rows(kept, touched)
        if self.is_restated:
            own = own.slice(0, 0)
        merged = merge_labels(own, said, firsts)
        labels = pa.concat_tables([staying, own if merged is None else merged])
        if merged is not None or task.labels or labels.num_rows != before.num_rows:
            part = self.labels.write(task.day, sort_versions(labels))
            if self.labels.differs(task.day, part):
                done.files[self.labels.table] = part
