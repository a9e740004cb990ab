"""Reports that stopped and columns that are empty, for two days or for seventeen, on a lake."""

import logging
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.config.installation.settings import load_settings
from pipelines.config.references import Snapshot
from pipelines.features.training_days import label_rows
from pipelines.lake import parse_as_of
from pipelines.validation.validate import validate_snapshot, validate_training_set
from tests.pipelines.banks import TIME, Bank, change, delivery

# Eight transactions a day from 2025-01-01 to 2025-03-25; the labels of 2025-03-18 are mature.
DAYS, AS_OF, MATURE = 84, "2025-03-26", 77
ROWS = 8 * DAYS
EVERY_THIRD = range(0, ROWS, 3)
REAL = """
[[contract.silence.real]]
column = "{column}"
since = {since}
{until}
because = "the source has none"
"""


def real(column: str, since: str, until: str = "") -> str:
    written = f"until = {until}" if until else ""
    return REAL.format(column=column, since=since, until=written)


def reporting(folder: Path, ids: list[int], contract: str = "") -> Bank:
    """A bank whose frauds are reported two days after they happened."""
    at = delivery(ROWS)["at"].to_pylist()
    known = pa.array([at[number] + timedelta(days=2) for number in ids], TIME)
    path = folder / "reports.parquet"
    pq.write_table(pa.table({"tx": pa.array(ids, pa.int64()), "known": known}), path)
    labels = f'path = "{path}"\ntransaction_id = "tx"\nknown_time = "known"'
    return Bank(folder, labels=labels, contract=f"max_fraud_rate = 0.9\n{contract}")


def until_silence(days: int) -> list[int]:
    return [number for number in EVERY_THIRD if number < 8 * (MATURE - days)]


def steady(**changed: list[object]) -> pa.Table:
    return delivery(ROWS, **{"amt": [10.0 + n % 5 for n in range(ROWS)], **changed})


def warnings_of(bank: Bank, caplog: pytest.LogCaptureFixture, rows: pa.Table) -> list[str]:
    done = bank.deliver(rows)
    caplog.clear()
    caplog.set_level(logging.WARNING)
    validate_snapshot(bank.toml, AS_OF, snapshot=Snapshot(done.transactions, done.labels))
    texts = [record.getMessage() for record in caplog.records]
    return [text for text in texts if "go on" in text or "goes on" in text]


def check_training_set(bank: Bank, rows: pa.Table) -> None:
    done, at = bank.deliver(rows), parse_as_of(AS_OF)
    mature = at - bank.spec.labels.maturity
    found = bank.lake.read(
        done.transactions, where=pc.field("event_time") < pa.scalar(mature, TIME)
    )
    labelled = label_rows(found, bank.lake.read(done.labels), spec=bank.spec, as_of=at)
    made = bank.lake.write_days("training_sets", labelled, fingerprint="made")
    validate_training_set(
        bank.spec, bank.lake, bank.lake.parts(made), name="training_sets", as_of=AS_OF,
        settings=load_settings(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "since"), [(8, "2025-03-11"), (17, "2025-03-02"), (40, "2025-02-07")]
)
def test_reports_that_stopped_are_told_for_as_long_as_it_lasts(
    home: Path, caplog: pytest.LogCaptureFixture, days: int, since: str
) -> None:
    (text,) = warnings_of(reporting(home, until_silence(days)), caplog, steady())
    assert text.startswith("warning: frauds go on being reported; deliver what is missing")
    assert f"got 0 in the {days} days from {since} to 2025-03-18, where" in text


def test_reports_that_go_on_are_no_finding(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert warnings_of(reporting(home, list(EVERY_THIRD)), caplog, steady()) == []


@pytest.mark.parametrize("days", [2, 17])
def test_a_column_that_is_empty_is_told_for_as_long_as_it_is(
    home: Path, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    first = 8 * (DAYS - days)
    channel = [None if n >= first else "web" for n in range(ROWS)]
    (text,) = warnings_of(Bank(home), caplog, steady(channel=channel))
    since = f"{(timedelta(DAYS - days) + parse_as_of('2025-01-01')):%F}"
    assert text.startswith("warning: channel goes on being filled")
    assert f"got 0 in the {days} days from {since} to 2025-03-25, where {8 * days}" in text


def test_silence_stops_where_the_contract_says_so(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bank = reporting(home, until_silence(17), '[contract.silence]\nseverity = "stop"')
    with pytest.raises(InputError, match="critical: frauds go on being reported"):
        warnings_of(bank, caplog, steady())


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        (real("is_fraud", "2025-03-02"), 0),
        (real("is_fraud", "2025-03-02", "2025-04-01"), 0),
        (real("is_fraud", "2025-03-02", "2025-03-08"), 1),
        (real("channel", "2025-03-02"), 1),
    ],
)
def test_what_is_stated_to_be_real_is_no_finding(
    home: Path, caplog: pytest.LogCaptureFixture, stated: str, told: int
) -> None:
    bank = reporting(home, until_silence(17), stated)
    assert len(warnings_of(bank, caplog, steady())) == told


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        (range(30, 47), "got 0 in the 17 days from 2025-01-31 to 2025-02-16, where"),
        (range(60, MATURE), "got 0 in the 17 days from 2025-03-02 to 2025-03-18, where"),
    ],
)
def test_days_without_reports_are_not_trained_as_legitimate(
    home: Path, silent: range, said: str
) -> None:
    bank = reporting(home, [number for number in EVERY_THIRD if number // 8 not in silent])
    with pytest.raises(InputError, match="no days are taken as legitimate") as caught:
        check_training_set(bank, steady())
    assert said in str(caught.value)
    assert "state the days in [[contract.silence.real]]" in str(caught.value)


def test_a_silence_that_is_real_is_trained_on(home: Path) -> None:
    reported = [number for number in EVERY_THIRD if number // 8 not in range(30, 47)]
    check_training_set(
        reporting(home, reported, real("is_fraud", "2025-01-31", "2025-02-17")), steady()
    )


def test_a_few_days_without_a_report_are_chance(home: Path) -> None:
    reported = [number for number in EVERY_THIRD if number // 8 not in range(30, 32)]
    check_training_set(reporting(home, reported), steady())


def test_days_whose_labels_are_unknown_are_named(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bank = Bank(home)
    rows = change(steady(), fraud=dict.fromkeys(range(240, 264), None))
    caplog.set_level(logging.WARNING)
    check_training_set(bank, rows)
    (text,) = [
        record.getMessage()
        for record in caplog.records
        if "whose label is known" in record.getMessage()
    ]
    assert "got 0 on 2025-01-31, 0 on 2025-02-01, 0 on 2025-02-02" in text


def test_what_nothing_follows_cannot_be_stated(home: Path) -> None:
    with pytest.raises(
        ProblemsError, match=r"contract.silence.real.0.column: nothing follows 'amt'"
    ):
        Bank(home, contract=real("amt", "2025-03-02"))
    with pytest.raises(ProblemsError, match=r"until: 2025-03-01 is not after since"):
        Bank(home, contract=real("channel", "2025-03-02", "2025-03-01"))
