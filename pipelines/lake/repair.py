"""Repair of damaged parts of delivered tables, from a delivery that holds their rows.

A part is written again only when the rows give the bytes that its name is the hash of; a delivery
that holds other rows, or not all of them, changes nothing.
"""

import logging
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_DAY, TRANSACTION_ID
from feature_jobs.io import DataFile, name_part, publish
from pipelines.lake.damage import Damage
from pipelines.lake.day_files import encode_rows
from pipelines.lake.declarations import declaration_of
from pipelines.lake.log_entries import find_holders
from pipelines.lake.reading import decode_part, load_part
from pipelines.lake.tables import Lake

log = logging.getLogger(__name__)


def repair_parts(lake: Lake, table: str, delivered: pa.Table) -> int:
    """Write damaged parts of a table's latest version again; return their number.

    Args:
        lake: with or without the table.
        table: its name.
        delivered: rows that the delivery alone would make of the table, with `event_day`.
    """
    at = lake.latest(table)
    damages = [] if at is None else lake.find_damage(at)
    if at is None or not damages:
        return 0
    names = lake.schema(at).names
    if not set(names) <= set(delivered.column_names):
        return 0
    rows, repaired = delivered.select(names), 0
    for damage in damages:
        own = rows.filter(pc.equal(rows[EVENT_DAY], damage.day))
        for candidate in _candidates(lake, table, damage, own):
            content = encode_rows(candidate)
            if name_part(damage.day, content) == damage.path:
                publish(f"{lake.folder(table)}/{damage.path}", content)
                repaired += 1
                break
    log.warning("%d of %d damaged files of %s are written again", repaired, len(damages), at)
    return repaired


def _candidates(lake: Lake, table: str, damage: Damage, own: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows that a day may have had: the delivered ones, alone or with earlier ones."""
    order = declaration_of(table).sort
    yield order(own).combine_chunks()
    folder = lake.folder(table)
    for path in find_holders(folder):
        if path.startswith(f"{EVENT_DAY}={damage.day}/") and path != damage.path:
            content = load_part(folder, DataFile(path, damage.day, 0, 0))
            if not isinstance(content, Damage):
                base = decode_part(content, own.column_names).cast(own.schema)
                again = pc.is_in(
                    base[TRANSACTION_ID], value_set=own[TRANSACTION_ID].combine_chunks()
                )
                together = pa.concat_tables([base.filter(pc.invert(again)), own])
                yield order(together).combine_chunks()
