"""JIT warm-up: kernels are compiled, or loaded from the cache, while Spark is starting."""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.declaration import FeatureGroup, LinkGroup, WindowGroup, aggregates_of
from feature_jobs.kernels import LABEL_TIMES, LABEL_VALUES
from feature_jobs.stages import (
    SLICE,
    WANTED,
    WHOLE,
    Split,
    compute_links,
    compute_windows,
    split_rows,
)

_HOUR = (timedelta(hours=1),)
_NUMBERS = tuple(sorted(aggregates_of("number")))


def compile_kernels() -> None:
    """Run every kernel once on two rows; the compiled code is kept beside its source."""
    windows = [
        *WindowGroup(entity="key", measure="value", aggregates=_NUMBERS, windows=_HOUR).expand(),
        *WindowGroup(entity="key", measure=LABEL, aggregates=("rate",), windows=_HOUR).expand(),
    ]
    links = LinkGroup(
        entity="key", through="other", aggregates=("neighbour_frauds",), windows=_HOUR
    )
    numbers = np.array([1, 2])
    rows = pa.table(
        {
            **dict.fromkeys([TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, "key", "other"], numbers),
            "value": numbers.astype(np.float64),
            LABEL_TIMES: pa.array([[1], None], pa.list_(pa.int64())),
            LABEL_VALUES: pa.array([[1], None], pa.list_(pa.int32())),
            WANTED: [True, True],
            SLICE: pa.array([WHOLE, WHOLE], pa.int32()),
        }
    )
    group = FeatureGroup(0, ("key",), windows=tuple(windows))
    compute_windows(rows, group)
    compute_links(rows, FeatureGroup(1, ("key", "other"), links=tuple(links.expand())))
    list(split_rows(rows.drop_columns([SLICE]), group, Split(0, (1,), (2,)), since=0))
