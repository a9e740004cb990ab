from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from expectations.contract import Column
from expectations.profile import Profile, Profiler

TIME = pa.timestamp("us", tz="UTC")
COLUMNS = (
    Column(name="transaction_id", kind="key", is_required=True),
    Column(name="event_time", kind="time", is_required=True),
    Column(name="known_time", kind="time", is_required=True),
    Column(name="amount", kind="number", is_required=True, minimum=0, maximum=100),
    Column(name="channel", kind="text"),
    Column(name="chip", kind="text", allowed=("yes", "no")),
)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2025, 1, day, hour, tzinfo=UTC)


def rows(ids: list[int], **changed: list[object]) -> pa.Table:
    count = len(ids)
    times = pa.array(changed.pop("event_time", [at(1)] * count), TIME)
    columns = {
        "transaction_id": pa.array(ids, pa.int64()),
        "event_time": times,
        "known_time": pa.array(changed.pop("known_time", times.to_pylist()), TIME),
        "amount": pa.array(changed.pop("amount", [10.0] * count), pa.float64()),
        "channel": pa.array(changed.pop("channel", ["web"] * count), pa.string()),
        "chip": pa.array(changed.pop("chip", ["yes"] * count), pa.string()),
    }
    return pa.table(columns)


def profile(*days: tuple[str, pa.Table], last: str | None = None) -> Profile:
    profiler = Profiler(COLUMNS, as_of=datetime(2025, 1, 4, tzinfo=UTC), keep=("amount",))
    for day, table in days:
        profiler.add(day, table)
    return profiler.finish(last=last)


def test_numbers_are_measured_without_what_is_missing() -> None:
    found = profile(("2025-01-01", rows([1, 2, 3, 4], amount=[None, np.nan, 2.0, 6.0])))
    day = found.days.to_pylist()[0]
    measured = {k: day[f"amount.{k}"] for k in ("missing", "missing_rate", "min", "max", "mean")}
    assert measured == {"missing": 2, "missing_rate": 0.5, "min": 2, "max": 6, "mean": 4}
    assert (day["rows"], day["age_days"], found.rows) == (4, 3, 4)
    assert found.examples["amount.missing"] == (1, 2)
    assert found.kept is not None
    assert found.kept.column_names == ["amount"]


def test_what_is_out_of_range_is_counted_with_its_ids() -> None:
    found = profile(("2025-01-01", rows([1, 2, 3], amount=[-0.01, 100.0, np.inf])))
    assert found.values("amount.outside").tolist() == [2]
    assert found.examples["amount.outside"] == (1, 3)


def test_only_ten_examples_are_kept_of_all_days() -> None:
    days = [(f"2025-01-0{d}", rows([*range(8 * d, 8 * d + 8)], chip=["?"] * 8)) for d in (1, 2)]
    found = profile(*days)
    assert found.values("chip.not_allowed").tolist() == [8, 8]
    assert found.examples["chip.not_allowed"] == tuple(range(8, 18))


def test_an_id_is_repeated_whatever_its_day() -> None:
    found = profile(
        ("2025-01-01", rows([1, 2, 2])),
        ("2025-01-02", rows([3, 1], event_time=[at(2)] * 2)),
    )
    assert found.values("transaction_id.repeated").tolist() == [1, 1]
    assert found.examples["transaction_id.repeated"] == (2, 1)


def test_clocks() -> None:
    times = [at(1), at(2), at(1), at(4)]
    known = [at(1, 13), at(2), at(1, 11), at(4)]
    found = profile(("2025-01-01", rows([1, 2, 3, 4], event_time=times, known_time=known)))
    day = found.days.to_pylist()[0]
    assert day["event_time.outside_day"] == 2
    assert day["event_time.after"] == 1
    assert day["known_time.before_event"] == 1
    assert day["known_time.delay_days"] == 0


def test_the_rate_of_values_that_no_day_before_had() -> None:
    found = profile(
        ("2025-01-01", rows([1, 2], channel=["web", "pos"])),
        ("2025-01-02", rows([3, 4, 5, 6], channel=["web", "pos", "crypto", None])),
    )
    rates = found.values("channel.unseen_rate")
    assert np.isnan(rates[0])
    assert rates[1] == 0.25


def test_days_without_rows_are_there() -> None:
    found = profile(("2025-01-01", rows([1])), last="2025-01-03")
    assert found.days["event_day"].to_pylist() == ["2025-01-01", "2025-01-02", "2025-01-03"]
    assert found.values("rows").tolist() == [1, 0, 0]
    assert np.isnan(found.values("amount.mean")[1:]).all()


def test_a_column_without_any_value_has_its_measures() -> None:
    nothing = rows([1, 2], amount=[None, None], channel=[None, None])
    found = profile(("2025-01-01", nothing))
    for measure in ("amount.mean", "amount.min", "amount.max", "channel.unseen_rate"):
        assert np.isnan(found.values(measure)).all()


def test_only_a_day_with_rows_is_fresh() -> None:
    found = profile(("2025-01-01", rows([1])), last="2025-01-03")
    assert found.values("age_days")[0] == 3
    assert np.isnan(found.values("age_days")[1:]).all()


def test_a_day_that_is_not_over_has_no_number_of_rows() -> None:
    profiler = Profiler(COLUMNS, as_of=datetime(2025, 1, 2, 6, tzinfo=UTC))
    profiler.add("2025-01-01", rows([1, 2]))
    profiler.add("2025-01-02", rows([3], event_time=[at(2, 5)]))
    found = profiler.finish()
    assert found.values("rows")[0] == 2
    assert np.isnan(found.values("rows")[1])
