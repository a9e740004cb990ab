"""Files of an address: one file, those of a folder, or those that a pattern matches.

Files that are no data are left out: hidden ones, those of other programs (`_SUCCESS`), and in a
folder those with the ending of another format (`README.txt`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs

from expectations.contract import InputError
from feature_jobs.io import resolve
from pipelines.config import expand_address, explain_unreadable
from pipelines.lake import TableCommit

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_PATTERN = re.compile(r"[*?\[]")
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# How far the clock of a database may be ahead, and how long a query may wait for its connection.
_QUERY_LAG = timedelta(minutes=5)

UnitKind = Literal["file", "delta", "query"]


class ExplainedError(ValueError):
    """An error of a source whose text has the remedy."""


@dataclass(frozen=True, slots=True)
class Position:
    """The end of the part that was read of a source that is read piece by piece.

    Attributes:
        until: version of a Delta table; greatest value of a query's column, as text.
        identity: of the Delta table.
        digest: of the log entry of that version.
        fingerprint: digest of the declarations by which it was read.
    """

    until: str
    identity: str = ""
    digest: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One unit of a source: a file, a version of a Delta table, or the rows of a query.

    Attributes:
        name: relative to the source's address, `/` between folders; the own name of a single file.
        address: as `feature_jobs.io.resolve` takes it.
        size: in bytes.
        modified: UTC; of a version when it was committed, of a query when it was asked.
        etag: where a store gives one; the id of a Delta table.
        kind: of the unit.
        position: up to where the source is read with it; None for a file.
        is_whole: whether it has all rows of its source, as a file may not.
        commit: of a Delta table, with the files to read.
        schema: where it is known from the listing.
    """

    name: str
    address: str
    size: int
    modified: datetime
    etag: str | None = None
    kind: UnitKind = "file"
    position: Position | None = None
    is_whole: bool = False
    commit: TableCommit | None = None
    schema: pa.Schema | None = None

    @property
    def received_at(self) -> datetime:
        """Time after which none of its rows can have happened."""
        return self.modified + _QUERY_LAG if self.kind == "query" else self.modified

    def partitions(self) -> dict[str, str | None]:
        """Return the columns that the folders of its name give: `channel=web/1.parquet`.

        >>> SourceFile("channel=web%20shop/1.csv", "", 0, datetime.min).partitions()
        {'channel': 'web shop'}
        """
        folders = self.name.split("/")[:-1] if self.kind == "file" else []
        pairs = (part.split("=", 1) for part in folders if "=" in part)
        return {
            unquote(name): None if value == _NULL_PARTITION else unquote(value)
            for name, value in pairs
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """Files of an address.

    Attributes:
        files: sorted by name.
        left_out: names of files that are no data.
        problems: of the address, with the remedy.
    """

    files: list[SourceFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def name_of(address: str) -> str:
    """Return the last part of the address of a file or folder.

    >>> name_of("s3://bank/2025/cards.parquet")
    'cards.parquet'
    """
    return address.rstrip("/").rpartition("/")[2]


def list_files(address: str, *, key: str, form: str, endings: Sequence[str]) -> Listing:
    """List the files of an unexpanded address; `key` is its key in the spec."""
    try:
        return _list(expand_address(address), address, key=key, form=form, endings=endings)
    except (InputError, pa.ArrowException, ValueError, OSError) as error:
        reason = explain_unreadable(error, address)
        return _refused(f"{key}: {address} cannot be reached: {reason}; correct the address")


def _list(full: str, shown: str, *, key: str, form: str, endings: Sequence[str]) -> Listing:
    filesystem, path = resolve(full)
    prefix = full.removesuffix(path)
    found = filesystem.get_file_info(path)
    if found.is_file:
        if found.size == 0:
            return _refused(f"{key}: {shown} is empty (0 bytes); deliver it again")
        return Listing([_source_file(found, name_of(found.path), prefix)])
    if found.type == fs.FileType.Directory:
        base, chosen = path.rstrip("/"), None
    elif found.type == fs.FileType.NotFound and _PATTERN.search(path):
        base, chosen = _fixed_part(path), re.compile(_expression(path))
    else:
        return _refused(f"{key}: {shown} does not exist; give the path of a {form} file")
    selector = fs.FileSelector(base or ".", recursive=True, allow_not_found=True)
    files, left_out = [], []
    for each in filesystem.get_file_info(selector):
        if not each.is_file or (chosen is not None and not chosen.fullmatch(each.path)):
            continue
        name = each.path.removeprefix(base).lstrip("/")
        if _is_hidden(name) or each.size == 0 or (chosen is None and not _fits(name, endings)):
            left_out.append(name)
        else:
            files.append(_source_file(each, name, prefix))
    problems = []
    if not files:
        has = f"; it has {', '.join(sorted(left_out)[:10])}" if left_out else ""
        problems.append(f"{key}: {shown} holds no {form} file{has}; deliver one, or name a pattern")
    return Listing(sorted(files, key=lambda file: file.name), sorted(left_out), problems)


def _source_file(found: fs.FileInfo, name: str, prefix: str) -> SourceFile:
    modified = found.mtime.astimezone(UTC)
    return SourceFile(name, f"{prefix}{found.path}", found.size, modified)


def _refused(problem: str) -> Listing:
    return Listing(problems=[problem])


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) and "=" not in part for part in name.split("/"))


def _fits(name: str, endings: Sequence[str]) -> bool:
    """Return True for a file of the format; Hadoop's parts need have no ending."""
    last = name_of(name).lower()
    for compression in COMPRESSIONS:
        last = last.removesuffix(compression)
    return last.endswith(tuple(endings)) or (last.startswith("part-") and "." not in last)


def _fixed_part(pattern: str) -> str:
    """Return the folder above the first part of a pattern that is not fixed."""
    parts = pattern.split("/")
    fixed = next(at for at, part in enumerate(parts) if _PATTERN.search(part))
    return "/".join(parts[:fixed]) or ("/" if pattern.startswith("/") else "")


def _expression(pattern: str) -> str:
    """Translate a pattern into a regular expression; `*` stays in a folder, `**` does not."""
    return "".join(_translated(pattern))


def _translated(pattern: str) -> Iterator[str]:
    for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", pattern, re.DOTALL):
        if part in ("**/", "**"):
            yield "(?:.*/)?" if part == "**/" else ".*"
        elif part in ("*", "?"):
            yield f"[^/]{'*' if part == '*' else ''}"
        elif part.startswith("[") and len(part) > 1:
            negated, body = part[1] == "!", part[1:-1].removeprefix("!")
            yield "[" + "^" * negated + re.sub(r"([^\w-])", r"\\\1", body) + "]"
        else:
            yield re.escape(part)
