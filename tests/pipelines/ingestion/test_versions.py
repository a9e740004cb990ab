"""Deliveries in any order and division give the lake that one in order of known time gives."""

import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.contract import EVENT_DAY
from pipelines.config import ModelSpec, load_spec
from pipelines.ingestion.filing.day_rows import DayRows
from pipelines.ingestion.filing.filing import file_delivery
from pipelines.ingestion.filing.merge import state_times
from pipelines.ingestion.readers import with_day
from pipelines.lake import Lake

START = datetime(2025, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
ARRIVAL = datetime(2026, 1, 1, tzinfo=UTC)
DELAY = timedelta(hours=30)

SPEC = """
[source]
path = "cards.parquet"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
{known}
[source.entities]
customer_id = "customer"
[labels]
{labels}
maturity = "7d"
"""
COLUMN = 'column = "fraud"\ndelay = "30h"'
REPORTS = 'path = "reports.parquet"\ntransaction_id = "id"\nknown_time = "reported"'


@dataclass(frozen=True)
class Version:
    """One version of a transaction, as a source delivers it."""

    number: int
    event: int  # hours
    known: int
    amount: float
    customer: int
    fraud: int | None
    withdrawn: bool = False


def hours(count: int) -> datetime:
    return START + timedelta(hours=count)


def load(folder: Path, *, known: str = 'known_time = "known"', labels: str = COLUMN) -> ModelSpec:
    (folder / "cards.toml").write_text(SPEC.format(known=known, labels=labels))
    return load_spec(str(folder / "cards.toml"))


def file(
    spec: ModelSpec, lake: Lake, versions: list[Version], *, folder: Path,
    arrival: datetime = ARRIVAL, since: datetime | None = None, limit: int = 10**9,
    reports: pa.Table | None = None, restated: bool = False,
) -> None:  # fmt: skip
    """File versions as one delivery of one file."""
    rows = pa.table(
        {
            "transaction_id": pa.array([v.number for v in versions], pa.int64()),
            "event_time": pa.array([hours(v.event) for v in versions], TIME),
            "amount": pa.array([v.amount for v in versions], pa.float64()),
            "customer_id": pa.array([v.customer for v in versions], pa.int64()),
            "is_fraud": pa.array([v.fraud for v in versions], pa.float64()),
            "is_withdrawn": pa.array([v.withdrawn for v in versions], pa.bool_()),
        }
    )
    has_known = spec.source.roles.known_time is not None
    known = [hours(v.known if has_known else v.event) for v in versions]
    rows = rows.append_column("known_time", pa.array(known, TIME))
    if spec.labels.column is None:
        rows = rows.drop_columns(["is_fraud"])
    rows = state_times(rows, has_known_time=has_known, arrival=arrival, since=since)
    rows = rows.append_column("file_number", pa.array([0] * len(versions), pa.int32()))
    rows = rows.append_column("row_number", pa.array(range(len(versions)), pa.int64()))
    with DayRows(folder / "scratch", limit=limit) as held:
        held.add(with_day(rows))
        file_delivery(spec, lake, held, reports, fingerprint="x", is_restated=restated)


def content(lake: Lake, table: str) -> list[tuple[object, ...]]:
    at = lake.latest(table)
    assert at is not None
    rows = lake.read(at).to_pylist()
    for row in rows:
        assert row[EVENT_DAY] == f"{row['event_time']:%Y-%m-%d}"
    names = [n for n in sorted(rows[0]) if n != EVENT_DAY] if rows else []
    return sorted((tuple(row[n] for n in names) for row in rows), key=_order)


def _order(row: tuple[object, ...]) -> list[str]:
    return [f"{v:%Y-%m-%dT%H}" if isinstance(v, datetime) else str(v) for v in row]


def expected_rows(versions: list[Version]) -> list[tuple[object, ...]]:
    """The table of transactions by its definition: a dictionary of versions by known time."""
    held: dict[int, dict[int, Version]] = {}
    for version in versions:
        held.setdefault(version.number, {})[version.known] = version
    rows = []
    for own in held.values():
        times = sorted(own)
        first = next((t for t in times if not own[t].withdrawn), None)
        for at, time in enumerate(times):
            v = own[time]
            later = hours(times[at + 1]) if at + 1 < len(times) else None
            until = hours(time) if v.withdrawn else later
            rows.append((
                v.amount, v.customer, hours(v.event), time == first, hours(time), until,
                hours(time), v.number,
            ))  # fmt: skip
    return sorted(rows, key=_order)


def label_as_of(labels: list[dict[str, object]], number: int, time: datetime) -> object:
    known = [r for r in labels if r["transaction_id"] == number and r["known_time"] < time]
    return max(known, key=lambda r: r["known_time"])["is_fraud"] if known else None


def expected_label(versions: list[Version], number: int, time: datetime) -> object:
    """What the newest version says of which the label counts by then."""
    said = [
        v for v in {(v.number, v.known): v for v in versions}.values()
        if v.number == number and max(hours(v.event) + DELAY, hours(v.known)) < time
    ]  # fmt: skip
    if not said:
        return None
    newest = max(said, key=lambda v: v.known)
    return None if newest.withdrawn else newest.fraud


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """Versions with known times of their own, no two with the same."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        times = draw(st.lists(st.integers(0, 90), min_size=1, max_size=4, unique=True))
        for known in times:
            found.append(Version(
                number, max(0, known - draw(st.integers(0, 60))), known,
                draw(st.sampled_from([1.0, 2.0])), draw(st.integers(0, 1)),
                draw(st.sampled_from([0, 1, None])), draw(st.integers(0, 5)) == 0,
            ))  # fmt: skip
    return found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_deliveries_in_any_order_and_division_give_the_same_lake(data: st.DataObject) -> None:
    versions = data.draw(histories())
    order = data.draw(st.permutations(versions))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(order) - 1)), max_size=3)))
    again = data.draw(st.lists(st.sampled_from(versions), max_size=3, unique=True))
    pieces = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    pieces = [piece for piece in [*pieces, again] if piece]
    limit = data.draw(st.sampled_from([1, 10**9]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = load(folder)
        lake = Lake(f"{name}/lake", spec="cards")
        for piece in pieces:
            file(spec, lake, piece, folder=folder, limit=limit)
        assert content(lake, "transactions") == expected_rows(versions)
        at = lake.latest("labels")
        assert at is not None
        labels = lake.read(at).to_pylist()
        for number in {v.number for v in versions}:
            for hour in range(0, 200, 7):
                assert label_as_of(labels, number, hours(hour)) == expected_label(
                    versions, number, hours(hour)
                )
        before = lake.latest("transactions"), lake.latest("labels")
        file(spec, lake, versions, folder=folder)
        assert (lake.latest("transactions"), lake.latest("labels")) == before


def deliver(folder: Path, *deliveries: tuple[datetime, list[Version]]) -> Lake:
    """File deliveries of a source without known times; each with the time of its arrival."""
    spec = load(folder, known="")
    lake = Lake(str(folder / "lake"), spec="cards")
    since: datetime | None = None
    for arrival, versions in deliveries:
        file(spec, lake, versions, folder=folder, arrival=arrival, since=since)
        since = arrival
    return lake


def test_without_known_times_a_changed_row_is_known_at_the_arrival_of_its_file(
    tmp_path: Path,
) -> None:
    first = [Version(1, 10, 10, 5.0, 0, 0), Version(2, 12, 12, 6.0, 0, 0)]
    second = [replace(first[0], amount=7.0), first[1]]
    lake = deliver(tmp_path, (hours(20), first), (hours(40), second), (hours(60), second))
    at = lake.latest("transactions")
    assert at is not None
    rows = lake.read(at).to_pylist()
    assert [(r["transaction_id"], r["amount"], r["known_time"], r["replaced_time"], r["is_first"])
            for r in rows] == [
        (1, 5.0, hours(10), hours(40), True),
        (1, 7.0, hours(40), None, False),
        (2, 6.0, hours(12), None, True),
    ]  # fmt: skip


def test_without_known_times_a_row_that_came_late_is_known_at_its_arrival(tmp_path: Path) -> None:
    late, on_time = Version(2, 12, 12, 6.0, 0, 0), Version(3, 25, 25, 6.0, 0, 0)
    lake = deliver(
        tmp_path, (hours(20), [Version(1, 10, 10, 5.0, 0, 0)]), (hours(40), [late, on_time])
    )
    at = lake.latest("transactions")
    assert at is not None
    known = {r["transaction_id"]: r["known_time"] for r in lake.read(at).to_pylist()}
    assert known == {1: hours(10), 2: hours(40), 3: hours(25)}


def test_a_label_may_come_change_and_be_withdrawn_again(tmp_path: Path) -> None:
    """Its row is the same all the time, and counts from the delay on at the earliest."""
    said = [None, 1, 0, None, None, 1]
    row = Version(1, 0, 0, 5.0, 0, None)
    arrivals = [hours(10 + 20 * number) for number in range(len(said))]
    for known in ("", 'known_time = "known"'):
        folder = tmp_path / str(len(known))
        folder.mkdir()
        spec = load(folder, known=known)
        lake = Lake(str(folder / "lake"), spec="cards")
        for arrival, fraud in zip(arrivals, said, strict=True):
            file(spec, lake, [replace(row, fraud=fraud)], folder=folder, arrival=arrival)
        at, rows = lake.latest("labels"), lake.latest("transactions")
        assert at is not None
        assert rows is not None
        assert [(r["known_time"], r["is_fraud"]) for r in lake.read(at).to_pylist()] == [
            (hours(30), 1),  # known at 10 that nothing is known, at 30 that it is a fraud
            (hours(50), 0),
            (hours(70), None),
            (hours(110), 1),
        ]
        assert lake.row_count(rows) == 1


def test_a_correction_that_moves_a_row_to_another_day_takes_its_label_with_it_only_if_it_is_first(
    tmp_path: Path,
) -> None:
    spec = load(tmp_path)
    lake = Lake(str(tmp_path / "lake"), spec="cards")
    second, first = Version(1, 50, 60, 5.0, 0, 1), Version(1, 3, 40, 5.0, 0, 0)
    file(spec, lake, [second], folder=tmp_path)
    at = lake.latest("labels")
    assert at is not None
    assert [(r["event_day"], r["is_fraud"]) for r in lake.read(at).to_pylist()] == [
        ("2025-01-03", 1)
    ]
    file(spec, lake, [first], folder=tmp_path)
    at, rows = lake.latest("labels"), lake.latest("transactions")
    assert at is not None
    assert rows is not None
    labels = lake.read(at).to_pylist()
    assert [(r["event_day"], r["known_time"], r["is_fraud"]) for r in labels] == [
        ("2025-01-01", hours(40), 0), ("2025-01-01", hours(80), 1),
    ]  # fmt: skip
    assert [(r["event_day"], r["is_first"]) for r in lake.read(rows).to_pylist()] == [
        ("2025-01-01", True), ("2025-01-03", False),
    ]  # fmt: skip


def test_a_restatement_replaces_all_versions_as_if_they_had_never_been(tmp_path: Path) -> None:
    spec = load(tmp_path)
    lake = Lake(str(tmp_path / "lake"), spec="cards")
    wrong = [Version(1, 10, 10, 5.0, 0, 1), Version(1, 10, 40, 6.0, 0, 1)]
    file(spec, lake, [*wrong, Version(2, 11, 11, 1.0, 0, 0)], folder=tmp_path)
    right = Version(1, 8, 8, 50.0, 3, 0)
    file(spec, lake, [right], folder=tmp_path, restated=True)
    assert content(lake, "transactions") == expected_rows([right, Version(2, 11, 11, 1.0, 0, 0)])
    at = lake.latest("labels")
    assert at is not None
    assert [(r["transaction_id"], r["known_time"], r["is_fraud"])
            for r in lake.read(at).to_pylist()] == [
        (1, hours(38), 0), (2, hours(41), 0),
    ]  # fmt: skip
