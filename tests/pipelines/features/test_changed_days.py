"""A build computes the days whose features a change of the lake reaches, and no others."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.config.references import Snapshot
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.features.plan import FEATURES, RECORD, FeaturePlan, plan_features
from pipelines.lake.day_files import write_rows
from pipelines.lake.tables import Lake
from tests.pipelines.banks import SPEC
from tests.pipelines.versions import KEPT, History, at, day

# Three days back: two days of a window behind a delay of one.
LOOKBACK = 3
WINDOWS = """
[[features.windows]]
entity = "customer_id"
aggregates = ["count"]
windows = ["2d"]
delay = "1d"
"""
FRAUDS = """
[[features.windows]]
entity = "customer_id"
measure = "is_fraud"
aggregates = ["rate"]
windows = ["2d"]
delay = "1d"
"""
FEATURE_ROWS = pa.schema(
    [
        ("transaction_id", pa.int64()),
        ("event_time", pa.timestamp("us", tz="UTC")),
        ("event_day", pa.string()),
    ]
)


def declare(folder: Path, more: str = WINDOWS + FRAUDS) -> ModelSpec:
    text = SPEC.format(
        file=folder / "none.parquet", form="parquet", known='known_time = "seen"', share=0.5,
        labels='column = "fraud"\ndelay = "7d"', contract=more,
    )  # fmt: skip
    (folder / "cards.toml").write_text(text)
    return load_spec(str(folder / "cards.toml"))


def visible(history: History, name: str) -> Any:
    """All that features of a day can depend on: rows and labels of its lookback as it knew them.

    Labels are those of transactions with a version there, wherever the first one is.
    """
    number = next(n for n in range(400) if day(n) == name)
    end, first = at(number + 1), day(number - LOOKBACK)
    versions = history.versions()
    within = [row for row in versions if first <= row["event_day"] <= name]
    own = [row for row in within if row["event_day"] == name and row["is_first"]]
    own = [{c: row[c] for c in KEPT} for row in own]
    windows = []
    for row in within:
        replaced = row["replaced_time"]
        if row["known_time"] < end and replaced != row["known_time"]:
            held = replaced if replaced is not None and replaced < end else None
            windows.append([row[c] for c in KEPT] + [held])
    held_ids = {
        row["transaction_id"]
        for row in within
        if row["known_time"] < end and row["replaced_time"] != row["known_time"]
    }
    labels = []
    arrival = {row["transaction_id"]: row for row in within if row["is_first"]}
    for label in history.reports():
        is_within = first <= label["event_day"] <= name or label["transaction_id"] in held_ids
        if is_within and label["known_time"] < end:
            labels.append(
                [label["transaction_id"], label["known_time"], label["is_fraud"], None, None]
            )
            row = arrival.get(label["transaction_id"])
            if row is not None and label["known_time"] < row["known_time"]:  # before it arrived
                labels[-1][3:] = [row["event_time"], row["amount"]]
    return own, windows, labels


class Nights:
    """A lake whose features are remembered as the plans of its nights computed them."""

    def __init__(self, folder: Path, more: str = WINDOWS + FRAUDS) -> None:
        self.folder = folder
        self.spec = declare(folder, more)
        self.lake = Lake(str(folder / "lake"), spec="cards")
        self.computed: dict[str, Any] = {}

    def plan(self, history: History) -> FeaturePlan:
        return plan_features(self.spec, self.lake, history.write(self.lake))

    def run(self, history: History) -> list[str]:
        """Plan a night, compute its days, and commit them with the record; return those days."""
        plan = self.plan(history)
        self.carry_out(plan, history)
        return list(plan.days)

    def carry_out(self, plan: FeaturePlan, history: History) -> None:
        for name in plan.days:
            self.computed[name] = visible(history, name)
        for name in plan.gone:
            self.computed.pop(name, None)
        self.computed = {
            name: rows for name, rows in self.computed.items() if name in plan.record.days
        }
        parts = []
        for name in plan.days:
            first = [r for r in history.versions() if r["event_day"] == name and r["is_first"]]
            if first:
                rows = pa.Table.from_pylist(first, FEATURE_ROWS)
                parts.append(write_rows(self.lake.folder(FEATURES), name, rows))
        self.lake.commit(
            FEATURES, parts, schema=FEATURE_ROWS, days={*plan.days, *plan.gone},
            fingerprint=plan.record.to_json(), notes={RECORD: plan.record.to_json()},
        )  # fmt: skip


# Quarters of a day are exact.
MOMENT = st.integers(0, 10 * 4 - 1).map(lambda n: n / 4)
WAIT = st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0, 6.0])
NIGHT = st.integers(0, 3)
ROW = st.tuples(NIGHT, st.integers(0, 2), MOMENT, WAIT, st.sampled_from([1.0, 2.0, None]))
REPORT = st.tuples(NIGHT, st.integers(0, 2), MOMENT, st.sampled_from([0, 1, None]))


@given(rows=st.lists(ROW, min_size=1, max_size=20), reports=st.lists(REPORT, max_size=8))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_day_whose_features_change_is_computed(
    rows: list[Any], reports: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Deliveries in any order: late, earlier known than what is filed, and changed in place."""
    nights = Nights(tmp_path_factory.mktemp("nights"))
    history = History({(99, 0.0): (0.0, 1.0)})
    for night in range(4):
        for when, number, event, wait, amount in rows:
            if when == night:
                history.rows[number, event + wait] = None if amount is None else (event, amount)
        for when, number, known, label in reports:
            if when == night:
                history.labels[number, known] = label
        nights.run(history)
        days = {row["event_day"] for row in history.versions()}
        assert nights.computed == {name: visible(history, name) for name in days}
        assert nights.plan(history).is_done


@pytest.fixture
def history() -> History:
    """Two rows a day for forty days, each known an hour later; every fifth day has a fraud."""
    rows = {(2 * d + n, d + n / 2 + 1 / 24): (d + n / 2, 5.0) for d in range(40) for n in (0, 1)}
    return History(dict(rows), {(10 * d, 5 * d + 2.0): 1 for d in range(7)})


@pytest.fixture
def nights(tmp_path: Path, history: History) -> Nights:
    made = Nights(tmp_path)
    assert made.run(history) == [day(n) for n in range(40)]
    assert made.plan(history).is_done
    return made


def add_day(history: History) -> None:
    history.rows |= {(80 + n, 40 + n / 2 + 1 / 24): (40 + n / 2, 5.0) for n in (0, 1)}


def add_correction_of_a_day_within_the_lookback(history: History) -> None:
    history.rows[2 * 38, 40.2] = (38.0, 6.0)


def add_correction_of_a_day_long_ago(history: History) -> None:
    history.rows[2 * 20, 40.2] = (20.0, 6.0)


def add_correction_that_is_known_since_yesterday(history: History) -> None:
    history.rows[2 * 37, 39.9] = (37.0, 6.0)


def add_correction_to_an_event_time_within_the_lookback(history: History) -> None:
    history.rows[2 * 20, 40.2] = (38.5, 5.0)


def add_correction_to_a_day_long_ago(history: History) -> None:
    history.rows[2 * 37, 39.9] = (20.5, 5.0)


def add_corrections_of_one_day_known_on_two(history: History) -> None:
    history.rows[2 * 37, 40.2] = (37.0, 6.0)
    history.rows[2 * 37 + 1, 38.9] = (37.5, 6.0)


def add_withdrawal(history: History) -> None:
    history.rows[2 * 38, 40.2] = None


def add_reports_of_sixty_days(history: History) -> None:
    history.labels |= {(2 * d, 40.5): 1 for d in range(40)}


def add_withdrawn_label(history: History) -> None:
    history.labels[2 * 35, 40.5] = None
    history.labels[2 * 39, 40.5] = 0


def add_row_that_arrives_ten_days_late(history: History) -> None:
    history.rows[500, 40.3] = (30.2, 5.0)


def add_row_that_arrives_two_days_late(history: History) -> None:
    history.rows[500, 40.3] = (38.2, 5.0)


def change_a_row_in_place(history: History) -> None:
    history.rows[2 * 30, 30 + 1 / 24] = (30.0, 7.0)


def change_a_label_in_place(history: History) -> None:
    history.labels[10 * 5, 5 * 5 + 2.0] = 0


def take_out_a_row(history: History) -> None:
    del history.rows[2 * 30, 30 + 1 / 24]


TODAY = {40}
TYPICAL = {
    add_day: TODAY,
    add_correction_of_a_day_within_the_lookback: TODAY,
    add_correction_of_a_day_long_ago: TODAY,
    add_correction_that_is_known_since_yesterday: {39} | TODAY,
    add_correction_to_an_event_time_within_the_lookback: TODAY,
    add_correction_to_a_day_long_ago: {39} | TODAY,
    add_corrections_of_one_day_known_on_two: {38, 39} | TODAY,
    add_withdrawal: TODAY,
    add_reports_of_sixty_days: TODAY,
    add_withdrawn_label: TODAY,
    add_row_that_arrives_ten_days_late: {30} | TODAY,
    add_row_that_arrives_two_days_late: {38} | TODAY,
    change_a_row_in_place: {30, 31, 32, 33} | TODAY,
    change_a_label_in_place: {25, 26, 27, 28} | TODAY,
    take_out_a_row: {30, 31, 32, 33} | TODAY,
}


@pytest.mark.parametrize("happen", TYPICAL, ids=lambda each: each.__name__)
def test_a_night_computes_the_days_that_it_changes(
    happen: Any, nights: Nights, history: History
) -> None:
    add_day(history)
    happen(history)
    expected = [day(n) for n in sorted(TYPICAL[happen])]
    assert nights.run(history) == expected
    days = {row["event_day"] for row in history.versions()}
    assert nights.computed == {name: visible(history, name) for name in days}


def test_a_correction_that_was_taken_back_counts_from_when_it_was_known(
    nights: Nights, history: History
) -> None:
    add_correction_to_a_day_long_ago(history)
    assert nights.run(history) == [day(39)]
    del history.rows[2 * 37, 39.9]
    assert nights.run(history) == [day(n) for n in (20, 21, 22, 23, 39)]


def test_corrections_of_a_month_compute_the_day_that_they_became_known(
    nights: Nights, history: History
) -> None:
    history.rows |= {(2 * d, 40.2): (float(d), 6.0) for d in range(10, 40)}
    add_day(history)
    plan = nights.plan(history)
    assert plan.days == (day(40),)
    assert plan.describe().splitlines()[0] == (
        f"against {plan.current}: 1 days would be computed whole ({day(40)} to {day(40)})"
    )


def test_labels_change_nothing_where_no_feature_reads_them(
    tmp_path: Path, history: History
) -> None:
    nights = Nights(tmp_path, WINDOWS)
    nights.run(history)
    history.labels |= {(2 * d, 20.5): 1 for d in range(15, 20)}
    assert nights.plan(history).is_done


def test_a_day_without_first_versions_is_computed_once(nights: Nights, history: History) -> None:
    history.rows[0, 45.5] = (45.0, 6.0)
    assert nights.run(history) == [day(45)]
    assert day(45) not in {part.day for part in nights.lake.parts(nights.lake.latest(FEATURES))}
    add_day(history)
    assert nights.run(history) == [day(40)]
    assert nights.plan(history).is_done


def test_the_whole_reach_of_a_day_counts_if_its_earlier_part_is_damaged(
    nights: Nights, history: History
) -> None:
    before = {p.path for p in nights.lake.parts(nights.lake.latest("transactions"))}
    history.rows[2 * 20, 39.9] = (20.0, 6.0)
    snapshot = history.write(nights.lake)
    after = {p.path for p in nights.lake.parts(snapshot.transactions)}
    (superseded,) = before - after
    path = Path(nights.lake.folder("transactions"), superseded)
    path.write_bytes(b"changed")
    plan = plan_features(nights.spec, nights.lake, snapshot)
    assert plan.days == tuple(day(n) for n in (20, 21, 22, 23))
    path.unlink()
    assert plan_features(nights.spec, nights.lake, snapshot).days == plan.days


def test_equal_parts_are_not_read(nights: Nights, history: History) -> None:
    for file in nights.lake.files(nights.lake.latest("transactions")):
        Path(file).write_bytes(b"not to be read")
    add_day(history)
    assert nights.plan(history).days == (day(40),)


def test_a_lake_that_gets_the_columns_of_versions_computes_nothing_again(
    nights: Nights, history: History
) -> None:
    lake, columns = nights.lake, [*KEPT, "event_day"]
    old = lake.read(history.write(lake).transactions, columns=columns)
    days = {part.day for part in lake.parts(lake.latest("transactions"))}
    unversioned = lake.write_days("transactions", old, fingerprint="old", empty_days=days)
    assert "is_first" not in lake.schema(unversioned).names
    labels = lake.latest("labels")
    assert labels is not None
    nights.carry_out(plan_features(nights.spec, lake, Snapshot(unversioned, labels)), history)
    add_day(history)
    assert nights.run(history) == [day(40)]


def test_a_record_of_an_earlier_release_computes_every_day_once(
    nights: Nights, history: History
) -> None:
    earlier = '["0a1b", [3, true], {"count": "2c3d"}, {"2025-01-01": "4e5f"}]'
    nights.lake.commit(
        FEATURES, [], schema=FEATURE_ROWS, days=[], fingerprint="earlier", notes={RECORD: earlier}
    )
    assert nights.run(history) == [day(n) for n in range(40)]
    assert nights.plan(history).is_done


def test_a_table_that_was_begun_anew_is_not_taken_for_the_earlier_one(
    nights: Nights, history: History
) -> None:
    """Version numbers begin again, so the numbers of the record name other rows."""
    Path(nights.lake.folder("transactions")).rename(nights.folder / "away")
    noted = nights.lake.note(nights.lake.latest(FEATURES), RECORD)
    history.rows[3, 0.0] = (0.0, 9.0)
    history.write(nights.lake)
    add_day(history)
    assert noted is not None
    assert "transactions@v1+" in noted
    assert nights.run(history) == [day(n) for n in range(41)]


def test_days_that_were_not_asked_for_keep_what_they_were_computed_from(
    nights: Nights, history: History
) -> None:
    change_a_row_in_place(history)
    add_day(history)
    snapshot = history.write(nights.lake)
    plan = plan_features(nights.spec, nights.lake, snapshot, asked=[day(40)])
    assert plan.days == (day(40),)
    nights.carry_out(plan, history)
    assert nights.run(history) == [day(n) for n in (30, 31, 32, 33)]
