"""Suites on profiles: every fault that a fraud team would look for, and what the message says."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from expectations.contract import Column, InputError
from expectations.policy import Contract
from expectations.results import Validated
from expectations.run import validate_profile
from tests.expectations.tables import (
    DAYS,
    IDS,
    ROWS,
    START,
    TRANSACTIONS,
    Change,
    days,
    nothing,
    profile,
)


def check(change: Change = nothing, **contract: object) -> Validated:
    from expectations.suites import build_transaction_suite

    suite = build_transaction_suite(TRANSACTIONS, Contract(**contract))
    found = profile(TRANSACTIONS, days(change)).finish(last="2025-02-09")
    return validate_profile(found, suite, table="transactions@v1")


def test_days_in_order_meet_every_expectation() -> None:
    found = check()
    assert (found.rows, found.findings) == (DAYS * ROWS, ())
    found.refuse_critical()


def set_value(column: str, value: object, *, day: int = 39, row: int = 3) -> Change:
    def change(columns: dict[str, list[object]], at: int) -> None:
        if at == day:
            columns[column][row] = value

    return change


def on_day(day: int, alter: Callable[[dict[str, list[object]]], None]) -> Change:
    return lambda columns, at: alter(columns) if at == day else None


def shift(columns: dict[str, list[object]], hours: int) -> None:
    """Put a day's rows, which come in the morning, at other hours."""
    for name in ("event_time", "known_time"):
        columns[name] = [t + timedelta(hours=hours) for t in columns[name]]


def morning(columns: dict[str, list[object]], day: int) -> None:
    """Let all rows of a day happen in five hours of the morning, most at ten."""
    at = [int(h) for h in np.repeat([8, 9, 10, 11, 12], [6, 12, 24, 12, 6])]
    times = [START + timedelta(days=day, hours=h, minutes=n % 60) for n, h in enumerate(at)]
    columns["event_time"], columns["known_time"] = list(times), list(times)


def thin(columns: dict[str, list[object]], keep: int) -> None:
    for name, values in columns.items():
        columns[name] = values[:keep]


def multiply(columns: dict[str, list[object]], by: float) -> None:
    columns["amount"] = [by * v for v in columns["amount"]]


STOPPED = {
    "repeated id": (set_value("transaction_id", 7), "no transaction stands twice", "[7]"),
    "null entity": (set_value("customer_id", None), "customer_id is never missing", "[2343]"),
    "NaN amount": (set_value("amount", float("nan")), "amount is never missing", "2025-02-09"),
    "negative": (set_value("amount", -1.0), "amount is between 0 and 1e+07", "[2343]"),
    "other day": (
        set_value("event_time", START),
        "event times lie in the day of their part",
        "1 on 2025-02-09",
    ),
    "future": (
        set_value("event_time", START + timedelta(days=DAYS)),
        "no event lies after the knowledge time",
        "[2343]",
    ),
    "known early": (set_value("known_time", START), "nothing is known before it", "[2343]"),
    "few rows": (on_day(38, lambda c: thin(c, 5)), "the number of rows follows", "5 on 2025-02-08"),
    "no rows": (on_day(38, lambda c: thin(c, 0)), "every day has its rows", "0 on 2025-02-08"),
}


@pytest.mark.parametrize(("change", "said", "seen"), STOPPED.values(), ids=STOPPED)
def test_a_fault_stops_with_table_day_expectation_and_keys(
    change: Change, said: str, seen: str
) -> None:
    found = check(change)
    with pytest.raises(InputError, match=r"transactions@v1 does not meet its contract") as caught:
        found.refuse_critical()
    (line,) = [x for x in str(caught.value).splitlines() if said in x]
    assert line.startswith("  - critical: ")
    assert seen in line


WARNED = {
    "mean": (on_day(39, lambda c: multiply(c, 3.0)), "the mean of amount follows", "2025-02-09"),
    "unseen": (
        on_day(39, lambda c: c.update(channel=["crypto"] * 6 + ["web"] * 54)),
        "at most 5% of a day's channel",
        "0.1 on 2025-02-09",
    ),
    "nulls": (
        on_day(39, lambda c: c.update(channel=[None] * 30 + ["web"] * 30)),
        "the share of rows without channel follows",
        "0.5 on 2025-02-09",
    ),
}


@pytest.mark.parametrize(("change", "said", "seen"), WARNED.values(), ids=WARNED)
def test_drift_warns_and_lets_the_run_pass(change: Change, said: str, seen: str) -> None:
    found = check(change)
    found.refuse_critical()
    assert [finding.severity for finding in found.findings] == ["warning"]
    assert said in found.findings[0].text
    assert seen in found.findings[0].text


@pytest.mark.parametrize(("hours", "severity"), [(2, "critical"), (-5, "critical"), (1, "warning")])
def test_a_shifted_clock_is_named_as_such(hours: int, severity: str) -> None:
    def change(columns: dict[str, list[object]], day: int) -> None:
        morning(columns, day)
        if day == DAYS - 1:
            shift(columns, hours)

    found = check(change)
    assert severity in {finding.severity for finding in found.findings}
    said = "a shift of whole hours is a time zone mistake"
    if severity == "warning":
        said = "one hour may be daylight saving time"
    assert any(
        said in f.text and f"got {hours} on 2025-02-09" in f.text and f.severity == severity
        for f in found.findings
    )


def test_a_fault_of_long_ago_does_not_stop_tonight() -> None:
    found = check(on_day(20, lambda c: thin(c, 5)))
    assert found.findings == ()


def test_data_that_ended_days_ago_are_stale() -> None:
    assert check(freshness="2d").findings == ()
    from expectations.suites import build_transaction_suite

    suite = build_transaction_suite(TRANSACTIONS, Contract(freshness="2d"))
    profiler = profile(TRANSACTIONS, days()[:-4] + [pa.table({})] * 4)
    found = validate_profile(profiler.finish(last="2025-02-09"), suite, table="transactions@v1")
    assert any("the latest day is at most 2d old" in finding.text for finding in found.findings)


def test_a_column_without_values_warns_and_lets_the_run_pass() -> None:
    from expectations.suites import build_feature_suite, build_transaction_suite

    since = Column(name="since", kind="number", minimum=0)
    columns = (*IDS, since)
    found = profile(columns, days(lambda c, _: c.update(since=[float("nan")] * ROWS))).finish()
    judged = validate_profile(found, build_feature_suite(columns, Contract()), table="features")
    judged.refuse_critical()
    assert [f.text[:33] for f in judged.findings] == ["since is not the same everywhere "]
    one = profile(TRANSACTIONS, days()[-1:]).finish()  # no day before it
    suite = build_transaction_suite(TRANSACTIONS, Contract())
    assert validate_profile(one, suite, table="transactions@v1").findings == ()


def test_severities_change_what_a_range_does() -> None:
    found = check(set_value("amount", 2e7), severities={"amount_above_maximum": "warn"})
    found.refuse_critical()
    assert any("amount is between" in finding.text for finding in found.findings)


def test_an_empty_table_is_refused_although_great_expectations_passes_it() -> None:
    from expectations.suites import build_transaction_suite

    suite = build_transaction_suite(TRANSACTIONS, Contract())
    with pytest.raises(InputError, match="has no rows to validate"):
        validate_profile(profile(TRANSACTIONS, []).finish(), suite, table="transactions@v1")


def test_data_docs_show_what_each_expectation_means(tmp_path: Path) -> None:
    from expectations.suites import build_transaction_suite

    suite = build_transaction_suite(TRANSACTIONS, Contract())
    found = profile(TRANSACTIONS, days(set_value("amount", -1.0))).finish()
    judged = validate_profile(found, suite, table="transactions@v1", docs=tmp_path / "docs")
    assert judged.docs is not None
    assert judged.docs.endswith("docs/index.html")
    pages = [p.read_text() for p in (tmp_path / "docs/validations").rglob("*.html")]
    assert any("amount is between 0 and 1e+07" in page for page in pages)
