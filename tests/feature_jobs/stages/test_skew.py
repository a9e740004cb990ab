"""Skewed keys: which are found, where they are split, and how much a slice gets."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from feature_jobs.declaration.features import WindowGroup
from feature_jobs.declaration.groups import FeatureGroup
from feature_jobs.stages.skew import find_splits, split_rows

DAY = 86_400_000_000
ROWS, ROWS_PER_TASK = 40_000, 2_500
END = 3 * 365 * DAY
LENGTHS = tuple(timedelta(days=d) for d in (1, 7, 28, 365))


def feature_group(*aggregates: str) -> FeatureGroup:
    group = WindowGroup(
        entity="terminal_id", measure="amount", aggregates=aggregates, windows=LENGTHS
    )
    return FeatureGroup(0, ("terminal_id",), windows=tuple(group.expand()))


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Three years; terminal 0 holds a quarter of all rows, the others about 20 each."""
    chance = np.random.default_rng(1)
    events = np.sort(chance.integers(0, END, ROWS))
    skewed = chance.random(ROWS) < 0.25
    return pa.table(
        {
            "transaction_id": np.arange(ROWS),
            "event_time": events,
            "known_time": events,
            "terminal_id": np.where(skewed, 0, chance.integers(1, 1_500, ROWS)),
            "amount": np.round(chance.lognormal(3, 1, ROWS), 2),
            "is_wanted": np.ones(ROWS, dtype=bool),
        }
    )


def test_the_skewed_key_is_found_in_a_sample_and_no_other(rows: pa.Table) -> None:
    sample = rows.take(pa.array(np.random.default_rng(2).choice(ROWS, 4_000, replace=False)))
    (split,) = find_splits(
        sample, [feature_group("sum")], rows=ROWS, rows_per_task=ROWS_PER_TASK, end=END
    )
    assert split.key == (0,)
    own = rows.filter(pa.array(rows["terminal_id"].to_numpy() == 0))["event_time"].to_numpy()
    sizes = np.diff(np.searchsorted(own, [0, *split.borders, END]))
    # A share for itself and one for each of four windows: slices of a fifth of a share.
    assert sizes.max() < 1.5 * ROWS_PER_TASK / 5


@pytest.mark.parametrize("aggregates", [("count", "sum", "std"), ("min", "prior_max", "last")])
def test_no_slice_gets_more_than_a_share_whatever_the_window(
    rows: pa.Table, aggregates: tuple[str, ...]
) -> None:
    (split,) = find_splits(
        rows, [feature_group(*aggregates)], rows=ROWS, rows_per_task=ROWS_PER_TASK, end=END
    )
    own = rows.filter(pa.array(rows["terminal_id"].to_numpy() == 0))
    assert own.num_rows > 3 * ROWS_PER_TASK
    sent: dict[int, int] = {}
    for start in range(0, own.num_rows, 2_000):  # as it comes in batches
        for payload in split_rows(
            own.slice(start, 2_000), feature_group(*aggregates), split, since=0
        ):
            sent[payload.slice] = sent.get(payload.slice, 0) + payload.rows.num_rows
    assert len(sent) == len(split.borders) + 1
    assert max(sent.values()) <= ROWS_PER_TASK
