"""States of labels, withdrawn transactions, and deliveries that hold everything."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.config.spec import ModelSpec, load_spec
from pipelines.ingestion.ingest import ingest_delivery
from pipelines.ingestion.ingested import Ingested
from pipelines.ingestion.quarantine_replay import replay_rows
from pipelines.lake.tables import Lake

SPEC = """
[source]
format = "csv"
path = "{folder}/rows.csv"
{source}
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amount"
[source.entities]
customer_id = "customer"
[labels]
{labels}
maturity = "7d"
[contract]
max_quarantined_share = 0.9
{contract}
"""
REPORTS = """
path = "{folder}/reports.csv"
transaction_id = "id"
known_time = "reported"
"""
START = datetime(2025, 1, 1, tzinfo=UTC)


class Bank:
    """A folder with transactions, reports, their spec and lake."""

    def __init__(
        self,
        folder: Path,
        *,
        source: str = "",
        labels: str = REPORTS,
        contract: str = "max_absent_share = 0.5",
    ) -> None:
        self._contract = contract
        self.folder = folder
        self.spec = self.declare(source, labels)
        self.lake = Lake(str(folder / "lake"), spec="bank")
        self._clock = START + timedelta(days=20)

    def declare(self, source: str, labels: str) -> ModelSpec:
        labels = labels.replace("{folder}", str(self.folder))
        text = SPEC.format(
            folder=self.folder, source=source, labels=labels, contract=self._contract
        )
        (self.folder / "bank.toml").write_text(text)
        self.spec = load_spec(str(self.folder / "bank.toml"))
        return self.spec

    def deliver(self, rows: list[str], reports: list[str] | None = None, *, day: int) -> Ingested:
        """Write the files as of a day, and ingest them."""
        self._write("rows.csv", rows, day)
        if reports is not None:
            self._write("reports.csv", reports, day)
        return ingest_delivery(self.spec, self.lake)

    def rows(self, table: str) -> list[dict[str, object]]:
        at = self.lake.latest(table)
        return [] if at is None else self.lake.read(at).to_pylist()

    def labels(self) -> list[tuple[object, ...]]:
        return [
            (r["transaction_id"], r["known_time"], r["is_fraud"], r["state"])
            for r in self.rows("labels")
        ]

    def _write(self, name: str, lines: list[str], day: int) -> None:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        moment = at(day).timestamp()
        os.utime(path, (moment, moment))


def at(day: int) -> datetime:
    return START + timedelta(days=day - 1)


ROWS = [
    "id,at,amount,customer",
    *(f"T{n},2025-01-0{n}T00:00:00,10.0,K{n % 2}" for n in range(1, 5)),
]
HEAD = "id,reported,status"
STATES = (
    REPORTS
    + 'state = "status"\nstates = { reported = "fraud", confirmed = "fraud", '
    + 'reversed = "legitimate", withdrawn = "unknown" }'
)


def test_the_states_of_reports_say_what_the_spec_says(tmp_path: Path) -> None:
    bank = Bank(tmp_path, labels=STATES)
    done = bank.deliver(
        ROWS,
        [
            HEAD, "T1,2025-01-05,reported", "T1,2025-01-09,reversed", "T2,2025-01-05,reported",
            "T2,2025-01-08,withdrawn", "T3,2025-01-06,confirmed", "T4,2025-01-07,odd",
        ],
        day=20,
    )  # fmt: skip
    assert bank.labels() == [
        ("T1", at(5), 1, "reported"), ("T1", at(9), 0, "reversed"), ("T2", at(5), 1, "reported"),
        ("T2", at(8), None, "withdrawn"), ("T3", at(6), 1, "confirmed"),
    ]  # fmt: skip
    assert done.rules == {"label_state_unknown": 1}
    bank.declare("", STATES.replace('reversed = "', 'odd = "fraud", reversed = "'))
    replay_rows(bank.spec, bank.lake)
    assert ("T4", at(7), 1, "odd") in bank.labels()
    assert bank.rows("quarantine") == []


def test_a_report_that_changes_its_state_under_one_time_is_known_at_its_arrival(
    tmp_path: Path,
) -> None:
    bank = Bank(tmp_path, labels=STATES)
    bank.deliver(ROWS, [HEAD, "T1,2025-01-05,reported"], day=20)
    bank.deliver(ROWS, [HEAD, "T1,2025-01-05,reversed"], day=25)
    bank.deliver(ROWS, [HEAD, "T1,2025-01-05,reported"], day=30)
    assert bank.labels() == [
        ("T1", at(5), 1, "reported"), ("T1", at(25), 0, "reversed"), ("T1", at(30), 1, "reported"),
    ]  # fmt: skip


def test_a_label_column_may_hold_states(tmp_path: Path) -> None:
    labels = 'column = "status"\ndelay = "2d"\nstates = { cb = "fraud", ok = "legitimate" }'
    bank = Bank(tmp_path, labels=labels)
    words = ["cb", "ok", "", "odd"]
    done = bank.deliver(
        ["id,at,amount,customer,status",
         *(f"{row},{word}" for row, word in zip(ROWS[1:], words, strict=True))],
        day=20,
    )  # fmt: skip
    assert bank.labels() == [
        ("T1", at(3), 1, "cb"), ("T2", at(4), 0, "ok"), ("T3", at(5), None, None),
    ]  # fmt: skip
    assert (done.kept, done.rules) == (3, {"label_state_unknown": 1})
    bank.declare("", labels.replace('ok = "', 'odd = "fraud", ok = "'))
    replay_rows(bank.spec, bank.lake)
    assert bank.labels()[-1] == ("T4", at(6), 1, "odd")


def test_a_report_that_a_full_file_leaves_out_is_withdrawn_until_it_comes_again(
    tmp_path: Path,
) -> None:
    bank = Bank(tmp_path, labels=REPORTS + "is_full = true")
    head = "id,reported"
    bank.deliver(ROWS, [head, "T1,2025-01-05", "T2,2025-01-06"], day=20)
    bank.deliver(ROWS, [head, "T2,2025-01-06"], day=25)
    bank.deliver(ROWS, [head, "T2,2025-01-06"], day=26)
    bank.deliver(ROWS, [head, "T1,2025-01-05", "T2,2025-01-06"], day=30)
    assert bank.labels() == [
        ("T1", at(5), 1, None), ("T1", at(25), None, "absent"), ("T1", at(30), 1, None),
        ("T2", at(6), 1, None),
    ]  # fmt: skip


def test_a_withdrawn_transaction_holds_until_that_is_known_and_has_no_label(
    tmp_path: Path,
) -> None:
    bank = Bank(tmp_path, source='withdrawn = { column = "status", values = ["void"] }')
    head = "id,at,amount,customer,status"
    rows = [head, *(f"{row},ok" for row in ROWS[1:])]
    reports = ["id,reported", "T1,2025-01-05"]
    bank.deliver(rows, reports, day=20)
    bank.deliver([head, f"{ROWS[1]},void", *rows[2:]], reports, day=25)
    own = [r for r in bank.rows("transactions") if r["transaction_id"] == "T1"]
    assert [(r["known_time"], r["replaced_time"], r["is_first"]) for r in own] == [
        (at(1), at(25), True), (at(25), at(25), False),
    ]  # fmt: skip
    assert bank.labels() == [("T1", at(5), 1, None), ("T1", at(25), None, None)]


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_transaction_that_a_full_file_leaves_out_is_withdrawn(
    tmp_path: Path, *, is_moved: bool
) -> None:
    bank = Bank(tmp_path, source="is_full = true")
    reports = ["id,reported"]
    bank.deliver(ROWS, reports, day=20)
    moved = [row.replace("T4,2025-01-04", "T4,2025-01-03") for row in ROWS]
    if is_moved:
        bank.deliver(moved, reports, day=22)
    bank.deliver([row for row in moved if not row.startswith("T4")], reports, day=25)
    own = sorted(
        ((r["known_time"], r["replaced_time"], r["is_first"])
         for r in bank.rows("transactions") if r["transaction_id"] == "T4"),
        key=lambda row: row[0],
    )  # fmt: skip
    between = [(at(22), at(25), False)] if is_moved else []
    first = (at(4), at(22 if is_moved else 25), True)
    assert own == [first, *between, (at(25), at(25), False)]
    bank.deliver(moved, reports, day=30)
    own = [r for r in bank.rows("transactions") if r["transaction_id"] == "T4"]
    assert (at(30), None) in [(r["known_time"], r["replaced_time"]) for r in own]
    assert len(bank.rows("transactions")) == 3 + len(own)


def test_states_without_a_meaning_or_a_column_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"labels.states: missing"):
        Bank(tmp_path, labels=REPORTS + 'state = "status"')
    with pytest.raises(ProblemsError, match=r"labels.is_full: is for reports"):
        Bank(tmp_path, labels='column = "fraud"\ndelay = "1d"\nis_full = true')


FULL_STATES = STATES + "\nis_full = true"


def test_a_label_falls_back_to_the_report_that_a_full_file_still_holds(tmp_path: Path) -> None:
    """T1's reversal is taken back, T2's report gets another time, T3's is gone."""
    bank = Bank(tmp_path, labels=FULL_STATES)
    first = ["T1,2025-01-05,confirmed", "T1,2025-01-09,reversed", "T2,2025-01-06,reported",
             "T3,2025-01-06,reported", "T4,2025-01-07,reported"]  # fmt: skip
    bank.deliver(ROWS, [HEAD, *first], day=20)
    then = ["T1,2025-01-05,confirmed", "T2,2025-01-07,reported", "T4,2025-01-07,reported"]
    bank.deliver(ROWS, [HEAD, *then], day=25)
    newest = {name: (known, label, state) for name, known, label, state in bank.labels()}
    assert newest == {
        "T1": (at(25), 1, "confirmed"), "T2": (at(7), 1, "reported"),
        "T3": (at(25), None, "absent"), "T4": (at(7), 1, "reported"),
    }  # fmt: skip
    before = bank.labels()
    bank.deliver(ROWS, [HEAD, *then, ""], day=26)
    assert bank.labels() == before


@pytest.mark.parametrize("kept", [2, 0])
def test_a_full_file_that_leaves_out_too_much_changes_nothing(tmp_path: Path, kept: int) -> None:
    bank = Bank(tmp_path, source="is_full = true", labels=REPORTS + "is_full = true", contract="")
    reports = ["id,reported", "T1,2025-01-05", "T2,2025-01-06"]
    bank.deliver(ROWS, reports, day=20)
    before = (bank.rows("transactions"), bank.rows("labels"), bank.rows("manifest"))
    with pytest.raises(InputError, match=rf"{2 - kept // 2} of 2 reports that are filed"):
        bank.deliver(ROWS, reports[: 1 + kept // 2], day=25)
    bank._write("reports.csv", reports, 26)
    with pytest.raises(InputError, match=r"2 of 4 transactions .* raise contract.max_absent_share"):
        bank.deliver(ROWS[:3], day=25)
    assert (bank.rows("transactions"), bank.rows("labels"), bank.rows("manifest")) == before


def test_a_row_that_breaks_a_rule_is_not_left_out_of_a_full_file(tmp_path: Path) -> None:
    bank = Bank(tmp_path, source="is_full = true")
    bank.deliver(ROWS, ["id,reported"], day=20)
    broken = [row.replace("10.0", "-1.0") if row.startswith("T2") else row for row in ROWS]
    assert bank.deliver(broken, day=25).quarantined == 1
    assert [r["replaced_time"] for r in bank.rows("transactions")] == [None] * 4


def test_rows_of_a_file_that_is_gone_from_a_full_source_are_withdrawn(tmp_path: Path) -> None:
    bank = Bank(tmp_path, source="is_full = true")
    bank.spec = load_spec(_as_folder(tmp_path))
    (tmp_path / "rows").mkdir()
    for number in range(1, 5):
        bank._write(f"rows/{number}.csv", [ROWS[0], ROWS[number]], 20)
    bank._write("reports.csv", ["id,reported"], 20)
    ingest_delivery(bank.spec, bank.lake)
    (tmp_path / "rows" / "3.csv").unlink()
    start = datetime.now(UTC)
    ingest_delivery(bank.spec, bank.lake)
    ended = {r["transaction_id"]: r["replaced_time"] for r in bank.rows("transactions")
             if r["is_first"]}  # fmt: skip
    assert [name for name, time in ended.items() if time is not None] == ["T3"]
    assert ended["T3"] >= start
    before = bank.rows("transactions")
    ingest_delivery(bank.spec, bank.lake)
    assert bank.rows("transactions") == before


def _as_folder(folder: Path) -> str:
    path = folder / "bank.toml"
    path.write_text(path.read_text().replace("/rows.csv", "/rows"))
    return str(path)
