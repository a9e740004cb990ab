"""Corrupted deliveries, each with the outcome written next to it.

Every fault is put into a delivery of forty steady days and goes through ingestion and the gate, as
the nightly run would do it. A stop is an `InputError` (exit code 2, one paragraph), never another
exception, and the step that stops leaves every table as it was. What the gate finds was ingested
by the step before: its rows are in order one by one, and a late file may still complete them.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError
from pipelines.config.references import Snapshot
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.validation.validate import validate_snapshot
from tests.faults.cases import CASES, Case
from tests.faults.deliveries import A_DAY, AS_OF, COUNT, KNOWN, steady
from tests.pipelines.banks import Bank


def put(bank: Bank, rows: pa.Table, case: Case) -> None:
    if case.form == "csv":
        pyarrow.csv.write_csv(rows, bank.file, pyarrow.csv.WriteOptions(quoting_style="none"))
    else:
        pq.write_table(rows, bank.file)
    case.harm(bank.file)


def night(bank: Bank, before: dict[str, str] | None = None) -> Ingested:
    """Ingest and validate; whatever `before` held is brought up to what the gate starts from."""
    done = ingest_delivery(bank.spec, bank.lake)
    if before is not None:
        before.clear()
        before.update(bank.state())
    snapshot = Snapshot(done.transactions, done.labels)
    validate_snapshot(bank.toml, AS_OF, snapshot=snapshot)
    return done


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40


def test_the_delivery_without_a_fault_passes_without_a_warning(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bank = Bank(home, known=KNOWN)
    put(bank, steady(), Case())
    assert night(bank).kept == COUNT
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == []


@pytest.mark.parametrize("name", CASES)
def test_a_corrupted_delivery_has_the_outcome_written_next_to_it(
    home: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    case = CASES[name]
    bank = Bank(home, known=KNOWN, contract=case.contract, form=case.form, share=0.05)
    rows = steady()
    bank.file.write_bytes(b"")
    if case.form == "parquet":  # something is there already
        bank.deliver(rows.slice(0, 10 * A_DAY))
    before = bank.state()
    put(bank, case.rows(rows), case)
    if case.stops:
        with pytest.raises(InputError, match=f"(?s){case.stops}"):
            night(bank, before)
        assert bank.state() == before
        return
    done = night(bank)
    assert done.rules == case.rules
    assert done.read == done.kept + done.quarantined
    warned = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert any(case.warns in line for line in warned) if case.warns else warned == []


HOSTILE = [
    "'; DROP TABLE transactions; --",
    "../../../etc/passwd",
    "${OVERNIGHT_HOME}",
    "{{ params }}",
    "<script>alert(1)</script>",
    "a,b\n1,2",
    "\x00null",
    "\u202egnp.exe",
    "e\u0301 and \u00e9",
    "💳💸",
    "x" * 1_000_000,
    "",
    "NULL",
    "nan",
]


def test_hostile_strings_go_through_unchanged(home: Path) -> None:
    bank = Bank(home, known=KNOWN)
    names = [HOSTILE[n % len(HOSTILE)] for n in range(COUNT)]
    rows = steady().slice(0, COUNT)
    short = [name if len(name) < 100 or n < len(HOSTILE) else "x" for n, name in enumerate(names)]
    rows = rows.set_column(4, "cust", pa.array(short, pa.string()))
    put(bank, rows, Case())
    missing = short.count("")  # an empty text is a missing customer
    assert missing > 0
    done = night(bank)
    assert (done.kept, done.rules) == (COUNT - missing, {"customer_id_missing": missing})
    held = {row["transaction_id"]: row["customer_id"] for row in bank.rows()}
    assert held == {number: name for number, name in enumerate(short) if name}
