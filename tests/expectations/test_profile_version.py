"""The metrics of a fixed table: when they change, the number of the profile has to change."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from pydantic import TypeAdapter

from expectations.contract import Column
from expectations.profile import PROFILE_VERSION, Profiler
from expectations.results import Validated

TIME = pa.timestamp("us", tz="UTC")
HINT = "A metric of the profile changed: raise PROFILE_VERSION in expectations/profile/day.py"
COLUMNS = (
    Column(name="transaction_id", kind="key", is_required=True),
    Column(name="event_time", kind="time", is_required=True),
    Column(name="known_time", kind="time", is_required=True),
    Column(name="amount", kind="number", is_required=True, minimum=0, maximum=6),
    Column(name="channel", kind="text"),
    Column(name="chip", kind="text", allowed=("yes", "no")),
)
# Four rows in each hour from 8 to 13; on the last day, three hours later.
FIRST_HOURS = {"2025-01-01": 8, "2025-01-02": 8, "2025-01-03": 11}
PROFILE_2: dict[str, list[object]] = {
    "event_day": ["2025-01-01", "2025-01-02", "2025-01-03"],
    "rows": [24.0, 24.0, 24.0],
    "age_days": [3.0, 2.0, 1.0],
    "transaction_id.missing": [0.0, 0.0, 0.0],
    "transaction_id.present": [24.0] * 3,
    "transaction_id.missing_rate": [0.0, 0.0, 0.0],
    "transaction_id.repeated": [0.0, 1.0, 1.0],
    "event_time.missing": [0.0, 0.0, 0.0],
    "event_time.present": [24.0] * 3,
    "event_time.missing_rate": [0.0, 0.0, 0.0],
    "event_time.outside_day": [0.0, 0.0, 1.0],
    "event_time.after": [0.0, 0.0, 1.0],
    "event_time.clock_shift": [0.0, 0.0, 3.0],
    "known_time.missing": [0.0, 0.0, 0.0],
    "known_time.present": [24.0] * 3,
    "known_time.missing_rate": [0.0, 0.0, 0.0],
    "known_time.before_event": [0.0, 0.0, 0.0],
    # Delays of 0, 6, 12 and 18 hours, as many of each.
    "known_time.delay_days": [0.375, 0.375, 0.375],
    # 0 to 7, three times, without the first two and with a row of -8 on the last day.
    "amount.missing": [2.0, 2.0, 2.0],
    "amount.present": [22.0] * 3,
    "amount.missing_rate": [2 / 24, 2 / 24, 2 / 24],
    "amount.min": [0.0, 0.0, -8.0],
    "amount.max": [7.0, 7.0, 7.0],
    "amount.sum": [83.0, 83.0, 68.0],
    "amount.mean": [83 / 22, 83 / 22, 68 / 22],
    "amount.outside": [3.0, 3.0, 3.0],
    "channel.missing": [1.0, 1.0, 1.0],
    "channel.present": [23.0] * 3,
    "channel.missing_rate": [1 / 24, 1 / 24, 1 / 24],
    "channel.unseen_rate": [None, 0.0, 23 / 24],
    "chip.missing": [0.0, 0.0, 0.0],
    "chip.present": [24.0] * 3,
    "chip.missing_rate": [0.0, 0.0, 0.0],
    "chip.not_allowed": [0.0, 0.0, 24.0],
}


def rows_of(day: str) -> pa.Table:
    """Build 24 rows; each day repeats an id of the day before, and the last has three faults."""
    number = int(day[-1])
    is_last = number == 3
    start = datetime.fromisoformat(f"{day}T00:00Z") + timedelta(hours=FIRST_HOURS[day])
    events = [start + timedelta(hours=i // 4, minutes=i % 4) for i in range(24)]
    amounts: list[float | None] = [None, float("nan"), *(float(i % 8) for i in range(2, 24))]
    if is_last:
        events[23], amounts[23] = datetime(2025, 1, 4, 16, tzinfo=UTC), -8.0
    known = [event + timedelta(hours=6 * (i % 4)) for i, event in enumerate(events)]
    return pa.table(
        {
            "transaction_id": pa.array(range(23 * number, 23 * number + 24), pa.int64()),
            "event_time": pa.array(events, TIME),
            "known_time": pa.array(known, TIME),
            "amount": pa.array(amounts, pa.float64()),
            "channel": pa.array([None, *["app" if is_last else "web"] * 23], pa.string()),
            "chip": pa.array(["?" if is_last else "yes"] * 24, pa.string()),
        }
    )


def test_the_metrics_of_version_2() -> None:
    profiler = Profiler(COLUMNS, as_of=datetime(2025, 1, 4, tzinfo=UTC))
    for day in FIRST_HOURS:
        profiler.add(day, rows_of(day))
    days = profiler.finish().days.to_pydict()
    found = {
        name: [None if value != value else value for value in values]  # noqa: PLR0124 -- NaN
        for name, values in days.items()
    }
    assert found == PROFILE_2, HINT
    assert PROFILE_VERSION == 2, f"{HINT}, and write the new values here"


def test_a_result_of_before_the_number_is_of_version_1() -> None:
    record = b'{"table": "features@v1", "rows": 3, "expectations": 2, "findings": [], "docs": null}'
    assert TypeAdapter(Validated).validate_json(record).profile_version == 1
