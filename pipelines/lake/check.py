"""The command `check-lake`: reads every file of every version of a spec's tables.

All versions, as logs are kept and every version may be read again: a training set's by each
decision about its model, a snapshot's by a night that is repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pyarrow import fs
from tqdm import tqdm  # type: ignore[import-untyped]

from expectations.contract import EVENT_DAY, InputError
from feature_jobs.io import DataFile, resolve
from pipelines.config import load_spec
from pipelines.config.installation import load_settings
from pipelines.lake.damage import Damage, DamagedError, list_damage, remedy_for, remedy_for_log
from pipelines.lake.log_entries import LOG, find_faults, find_holders, list_log, read_entry
from pipelines.lake.reading import find_damage, note_damage
from pipelines.lake.tables import Lake


@dataclass(frozen=True, slots=True)
class Checked:
    """The check of one table: the amount that was read, and a line for each problem."""

    summary: str
    problems: tuple[str, ...]


def check_tables(reference: str) -> str:
    """Check every file of the tables of a spec against its hash, and the entries of their logs.

    Raises:
        DamagedError: naming every damaged file.
    """
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    tables = list(_tables(lake))
    if not tables:
        raise InputError(f'{lake.root} holds no tables yet. Run "overnight ingest" first.')
    checked = [check_table(lake, table) for table in tables]
    summary = "\n".join(each.summary for each in checked)
    problems = [line for each in checked for line in each.problems]
    if problems:
        raise DamagedError("\n".join([f"{lake.root} is damaged:", *problems, "", summary]))
    return f"{summary}\nEvery file is what was written."


def check_table(lake: Lake, table: str) -> Checked:
    """Read the log of a table and every part that an entry of it names."""
    folder = lake.folder(table)
    entries, _ = list_log(folder)
    if not entries:
        return Checked(
            f"{table}: no log",
            (f"{table}: {LOG} has no entries", remedy_for_log(table, lake.spec, folder)),
        )
    faults = list(find_faults(folder))
    parts = _named_parts(folder)
    damages = [each for each in _find(folder, table, parts) if each is not None]
    lines = [f"  - {table}: {fault}" for fault in faults]
    if faults:
        lines.append(remedy_for_log(table, lake.spec, folder))
    if damages:
        note_damage(folder, damages)
        lines += list_damage(damages, find_holders(folder), table=table)
        lines.append(remedy_for(table, lake.spec))
    size = sum(part.size_bytes for part in parts) / 1e6
    wrong = f", {len(damages)} damaged" if damages else ""
    summary = f"{table}: {len(entries)} versions, {len(parts):,} files, {size:,.1f} MB{wrong}"
    return Checked(summary, tuple(lines))


def _find(folder: str, table: str, parts: list[DataFile]) -> Iterator[Damage | None]:
    bar = tqdm(find_damage(folder, parts), total=len(parts), desc=table, unit="file", disable=None)
    yield from bar


def _named_parts(folder: str) -> list[DataFile]:
    """List the parts that any readable entry adds, by path."""
    found: dict[str, DataFile] = {}
    for version in sorted(list_log(folder)[0]):
        try:
            found |= {part.path: part for part in read_entry(folder, version).added}
        except DamagedError:
            continue  # it is among the faults
    return [found[path] for path in sorted(found)]


def _tables(lake: Lake) -> Iterator[str]:
    """List the folders that hold a log, or parts without one."""
    filesystem, root = resolve(lake.root)
    for each in filesystem.get_file_info(fs.FileSelector(root, allow_not_found=True)):
        if each.type == fs.FileType.Directory:
            inside = filesystem.get_file_info(fs.FileSelector(each.path))
            if any(i.base_name == LOG or i.base_name.startswith(EVENT_DAY) for i in inside):
                yield each.base_name
