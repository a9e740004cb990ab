"""Histories for the oracle and for the engine: Arrow tables of its rows, and strategies."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

from feature_jobs.declaration.features import LinkGroup, Window, WindowGroup
from feature_jobs.declaration.groups import FeatureGroup
from feature_jobs.kernels.labels import LABEL_TIMES, LABEL_VALUES
from feature_jobs.stages.histories import WANTED, WHOLE, compute_windows
from feature_jobs.stages.links import compute_links
from feature_jobs.stages.skew import SLICE, Split, split_rows
from tests.feature_jobs.corrections import versions_of
from tests.feature_jobs.oracle import Row

START = datetime(2025, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = np.iinfo(np.int64).min
MICROSECOND = timedelta(microseconds=1)


def hours(number: float) -> datetime:
    return START + timedelta(hours=number)


def micros(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def group(
    measure: str | None,
    *aggregates: str,
    windows: Iterable[float] = (2,),
    delay: float | None = None,
    where: str | None = None,
) -> list[Window]:
    """Windows of `card_id`, lengths and delay in hours."""
    lengths = tuple(timedelta(hours=h) for h in windows)
    wait = None if delay is None else timedelta(hours=delay)
    declared = WindowGroup(
        entity="card_id", measure=measure, where=where, aggregates=aggregates, windows=lengths,
        delay=wait,
    )  # fmt: skip
    return list(declared.expand())


def links(*, max_degree: int, windows: Iterable[float] = (2, 9)) -> LinkGroup:
    return LinkGroup(
        entity="card_id",
        through="device_id",
        aggregates=("neighbours", "neighbour_frauds"),
        windows=tuple(timedelta(hours=h) for h in windows),
        max_degree=max_degree,
    )


NUMBERS = ("count", "sum", "mean", "std", "min", "max", "last", "median", "distinct")
AGES = ("time_since_last", "time_since_first")
BOTH = (*NUMBERS, *(f"prior_{name}" for name in NUMBERS))
# A delayed label window shares its name with an undelayed one, so there are two sets.
EVERY_WINDOW = [
    *group("amount", *BOTH, windows=(2, 9)),
    *group("amount", *NUMBERS, windows=(3,), delay=2),
    *group(None, "count", "prior_count", *AGES, windows=(3, 30)),
    *group(None, "time_since_first", windows=(6,), delay=1),
    *group("device_id", "distinct", "prior_distinct", windows=(1, 20)),
    *group("large", "count", "share", "prior_share", *AGES, windows=(4,)),
    *group("amount", *NUMBERS[:-1], "prior_max", windows=(5,), where="large"),
    *group("is_fraud", "count", "rate", *AGES, windows=(4, 48)),
    *group("is_fraud", "count", *AGES, windows=(6, 48), where="large"),
    *group("is_genuine", *AGES, windows=(4, 48), delay=0),
]
DELAYED_LABELS = [
    *group("is_fraud", "count", "rate", *AGES, windows=(5,), delay=3),
    *group("is_fraud", "count", *AGES, windows=(7,), delay=3, where="large"),
    *group("is_genuine", *AGES, windows=(5, 20), delay=3),
]

moments = st.integers(0, 40)  # half hours: ties are frequent
amounts = st.one_of(
    st.none(),
    st.integers(-500, 500).map(lambda cents: cents / 100),
    st.sampled_from([1e15, -1e15, 1e-9, 5e-324, 1e300, 0.1, float("inf"), -float("inf")]),
)
label_lists = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1)), max_size=3)


@st.composite
def histories(draw: st.DrawFn, *, entities: int = 2, max_size: int = 40) -> list[Row]:
    """Rows in any order: ties, late arrivals, late and corrected labels, later versions."""
    rows = []
    for number in range(draw(st.integers(1, max_size))):
        event = hours(draw(moments) / 2)
        late = draw(st.sampled_from([0, 0, 0, 1, 5, 50]))
        first = Row(
            transaction_id=number,
            event=event,
            known=event + timedelta(hours=late / 2),
            entity=draw(st.one_of(st.integers(1, entities), st.just(1))),
            amount=draw(amounts),
            device=draw(st.one_of(st.none(), st.integers(0, 3))),
            labels=tuple(
                (event + timedelta(hours=wait / 2), value) for wait, value in draw(label_lists)
            ),
        )
        rows += draw(versions_of(first, entities=entities, amounts=amounts))
    return draw(st.permutations(rows))


def table(rows: list[Row], *, since: datetime | None = None) -> pa.Table:
    """The engine's view of rows that have an entity; wanted from `since` on."""
    labelled = [sorted(row.labels) if any(v for _, v in row.labels) else None for row in rows]
    return pa.table(
        {
            "transaction_id": pa.array([row.transaction_id for row in rows], pa.int64()),
            "event_time": pa.array([micros(row.event) for row in rows], pa.int64()),
            "known_time": pa.array([micros(row.known) for row in rows], pa.int64()),
            "card_id": pa.array([row.entity for row in rows], pa.int64()),
            "device_id": pa.array([row.device for row in rows], pa.int64()),
            "amount": pa.array([row.amount for row in rows], pa.float64()),
            "large": pa.array(
                [None if row.is_large is None else float(row.is_large) for row in rows],
                pa.float64(),
            ),
            LABEL_TIMES: pa.array(
                [None if x is None else [micros(t) for t, _ in x] for x in labelled],
                pa.list_(pa.int64()),
            ),
            LABEL_VALUES: pa.array(
                [None if x is None else [v for _, v in x] for x in labelled],
                pa.list_(pa.int32()),
            ),
            WANTED: pa.array(
                [row.is_first and (since is None or row.event >= since) for row in rows],
                pa.bool_(),
            ),
            SLICE: pa.array([WHOLE] * len(rows), pa.int32()),
            **version_columns(rows),
        }
    )


def version_columns(rows: list[Row]) -> dict[str, pa.Array]:
    """The columns of versions; none where nothing was ever replaced, as of old files."""
    if all(row.is_first and row.replaced is None for row in rows):
        return {}
    replaced = [None if row.replaced is None else micros(row.replaced) for row in rows]
    return {
        "replaced_time": pa.array(replaced, pa.int64()),
        "is_first": pa.array([row.is_first for row in rows], pa.bool_()),
    }


def by_id(features: pa.Table, name: str) -> dict[int, float | None]:
    ids = features["transaction_id"].to_pylist()
    return dict(zip(ids, features[name].to_pylist(), strict=True))


def feature_group_of(windows: list[Window]) -> FeatureGroup:
    return FeatureGroup(0, ("card_id",), windows=tuple(windows))


def compute_whole(rows: list[Row], windows: list[Window]) -> pa.Table:
    """Window features with each history in one piece."""
    return compute_windows(table(rows), feature_group_of(windows), conditions=["large"])


def compute_split(rows: list[Row], windows: list[Window], borders: list[datetime]) -> pa.Table:
    """Window features with each card's history split at the borders, in payloads of few rows."""
    feature_group, sent, partials = feature_group_of(windows), [], []
    every = table(rows)
    for card in sorted({row.entity for row in rows if row.entity is not None}):
        split = Split(0, (card,), tuple(micros(border) for border in borders))
        own = every.filter(pa.array([row.entity == card for row in rows]))
        for start in range(0, own.num_rows, 7):
            batch = own.slice(start, 7).drop_columns([SLICE])
            for payload in split_rows(batch, feature_group, split, since=FIRST):
                first, _ = split.bounds(payload.slice)
                inside = pc.greater_equal(payload.rows["event_time"], first)
                wanted = pc.and_(payload.rows[WANTED], inside)
                count = payload.rows.num_rows
                rows_of = payload.rows.drop_columns([WANTED]).append_column(WANTED, wanted)
                number = pa.array([payload.slice] * count, pa.int32())
                sent.append(rows_of.append_column(SLICE, number))
                partials += [payload.partial] if payload.partial is not None else []
    partial = pa.concat_tables(partials) if partials else None
    return compute_windows(
        pa.concat_tables(sent), feature_group, conditions=["large"], partials=partial
    )


def compute_link_features(
    rows: list[Row], group_: LinkGroup, *, since: datetime | None = None
) -> pa.Table:
    feature_group = FeatureGroup(0, ("card_id", "device_id"), links=tuple(group_.expand()))
    return compute_links(table(rows, since=since), feature_group)
