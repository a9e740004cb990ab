"""Repair of damaged parts of delivered tables.

A part is written again only when rows give the bytes that its name is the hash of; a source that
holds other rows, or not all of them, changes nothing.
"""

import logging
from collections.abc import Callable, Iterator

import pyarrow as pa

from expectations.contract import EVENT_DAY
from feature_jobs.io import DataFile, name_part, publish
from pipelines.lake.damage import Damage
from pipelines.lake.day_files import encode_rows
from pipelines.lake.declarations import declaration_of
from pipelines.lake.log_entries import find_holders
from pipelines.lake.reading import load_part, read_parts
from pipelines.lake.tables import Lake

# From an event day, and rows that it had earlier or none, to the rows that it may have had.
Rebuild = Callable[[str, pa.Table], pa.Table | None]

log = logging.getLogger(__name__)


def repair_parts(lake: Lake, table: str, rebuild: Rebuild) -> tuple[int, int]:
    """Write damaged parts of a table's latest version again.

    Args:
        lake: with or without the table.
        table: its name.
        rebuild: called with each damaged day, first with no rows and then with those of each of
            its earlier parts, until the rows it returns are those that were damaged.

    Returns:
        How many parts were written, and how many are damaged.
    """
    at = lake.latest(table)
    damages = [] if at is None else lake.find_damage(at)
    if at is None or not damages:
        return 0, 0
    order, repaired = declaration_of(table).sort, 0
    for damage in damages:
        for base in _bases(lake, table, damage, lake.schema(at)):
            rows = rebuild(damage.day, base)
            if rows is None:
                break
            content = encode_rows(order(rows).combine_chunks())
            if name_part(damage.day, content) == damage.path:
                publish(f"{lake.folder(table)}/{damage.path}", content)
                repaired += 1
                break
    log.warning("%d of %d damaged files of %s are written again", repaired, len(damages), at)
    return repaired, len(damages)


def _bases(lake: Lake, table: str, damage: Damage, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield no rows, and the rows of each other part that the day ever had."""
    yield schema.empty_table()
    folder = lake.folder(table)
    for path in find_holders(folder):
        part = DataFile(path, damage.day, 0, 0)
        is_own = path.startswith(f"{EVENT_DAY}={damage.day}/") and path != damage.path
        if is_own and not isinstance(load_part(folder, part), Damage):
            yield from read_parts(folder, [part], schema=schema, columns=None, where=None)
