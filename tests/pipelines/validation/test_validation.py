"""The gates on a lake: one pass, messages, pages, and a stop that leaves everything as it was."""

import logging
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError
from feature_jobs.io import DataFile
from pipelines.config.installation.settings import load_settings
from pipelines.config.references import Snapshot, TableVersion
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.lake.tables import Lake
from pipelines.validation.validate import validate_scores, validate_snapshot
from tests.handbook import PATH, needs_handbook
from tests.pipelines.banks import Bank, change, delivery

AS_OF = "2025-02-10"
ROWS = 40 * 8  # eight a day
OWN = """
[[contract.expectations]]
name = "expect_column_values_to_be_between"
column = "amount"
max_value = {most}
severity = "{severity}"
"""


def validate(bank: Bank, rows: pa.Table) -> Snapshot:
    done = bank.deliver(rows)
    snapshot = Snapshot(done.transactions, done.labels)
    return validate_snapshot(bank.toml, AS_OF, snapshot=snapshot)


def steady(count: int = ROWS) -> pa.Table:
    return delivery(count, amt=[10.0 + n % 5 for n in range(count)])


def test_a_snapshot_in_order_passes_and_has_its_pages(home: Path) -> None:
    assert str(validate(Bank(home), steady())) == "transactions@v1+labels@v1"
    pages = home / "var/data_docs/cards" / AS_OF
    assert (pages / "transactions/index.html").is_file()
    assert (pages / "labels/index.html").is_file()


def test_a_thin_day_stops_with_its_table_and_day(home: Path) -> None:
    bank = Bank(home, contract="min_rows_per_day = 5")
    rows = steady()
    with pytest.raises(InputError, match="transactions@v1 does not meet its contract") as caught:
        validate(bank, rows.take([n for n in range(ROWS) if not 302 <= n < 309]))
    text = str(caught.value)
    assert "every day has its rows" in text
    assert "2025-02-07" in text or "2025-02-08" in text
    served = f"All results: {load_settings().docs_url}/"
    assert served in text
    address = next(line for line in text.splitlines() if line.startswith(served))
    assert (load_settings().data_docs / address.removeprefix(served)).is_file()


def test_a_day_that_is_missing_at_the_end_stops(home: Path) -> None:
    with pytest.raises(InputError, match=r"every day has its rows .* got 0 on 2025-02-09"):
        validate(Bank(home), steady(ROWS - 8))


@pytest.mark.parametrize(("severity", "stops"), [("stop", True), ("warn", False)])
def test_a_users_own_expectation_is_checked_with_its_severity(
    home: Path, caplog: pytest.LogCaptureFixture, severity: str, *, stops: bool
) -> None:
    caplog.set_level(logging.INFO)
    bank = Bank(home, contract=OWN.format(most=13, severity=severity))
    if stops:
        with pytest.raises(InputError, match="expect_column_values_to_be_between of amount"):
            validate(bank, steady())
    else:
        validate(bank, steady())
        assert "max_value=13" in caplog.text


def test_any_number_of_expectations_reads_each_part_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()
    original, whole = Lake.read_part, Lake.read

    def counted(lake: Lake, table: str, part: DataFile, **given: Any) -> pa.Table:
        reads[f"{table}/{part.path}"] += 1
        return original(lake, table, part, **given)

    def only_profiles(lake: Lake, at: TableVersion, **given: Any) -> pa.Table:
        assert at.name == "profiles", "a second scan"
        return whole(lake, at, **given)

    monkeypatch.setattr(Lake, "read_part", counted)
    monkeypatch.setattr(Lake, "read", only_profiles)
    few = Bank(home)
    done = few.deliver(steady())
    snapshot = Snapshot(done.transactions, done.labels)
    spec = few.toml
    validate_snapshot(spec, AS_OF, snapshot=snapshot)
    assert set(reads.values()) == {1}
    parts = few.lake.parts(done.transactions) + few.lake.parts(done.labels)
    assert len(reads) == len(parts) == 80
    reads.clear()
    few.declare("".join(OWN.format(most=99 + n, severity="stop") for n in range(50)))
    validate_snapshot(spec, AS_OF, snapshot=snapshot)
    assert set(reads.values()) == {1}
    # Labels known after 2025-02-10 are of seven days; declared expectations see 35 days.
    assert Counter(path.partition("/")[0] for path in reads) == {"transactions": 35, "labels": 7}


def test_a_snapshot_without_rows_is_refused(home: Path) -> None:
    bank = Bank(home)
    done = bank.deliver(steady())
    snapshot = Snapshot(done.transactions, done.labels)
    with pytest.raises(InputError, match="holds no transaction known before 2024-01-01"):
        validate_snapshot(bank.toml, "2024-01-01", snapshot=snapshot)


def handbook(folder: Path, rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    path = folder / "transactions.parquet"
    pq.write_table(rows, path)
    monkeypatch.setenv("OVERNIGHT_HANDBOOK", str(path))
    return load_spec("handbook")


HANDBOOK_AS_OF = "2018-06-10"
FIRST, LAST = (datetime(2018, m, d, tzinfo=UTC).replace(tzinfo=None) for m, d in ((4, 1), (6, 10)))


@needs_handbook
def test_the_handbooks_data_pass_as_they_are(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.ingestion.ingest import ingest_source

    caplog.set_level(logging.WARNING)
    handbook(home, pq.read_table(PATH), monkeypatch)
    snapshot = ingest_source("handbook", "2018-10-01")
    assert validate_snapshot("handbook", "2018-10-01", snapshot=snapshot) == snapshot
    assert [r.getMessage() for r in caplog.records if r.name.startswith("pipelines")] == []


@needs_handbook
def test_planted_faults_are_reported_and_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four rows that break a rule, a thin day, and a day whose amounts are in cents."""
    import pyarrow.compute as pc

    from pipelines.ingestion.ingest import ingest_delivery

    time = pc.field("TX_DATETIME")
    rows = pq.read_table(PATH, filters=(time >= FIRST) & (time < LAST))
    rows = change(
        rows,
        TX_AMOUNT={5: -1.0, 6: None},
        CUSTOMER_ID={7: None},
        TRANSACTION_ID={9: rows["TRANSACTION_ID"][8].as_py()},
    )
    day = pc.strftime(rows["TX_DATETIME"], format="%Y-%m-%d").to_pylist()
    thin = {n for n, d in enumerate(day) if d == "2018-06-08" and n % 5}
    cents = [
        v * 100 if d == "2018-06-09" else v
        for v, d in zip(rows["TX_AMOUNT"].to_pylist(), day, strict=True)
    ]
    place = rows.schema.get_field_index("TX_AMOUNT")
    rows = rows.set_column(place, "TX_AMOUNT", pa.array(cents, pa.float64()))
    rows = rows.take([n for n in range(rows.num_rows) if n not in thin])
    spec = handbook(home, rows, monkeypatch)
    lake = Lake(str(home / "lake"), spec="handbook")
    done = ingest_delivery(spec, lake)
    assert done.rules == {
        "amount_below_minimum": 1,
        "amount_missing": 1,
        "customer_id_missing": 1,
        "transaction_id_repeated": 1,
    }
    assert done.read == done.kept + done.quarantined == rows.num_rows
    before = {t: lake.content_hash(t) for t in (done.transactions, done.labels)}
    with pytest.raises(InputError) as caught:
        validate_snapshot(
            "handbook", HANDBOOK_AS_OF, snapshot=Snapshot(done.transactions, done.labels)
        )
    lines = [line for line in str(caught.value).splitlines() if line.startswith("  - ")]
    assert len(lines) == 2
    assert lines[0].startswith("  - critical: the number of rows follows the 28 days before")
    assert "on 2018-06-08" in lines[0]
    assert lines[1].startswith("  - warning: the mean of amount follows the 28 days before")
    assert "on 2018-06-09" in lines[1]
    assert {t: lake.content_hash(t) for t in before} == before


def test_captured_scores_have_a_gate(home: Path) -> None:
    bank = Bank(home)
    done = bank.deliver(steady())
    rows = bank.lake.read(done.transactions)
    same = pa.array([0.1] * rows.num_rows)
    scored = rows.append_column("score", same).append_column("probability", same)
    validate_scores(scored, bank.spec, as_of=AS_OF)
    for name in ("score", "probability"):
        place = scored.schema.get_field_index(name)
        wrong = scored.set_column(place, name, pa.array([1.5] + [0.1] * (rows.num_rows - 1)))
        with pytest.raises(InputError, match=rf"(?s)the scores of cards .* {name} is between 0"):
            validate_scores(wrong, bank.spec, as_of=AS_OF)
