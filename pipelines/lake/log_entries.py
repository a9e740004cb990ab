"""Entries of a Delta log, one JSON file a version, and checkpoints of many versions.

delta-rs does not name a damaged entry, and does not notice one that is empty or truncated at the
end of a line. So each commit notes the digest of its own actions.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from expectations.contract import EVENT_DAY
from feature_jobs.io import DataFile, read_buffer, read_bytes, resolve
from pipelines.lake.damage import DamagedError

ACTIONS = "overnight.actions"
LOG = "_delta_log"
HINT = "_last_checkpoint"
PARSED = 16  # entries that are kept; that of a first load has a line for each day
SPARE = f"where all entries before it are there, {HINT} and it can be removed"
_DECODER = msgspec.json.Decoder()  # of 2,000 lines in a fifth of the time of `json`
_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit: the notes of its writer, the parts that it added, the paths that it removed.

    Attributes:
        actions: of the log by which it added the parts.
    """

    notes: Mapping[str, object]
    actions: tuple[Mapping[str, Any], ...]
    removed: tuple[str, ...]

    @property
    def added(self) -> tuple[DataFile, ...]:
        """The parts that it added."""
        return tuple(map(_part_of, self.actions))


def entry_name(version: int) -> str:
    """Return the file name of a version's entry, below the table's folder."""
    return f"{LOG}/{version:020}.json"


def digest_actions(added: Iterable[str], removed: Iterable[str]) -> str:
    """Compute the digest of the paths that a commit adds and removes."""
    lines = sorted([*(f"add {path}" for path in added), *(f"remove {path}" for path in removed)])
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_entry(folder: str, version: int) -> Entry:
    """Read the commit of a version.

    Raises:
        FileNotFoundError: when the log has no such entry.
        DamagedError: with the reason alone, when the entry is not what was written.
    """
    return _parse(read_bytes(f"{folder}/{entry_name(version)}"))


def find_faults(folder: str, *, until: int | None = None) -> Iterator[str]:
    """Find damaged and missing files of a log, each with the reason.

    Args:
        folder: of the table.
        until: the last version to check; None: all.
    """
    entries, checkpoints = list_log(folder)
    for version, name in checkpoints:
        if until is None or version <= until:
            yield from _checkpoint_faults(f"{folder}/{LOG}/{name}", name)
    yield from _hint_faults(folder, {version for version, _ in checkpoints})
    if not entries:
        return
    # Another writer may have deleted the entries before a checkpoint, as Delta allows.
    known = [version for version, _ in checkpoints if version <= min(entries)]
    first = min(entries) if known else 0
    for version in range(first, max(entries) + 1):
        if until is not None and version > until:
            return
        try:
            read_entry(folder, version)
        except FileNotFoundError:
            yield f"{entry_name(version)} is missing"
        except DamagedError as error:
            yield f"{entry_name(version)} {error}"


def find_holders(folder: str) -> dict[str, str]:
    """Map each part's path to the versions that it belongs to, `v3` or `v3 to v7, v9`.

    Damaged entries are skipped.
    """
    spans: dict[str, list[tuple[int, int | None]]] = {}
    entries, _ = list_log(folder)
    for version in sorted(entries):
        try:
            entry = read_entry(folder, version)
        except DamagedError:
            continue
        for path in entry.removed:
            if spans.get(path):
                spans[path][-1] = (spans[path][-1][0], version - 1)
        for part in entry.added:
            spans.setdefault(part.path, []).append((version, None))
    latest = max(entries, default=0)
    return {
        path: ", ".join(_spell_span(first, latest if last is None else last) for first, last in own)
        for path, own in spans.items()
    }


def _spell_span(first: int, last: int) -> str:
    return f"v{first}" if first == last else f"v{first} to v{last}"


def list_log(folder: str) -> tuple[set[int], list[tuple[int, str]]]:
    """List the versions that a log has entries of, and its checkpoints with their versions."""
    filesystem, path = resolve(f"{folder}/{LOG}")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    names = sorted(each.base_name for each in found if each.is_file)
    entries = {int(match[1]) for name in names if (match := _ENTRY.fullmatch(name))}
    checkpoints = [(int(match[1]), n) for n in names if (match := _CHECKPOINT.fullmatch(n))]
    return entries, checkpoints


def fingerprint_log(folder: str) -> tuple[tuple[str, int, int], ...]:
    """Return what tells that a log changed: the names, sizes and times of its files."""
    filesystem, path = resolve(f"{folder}/{LOG}")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return tuple(sorted((each.base_name, each.size or 0, each.mtime_ns or 0) for each in found))


def _checkpoint_faults(address: str, name: str) -> Iterator[str]:
    try:
        pq.read_table(pa.BufferReader(read_buffer(address)))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        yield f"{LOG}/{name} is no checkpoint ({reason}); {SPARE}"


def _hint_faults(folder: str, checkpoints: set[int]) -> Iterator[str]:
    """Check the file that names the latest checkpoint; delta-rs ignores an unreadable one."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        named = json.loads(read_bytes(f"{folder}/{LOG}/{HINT}"))
        version = named.get("version") if isinstance(named, dict) else None
        if isinstance(version, int) and version not in checkpoints:
            yield f"{LOG}/{HINT} names a checkpoint of v{version}, which is missing; {SPARE}"


@lru_cache(maxsize=PARSED)
def _parse(content: bytes) -> Entry:
    """Parse an entry; a step reads the latest one of a table dozens of times."""
    try:
        lines = [_DECODER.decode(line) for line in content.splitlines() if line.strip()]
    except (ValueError, msgspec.MsgspecError) as error:
        raise DamagedError(f"is not JSON: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, dict) or not all(isinstance(a, dict) for a in line.values()):
            raise DamagedError(f"has no action in line {number}")
    notes = [line["commitInfo"] for line in lines if "commitInfo" in line]
    if len(notes) != 1:
        raise DamagedError("is empty" if not lines else "does not say who made it")
    added, removed = list(_actions(lines, "add")), [a["path"] for a in _actions(lines, "remove")]
    noted = notes[0].get(ACTIONS)
    if noted not in (None, digest_actions([action["path"] for action in added], removed)):
        raise DamagedError("ends early: it lacks parts that its writer put in or took out")
    return Entry(notes[0], tuple(added), tuple(removed))


def _actions(lines: list[dict[str, dict[str, object]]], verb: str) -> Iterator[dict[str, str]]:
    for line in lines:
        if verb in line:
            action = line[verb]
            if not isinstance(action.get("path"), str):
                raise DamagedError(f"has an action {verb} without a path")
            yield action  # type: ignore[misc]


def _part_of(action: Mapping[str, Any]) -> DataFile:
    stats = _DECODER.decode(action.get("stats") or "{}")
    days: object = action.get("partitionValues")
    day = days.get(EVENT_DAY, "") if isinstance(days, dict) else ""
    return DataFile(action["path"], day, stats.get("numRecords", 0), int(action.get("size", 0)))
