"""Entries of the log of a Delta table of someone else: what a commit did, and when."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from feature_jobs.io import read_bytes
from pipelines.lake.log_entries import entry_name

VECTORS = (
    "it has deletion vectors, which cannot be read; write them into the files with REORG TABLE … "
    "APPLY (PURGE), and set delta.enableDeletionVectors to false"
)

Content = Literal["rows", "changes", "deleted rows"]


@dataclass(frozen=True, slots=True)
class TablePart:
    """A file of a table.

    Attributes:
        address: as `feature_jobs.io.resolve` takes it.
        values: of the columns that the table is partitioned by.
        content: rows that the table has; changes, each with its type in `_change_type`; or rows
            that it has no more.
        size: in bytes.
    """

    address: str
    values: Mapping[str, str | None]
    content: Content
    size: int


@dataclass(frozen=True, slots=True)
class TableCommit:
    """The changes of one commit to the rows, or all rows of a version.

    Attributes:
        version: that it made.
        at: when.
        parts: the files to read; none where it changed no row.
        is_whole: whether these are all rows of the table.
    """

    version: int
    at: datetime
    parts: tuple[TablePart, ...]
    is_whole: bool = False


class UnreadableTableError(ValueError):
    """A table that cannot be read, with the remedy."""


class GapError(ValueError):
    """Changes that cannot be read one by one any more, with the reason."""


def entry_digest(address: str, version: int) -> str:
    """Compute the SHA-256 of a log entry; empty where the log has none any more."""
    try:
        return hashlib.sha256(
            read_bytes(f"{address.rstrip('/')}/{entry_name(version)}")
        ).hexdigest()
    except FileNotFoundError:
        return ""


def read_actions(address: str, version: int) -> list[dict[str, Any]] | None:
    """Read the actions of a log entry; None where the log has none any more."""
    name = entry_name(version)
    try:
        content = read_bytes(f"{address.rstrip('/')}/{name}").decode()
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnreadableTableError(f"{name} is damaged: {error}; repair the table") from error


def commit_time(entry: Sequence[dict[str, Any]]) -> datetime | None:
    """Return when a commit was made; None where its entry does not say."""
    for action in entry:
        about = action.get("commitInfo") or {}
        milliseconds = about.get("inCommitTimestamp") or about.get("timestamp")
        if milliseconds is not None:
            return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return None


def part_address(folder: str, path: str) -> str:
    """Return the address of a file; that of a shallow clone is absolute."""
    return path if "://" in path or path.startswith("/") else f"{folder.rstrip('/')}/{path}"
