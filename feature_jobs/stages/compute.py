"""Second stage: the histories of a place through the kernels, features on to the days' places."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME
from feature_jobs.declaration import Unit
from feature_jobs.kernels import integers
from feature_jobs.stages.histories import WANTED, compute_windows
from feature_jobs.stages.links import compute_links
from feature_jobs.stages.shuffle_blocks import collect, spread, unpack


def walker(
    units: Sequence[Unit], *, conditions: Sequence[str], day_borders: Sequence[int]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for `mapInArrow` from the blocks of a place to blocks of features.

    Args:
        units: what is computed.
        conditions: measures that are conditions.
        day_borders: event times in microseconds at which the next stage's places begin, but the
            first.
    """

    def walk(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = collect(batches)
        for unit in units:
            blocks = held.pop(unit.rows_number, [])
            carried = held.pop(unit.carries_number, [])
            if not blocks:
                continue
            rows = pa.concat_tables([unpack(block) for block in blocks])
            if not pc.any(rows[WANTED]).as_py():
                continue
            if unit.links:
                features = compute_links(rows, unit)
            else:
                carries = pa.concat_tables([unpack(c) for c in carried]) if carried else None
                features = compute_windows(rows, unit, conditions=conditions, carries=carries)
            events = integers(features[EVENT_TIME])
            places = np.searchsorted(np.array(day_borders, dtype=np.int64), events, side="right")
            yield from spread(features, places.astype(np.int64), unit=unit.number)

    return walk
