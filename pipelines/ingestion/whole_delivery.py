"""Surveys of whole deliveries: all that a source has, read batch by batch and counted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_TIME,
    RULES,
    InputError,
    OvernightError,
    ProblemsError,
    refuse_any,
)
from pipelines.config import ModelSpec
from pipelines.ingestion.clock_checks import refuse_wrong_clock
from pipelines.ingestion.delivery import judge_rows
from pipelines.ingestion.filing import scratch_folder
from pipelines.ingestion.filing.labels import match_ids
from pipelines.ingestion.joined import JoinedTables
from pipelines.ingestion.manifest import Manifest
from pipelines.ingestion.readers import SourceFile, TableReader, open_reports, open_transactions
from pipelines.lake import Lake


@dataclass(slots=True)
class DeliverySurvey:
    """Findings in the files of a source.

    Attributes:
        name: the file's or folder's name.
        rows: number of transactions.
        reports: number of fraud reports.
        first: the earliest event time; None while no row has one.
        last: the latest.
        faulty: names of the rules that rows broke, of those that would be quarantined.
        problems: for which the delivery would be refused; no row is judged after the first.
    """

    name: str
    rows: int = 0
    reports: int = 0
    first: datetime | None = None
    last: datetime | None = None
    faulty: list[pa.Table] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def extend(self, times: pa.ChunkedArray) -> None:
        """Count rows with these event times."""
        self.rows += len(times)
        bounds = pc.min_max(times).as_py()
        if bounds["min"] is not None:
            self.first = min(bounds["min"], self.first or bounds["min"])
            self.last = max(bounds["max"], self.last or bounds["max"])

    def note(self, error: OvernightError) -> None:
        """Note why the delivery would be refused."""
        found = error.problems if isinstance(error, ProblemsError) else [str(error)]
        self.problems += [problem for problem in found if problem not in self.problems]


def survey_delivery(spec: ModelSpec, *, filed: pa.Schema | None = None) -> DeliverySurvey:
    """Read the source and the reports of a spec, a batch in memory at a time.

    Args:
        spec: with the addresses, formats and roles.
        filed: schema of the lake's transactions; a type that is filed decides.

    Raises:
        ProblemsError: naming every file, column and value that cannot be used.
    """
    where = scratch_folder() if spec.source.tables else None
    with TemporaryDirectory(dir=where) as folder:
        return _survey(spec, filed, Lake(folder, spec=spec.name))


def _survey(spec: ModelSpec, filed: pa.Schema | None, scratch: Lake) -> DeliverySurvey:
    source, reports = open_transactions(spec, filed=filed), open_reports(spec, filed=filed)
    manifest = Manifest([], latest_as_of=None, at=None)
    files, reported = source.files(), [] if reports is None else reports.files()
    problems = source.problems(files)
    if reports is not None:
        problems += reports.problems(reported)
    joined = JoinedTables(spec, scratch, source)
    problems += joined.compare(manifest)
    refuse_any(f"the source of {spec.name}", problems)
    joined.read(manifest, datetime.now(UTC))
    found = DeliverySurvey(source.name)

    def judge(batch: pa.Table, file: SourceFile) -> None:
        found.extend(batch[EVENT_TIME])
        if not found.problems:
            judged = judge_rows(spec, joined.join(batch), received_at=file.received_at)
            if judged.quarantined.num_rows:
                found.faulty.append(judged.quarantined.select([RULES]))

    def match(batch: pa.Table, _file: SourceFile) -> None:
        found.reports += batch.num_rows
        match_ids(batch, source.empty().schema)

    for file in files:
        problems += _read(source, file, found, judge)
    if reports is not None:
        for file in reported:
            problems += _read(reports, file, found, match)
    refuse_any(f"the source of {spec.name}", problems)
    if found.rows == 0:
        raise InputError(f"{source.name} holds no rows. Give source.path a file with transactions.")
    return found


def _read(
    reader: TableReader, file: SourceFile, found: DeliverySurvey,
    judge: Callable[[pa.Table, SourceFile], None],
) -> list[str]:  # fmt: skip
    """Judge the rows of a file batch by batch; return why it cannot be read to its end."""
    batches = reader.batches(file)
    is_begun = False
    while True:
        try:
            batch = next(batches, None)
        except ProblemsError as error:
            return list(error.problems)
        if batch is None:
            return []
        try:
            if not is_begun:
                refuse_wrong_clock(batch, where=file.name, received_at=file.received_at)
        except OvernightError as error:
            found.note(error)
        try:
            judge(batch, file)
        except OvernightError as error:
            found.note(error)
        is_begun = True
