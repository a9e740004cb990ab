"""Messages between an ingestion and the tasks that read its files and merge its days."""

import base64
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc
from pydantic import Field

from expectations.contract import FrozenModel
from feature_jobs.io import DataFile
from pipelines.config import ModelSpec, TableVersion
from pipelines.ingestion.filing.spilled_rows import SpilledRows
from pipelines.ingestion.readers import SourceFile

# Raise it when reading or merging gives other rows: workers with other code are refused.
VERSION = 1


class FileToRead(FrozenModel):
    """A file of transactions.

    Attributes:
        name, address, size, modified, etag: of the file, as `SourceFile` has them.
        arrival: when its content became known, unless it is recorded content.
        recorded_sha256: of the content that the manifest has; empty for none.
        recorded_arrival: of that content.
    """

    name: str
    address: str
    size: int
    modified: datetime
    etag: str | None = None
    arrival: datetime
    recorded_sha256: str = ""
    recorded_arrival: datetime | None = None

    @property
    def file(self) -> SourceFile:
        """The file of the source."""
        return SourceFile(self.name, self.address, self.size, self.modified, self.etag)


class Reading(FrozenModel):
    """The common part of all tasks that read.

    Attributes:
        types: columns with the types of ids, which all files together decide; encoded.
        since: the latest knowledge time of an earlier ingestion.
        remember: names of files whose ids are kept.
        folder: receives the rows.
    """

    version: int
    spec: ModelSpec
    types: str
    since: datetime | None
    remember: tuple[str, ...]
    folder: str


class FilesToRead(FrozenModel):
    """Files that one task reads; `first` is the number of the first one in the delivery."""

    first: int
    files: tuple[FileToRead, ...]


class FileRead(FrozenModel):
    """A file that was read."""

    sha256: str
    arrival: datetime
    rows: int


class FilesRead(FrozenModel):
    """The outcome of a task that read files.

    Attributes:
        schema_: of the clean rows, encoded; empty where the files hold no rows.
        days: clean rows by day, in the order in which they came.
        counts: their number by day.
        entries: address of their ids; empty for none.
        faulty: rows that broke a rule, in order, numbered.
        ids: of all rows, by file.
        problem: the error that ended the reading, encoded; empty for none.
    """

    files: tuple[FileRead, ...] = ()
    read: int = 0
    warned: dict[str, int] = Field(default_factory=dict)
    schema_: str = ""
    days: dict[str, tuple[SpilledRows, ...]] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    entries: str = ""
    faulty: dict[str, SpilledRows] = Field(default_factory=dict)
    ids: dict[str, SpilledRows] = Field(default_factory=dict)
    problem: str = ""


class TableToMerge(FrozenModel):
    """A table that the merges read and write; `at` is None where it was never written."""

    at: TableVersion | None
    schema_: str
    has_known_time: bool


class Merging(FrozenModel):
    """The common part of all tasks that merge days.

    Attributes:
        lake: its root, with the tables of all specs.
        delivered: schema of the delivered rows, encoded.
        moved: hashes of the ids that are merged apart, encoded.
        delay: of a label column; None where labels are reports.
    """

    version: int
    lake: str
    spec: str
    transactions: TableToMerge
    labels: TableToMerge
    delivered: str
    moved: str
    delay: timedelta | None
    is_restated: bool
    folder: str


class DayToMerge(FrozenModel):
    """One day: its delivered rows, and what `DayTask` has for it."""

    day: str
    delivered: tuple[SpilledRows, ...] = ()
    count: int = 0
    rows: SpilledRows | None = None
    labels: SpilledRows | None = None
    reports: SpilledRows | None = None


class DaysToMerge(FrozenModel):
    """Days that one task merges, in order."""

    days: tuple[DayToMerge, ...]


class DayMerged(FrozenModel):
    """The outcome of a day, as `MergedDay` has it."""

    day: str
    files: dict[str, DataFile | None]
    corrected: int
    outdated: int
    late: int
    kept: int
    missing: int
    repeated: SpilledRows | None = None
    matched: SpilledRows | None = None
    faulty: SpilledRows | None = None


class DaysMerged(FrozenModel):
    """The outcome of a task that merged days; `problem` is the error that ended it, encoded."""

    days: tuple[DayMerged, ...] = ()
    problem: str = ""


def encode_schema(schema: pa.Schema) -> str:
    """Write a schema as text."""
    return base64.b64encode(schema.serialize()).decode()


def decode_schema(text: str) -> pa.Schema:
    """Read a schema from text; of an empty one a schema without columns."""
    return ipc.read_schema(pa.py_buffer(base64.b64decode(text))) if text else pa.schema([])


def encode_hashes(hashes: npt.NDArray[np.uint64]) -> str:
    """Write hashes as text."""
    return base64.b64encode(hashes.astype("<u8").tobytes()).decode()


def decode_hashes(text: str) -> npt.NDArray[np.uint64]:
    """Read hashes from text."""
    return np.frombuffer(base64.b64decode(text), "<u8").astype(np.uint64)
