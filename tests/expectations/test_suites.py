"""Suites on profiles: every fault that a fraud team would look for, and what the message says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from expectations.contract import Column, InputError
from expectations.policy import Contract
from expectations.profile import Profiler
from expectations.results import Validated
from expectations.run import validate_profile

TIME = pa.timestamp("us", tz="UTC")
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS, ROWS = 40, 60
IDS = (
    Column(name="transaction_id", kind="key", is_required=True),
    Column(name="event_time", kind="time", is_required=True),
    Column(name="known_time", kind="time", is_required=True),
)
AMOUNT = Column(name="amount", kind="number", is_required=True, minimum=0, maximum=1e7)
LABEL = Column(name="is_fraud", kind="label", is_required=True, minimum=0, maximum=1)
CHANNEL = Column(name="channel", kind="text")
ENTITY = Column(name="customer_id", kind="key", is_required=True)
TRANSACTIONS = (*IDS, ENTITY, AMOUNT, CHANNEL)

Change = Callable[[dict[str, list[object]], int], None]


def nothing(_columns: dict[str, list[object]], _day: int) -> None:
    """Leave a day as it is."""


def days(change: Change = nothing, *, first: int = 0) -> list[pa.Table]:
    """Forty days of sixty rows; `change` may alter the columns of each."""
    found = []
    for day in range(first, DAYS):
        random = np.random.default_rng(day)
        times = [START + timedelta(days=day, minutes=24 * n + 1) for n in range(ROWS)]
        columns: dict[str, list[object]] = {
            "transaction_id": [day * ROWS + n for n in range(ROWS)],
            "event_time": list(times),
            "known_time": list(times),
            "customer_id": [n % 7 for n in range(ROWS)],
            "amount": random.lognormal(3, 0.2, ROWS).tolist(),
            "channel": ["web", "pos"] * (ROWS // 2),
            "is_fraud": [int(n % 20 == 0) for n in range(ROWS)],
        }
        change(columns, day)
        kinds = {"event_time": TIME, "known_time": TIME, "amount": pa.float64()}
        found.append(pa.table({k: pa.array(v, kinds.get(k)) for k, v in columns.items()}))
    return found


def profile(columns: tuple[Column, ...], tables: list[pa.Table], **more: object) -> Profiler:
    profiler = Profiler(columns, as_of=START + timedelta(days=DAYS), **more)
    for number, table in enumerate(tables, start=DAYS - len(tables)):
        if table.num_rows:
            profiler.add(str((START + timedelta(days=number)).date()), table)
    return profiler


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
    assert any("the newest day is at most 2d old" in finding.text for finding in found.findings)


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


def train(labels: list[object], **contract: float) -> Validated:
    from expectations.suites import build_training_suite

    columns = (*IDS, AMOUNT, LABEL)
    tables = days(lambda c, _: c.update(is_fraud=labels), first=DAYS - 1)
    found = profile(columns, tables).finish()
    suite = build_training_suite(
        columns, Contract(**contract), rows=found.rows, maturity=timedelta(days=7)
    )
    return validate_profile(found, suite, table="the training set")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0] * 60, "at least one row of 60 is a fraud, and at most 20%"),
        ([1] * 60, "at least one row of 60 is a fraud, and at most 20%"),
        ([None, 1] + [0] * 58, "is_fraud is never missing"),
        ([2] + [0] * 59, "is_fraud is between 0 and 1"),
    ],
    ids=["no fraud", "all fraud", "unknown label", "no label"],
)
def test_a_training_set_needs_known_labels_of_both_classes(labels, said: str) -> None:
    with pytest.raises(InputError) as caught:
        train(labels).refuse_critical()
    assert said in str(caught.value)


def test_a_training_set_holds_no_label_that_is_younger_than_its_maturity() -> None:
    from expectations.suites import build_training_suite

    columns = (*IDS, AMOUNT, LABEL)
    mature = START + timedelta(days=DAYS - 7)
    found = profile(columns, days(), happened_before=mature).finish()
    suite = build_training_suite(columns, Contract(), rows=found.rows, maturity=timedelta(days=7))
    judged = validate_profile(found, suite, table="the training set")
    assert [f.severity for f in judged.findings] == ["critical"]
    assert "no label is younger than 7d" in judged.findings[0].text
    assert len(judged.findings[0].days) == 7


def test_features_have_ranges_that_their_aggregates_cannot_leave_and_vary() -> None:
    from expectations.suites import build_feature_suite

    rate = Column(name="rate", kind="number", minimum=0, maximum=1)
    constant = Column(name="constant", kind="count", minimum=0)
    columns = (*IDS, rate, constant)

    def change(c: dict[str, list[object]], day: int) -> None:
        c["rate"] = [0.5 + n / 1000 for n in range(ROWS)]
        c["constant"] = [4] * ROWS
        if day == DAYS - 1:
            c["rate"][0] = 1.5

    found = profile(columns, days(change)).finish()
    judged = validate_profile(found, build_feature_suite(columns, Contract()), table="features")
    texts = [finding.text for finding in judged.findings]
    assert any(t.startswith("rate is between 0 and 1") and "[2340]" in t for t in texts)
    assert any(t.startswith("constant is not the same everywhere") for t in texts)
    assert len(texts) == 2


def test_scores_are_probabilities() -> None:
    from expectations.suites import build_score_suite

    score = Column(name="score", kind="number", is_required=True, minimum=0, maximum=1)
    columns = (*IDS, AMOUNT, score)
    tables = days(lambda c, _: c.update(score=[1.1 if n == 3 else 0.2 for n in range(ROWS)]))
    found = profile(columns, tables[-1:]).finish()
    judged = validate_profile(found, build_score_suite(columns, Contract()), table="scores")
    assert [f.text[:24] for f in judged.findings] == ["score is between 0 and 1"]
    with pytest.raises(InputError, match="score is between 0 and 1"):
        judged.refuse_critical()


def test_data_docs_show_what_each_expectation_means(tmp_path: Path) -> None:
    from expectations.suites import build_transaction_suite

    suite = build_transaction_suite(TRANSACTIONS, Contract())
    found = profile(TRANSACTIONS, days(set_value("amount", -1.0))).finish()
    judged = validate_profile(found, suite, table="transactions@v1", docs=tmp_path / "docs")
    assert judged.docs is not None
    assert judged.docs.endswith("docs/index.html")
    pages = [p.read_text() for p in (tmp_path / "docs/validations").rglob("*.html")]
    assert any("amount is between 0 and 1e+07" in page for page in pages)
