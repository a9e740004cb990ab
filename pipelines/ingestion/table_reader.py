"""Temporary."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pyarrow import fs

from feature_jobs.io import resolve
from pipelines.config import expand_address
from pipelines.ingestion.source import load_delivery, name_of


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str
    address: str
    size: int
    modified: datetime
    etag: str | None = None


class TableReader:
    def __init__(self, spec, table):
        self.spec, self.table = spec, table
        self.address = spec.source.path if table == "transactions" else spec.labels.path
        self.name = name_of(self.address)

    def files(self):
        address = expand_address(self.address)
        filesystem, path = resolve(address)
        found = filesystem.get_file_info(path)
        if found.type == fs.FileType.NotFound:
            return []
        infos = [found]
        if found.type == fs.FileType.Directory:
            infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
        latest = max(i.mtime for i in infos if i.is_file)
        return [SourceFile(self.name, address, 0, latest.astimezone(UTC))]

    def problems(self, files):
        return []

    def batches(self, file, *, rows=1_000_000):
        loaded = load_delivery(self.spec)
        table = loaded.rows if self.table == "transactions" else loaded.reports
        for start in range(0, max(table.num_rows, 1), rows):
            yield table.slice(start, rows)


def open_transactions(spec, *, filed):
    return TableReader(spec, "transactions")


def open_reports(spec, *, filed):
    return TableReader(spec, "labels") if spec.labels.path else None
