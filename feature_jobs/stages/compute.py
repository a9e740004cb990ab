"""Compute stage: kernels on the histories of a partition, features on to the days' partitions."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import EVENT_TIME
from feature_jobs.declaration import FeatureGroup
from feature_jobs.kernels import integers
from feature_jobs.stages.histories import WANTED, compute_windows
from feature_jobs.stages.links import compute_links
from feature_jobs.stages.shuffle_blocks import collect, spread, unpack


def window_computer(
    groups: Sequence[FeatureGroup], *, conditions: Sequence[str], day_borders: Sequence[int]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function for `mapInArrow` from blocks of rows to blocks of features.

    Args:
        groups: what is computed.
        conditions: measures that are conditions.
        day_borders: event times in microseconds at which the next stage's partitions begin, but the
            first.
    """

    def compute(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = collect(batches)
        for group in groups:
            blocks = held.pop(group.rows_number, [])
            partial = held.pop(group.partials_number, [])
            if not blocks:
                continue
            # Blocks without later versions lack their columns, which are then nulls.
            tables = [unpack(block) for block in blocks]
            rows = pa.concat_tables(tables, promote_options="default")
            if not pc.any(rows[WANTED]).as_py():
                continue
            if group.links:
                features = compute_links(rows, group)
            else:
                partials = pa.concat_tables([unpack(c) for c in partial]) if partial else None
                features = compute_windows(rows, group, conditions=conditions, partials=partials)
            events = integers(features[EVENT_TIME])
            partitions = np.searchsorted(
                np.array(day_borders, dtype=np.int64), events, side="right"
            )
            yield from spread(features, partitions.astype(np.int64), group=group.number)

    return compute
