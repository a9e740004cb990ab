"""A night asks a database for what changed since the last one, read-only, over SQLite."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import ProblemsError
from pipelines.config import load_spec
from pipelines.ingestion.readers import open_transactions
from pipelines.ingestion.repair import repair_lake
from pipelines.ingestion.whole_delivery import survey_delivery
from tests.pipelines.ingestion.readers.tables import ROW, SPEC, read_all
from tests.pipelines.ingestion.tables_of_others import QUERY, Database, Nights, Table, hour, rows

WHOLE = QUERY.replace('\nincremental = "changed"', "")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database(tmp_path, monkeypatch)
    for number in (1, 2, 3):
        made.put(number, 10.0 * number, changed=number)
    return made


def problem_of(nights: Nights) -> str:
    with pytest.raises(ProblemsError) as caught:
        nights.read()
    (problem,) = caught.value.problems
    assert nights.lake.latest("manifest") is None
    assert nights.state() == {}
    return problem


@pytest.mark.parametrize("batch", [1, 2, 1_000_000])
def test_the_same_rows_come_as_of_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setenv("OVERNIGHT_CONNECTION_BANK", f"sqlite:///{tmp_path / 'bank.db'}")
    columns = {
        **{name: [value] * 3 for name, value in ROW.items()},
        "tx": ["a", "b", "c"],
        "at": ["2025-01-01", "2025-01-02T03:04:05.678", "2025-01-02 03:04:05+01:00"],
        "amount": [1.25, 0.1, 3.0],
        "channel": ["web", None, "pos"],
        "fraud": [0, None, 1],
    }
    with sqlite3.connect(tmp_path / "bank.db") as open_:
        open_.execute(f"create table cards ({', '.join(columns)})")
        marks = ", ".join("?" * len(columns))
        open_.executemany(
            f"insert into cards values ({marks})", zip(*columns.values(), strict=True)
        )
    open_.close()
    text = SPEC.format(
        form="", path="", source=WHOLE, time='"at"', types="",
        labels='column = "fraud"\ndelay = "3d"',
    ).replace('format = ""\npath = ""\n', "")  # fmt: skip
    (tmp_path / "bank.toml").write_text(text)
    found = read_all(
        open_transactions(load_spec(str(tmp_path / "bank.toml")), filed=None), rows=batch
    )
    assert found["transaction_id"].to_pylist() == ["a", "b", "c"]
    assert found["event_time"].to_pylist() == [
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        datetime(2025, 1, 2, 2, 4, 5, tzinfo=UTC),
    ]
    assert found["amount"].to_pylist() == [1.25, 0.1, 3.0]
    assert found["channel"].to_pylist() == ["web", None, "pos"]
    assert found["is_fraud"].to_pylist() == [0.0, None, 1.0]
    assert found["customer_id"].to_pylist() == ["7"] * 3


def test_an_incremental_query_asks_for_what_changed(tmp_path: Path, database: Database) -> None:
    nights = Nights(tmp_path, QUERY)
    assert nights.read().read == 3
    before = nights.state()
    assert nights.read().read == 1  # the greatest value comes again, and says the same
    assert nights.state() == before
    database.put(1, 11.0, changed=4)
    database.put(4, 40.0, changed=3)  # committed late, beside one that was read
    database.put(5, 50.0, changed=None)
    assert nights.read().read == 4
    assert [nights.versions(n) for n in (1, 2, 3, 4, 5)] == [
        [10.0, 11.0], [20.0], [30.0], [40.0], [50.0],
    ]  # fmt: skip
    assert [row["name"] for row in nights.listed("manifest")] == [
        "bank query up to 3", "bank query up to 4",
    ]  # fmt: skip


def test_an_overlap_asks_for_rows_that_were_committed_late(
    tmp_path: Path, database: Database
) -> None:
    database.put(9, 90.0, changed=100)
    for overlap, expected in (("", []), ("overlap = 50", [40.0])):
        folder = tmp_path / f"with {overlap}"
        folder.mkdir()
        nights = Nights(folder, f"{QUERY}\n{overlap}")
        nights.read()
        database.put(4, 40.0, changed=60)
        nights.read()
        assert nights.versions(4) == expected
        database.run("delete from cards where id = 4")


def test_the_greatest_value_of_a_night_is_not_set_back_by_deleted_rows(
    tmp_path: Path, database: Database
) -> None:
    nights = Nights(tmp_path, QUERY)
    nights.read()
    database.run("delete from cards where id = 3")
    assert nights.read().read == 0
    database.put(4, 40.0, changed=2)
    assert nights.read().read == 0
    database.put(5, 50.0, changed=3)
    assert nights.read().read == 1


def test_texts_of_times_are_asked_for_in_sqlite(tmp_path: Path, database: Database) -> None:
    nights = Nights(tmp_path, QUERY.replace('"changed"', '"at"'))
    nights.read()
    database.put(4, 40.0, changed=1)
    assert nights.read().read == 2
    assert nights.versions(4) == [40.0]


def test_a_query_without_an_incremental_column_is_read_whole(
    tmp_path: Path, database: Database
) -> None:
    nights = Nights(tmp_path, f"{WHOLE}\nis_full = true")
    nights.read()
    before = nights.state()
    assert nights.read().read == 3
    assert nights.state() == before
    database.put(1, 11.0, changed=0)
    database.run("delete from cards where id = 2")
    assert nights.read().read == 2
    assert [nights.versions(n) for n in (1, 2, 3)] == [[10.0, 11.0], [20.0, None], [30.0]]


@pytest.mark.usefixtures("database")
def test_a_changed_declaration_reads_everything_again(tmp_path: Path) -> None:
    nights = Nights(tmp_path, QUERY)
    nights.read()
    nights.redeclare("select * from cards", "select * from cards where id < 9")
    assert nights.read().read == 3
    assert nights.read().read == 1


def test_a_kill_before_the_manifest_loses_nothing(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = Nights(tmp_path, QUERY)
    nights.read()
    database.put(1, 11.0, changed=4)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingestion.manifest.Manifest.record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            nights.read()
    before = nights.versions(1)
    nights.read()
    assert nights.versions(1) == before == [10.0, 11.0]
    assert nights.read().read == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from cards; select 1", "has to be one SELECT"),
        ("delete from cards", "has to be one SELECT"),
        ("update cards set amt = 0 returning *", "has to be one SELECT"),
        ("pragma query_only = 0", "has to be one SELECT"),
        ("select 1) as a; drop table cards; select * from (select 1", "cannot be parsed"),
        ("", "has to be one SELECT"),
        ("select * from nowhere", "no such table: nowhere; correct the query"),
        ("select id, at, amt, cust from cards", "no column 'fraud'"),
    ],
)
def test_a_query_that_cannot_be_asked_is_told_and_changes_nothing(
    tmp_path: Path, database: Database, query: str, said: str
) -> None:
    nights = Nights(tmp_path, WHOLE.replace("select * from cards", query))
    assert said in problem_of(nights)
    with sqlite3.connect(database.path) as open_:
        assert open_.execute("select sum(amt) from cards").fetchall() == [(60.0,)]
    open_.close()


@pytest.mark.parametrize("query", ["select * from cards; -- all", "select * from cards -- all"])
def test_a_comment_and_a_semicolon_may_end_a_query(
    tmp_path: Path, database: Database, query: str
) -> None:
    assert database.path.exists()
    nights = Nights(tmp_path, QUERY.replace("select * from cards", query))
    assert nights.read().read == 3


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('incremental = "amt"', "source.incremental: 'amt' is double; cast it to a timestamp"),
        ('incremental = "nothing"', "source.incremental: no column 'nothing'; the query has id"),
        ('incremental = "changed"\noverlap = "1h"', "source.overlap: 'changed' is int64"),
    ],
)
def test_a_column_without_an_order_is_told(
    tmp_path: Path, database: Database, keys: str, said: str
) -> None:
    database.put(4, 0.5, changed=4)
    assert said in problem_of(Nights(tmp_path, f"{WHOLE}\n{keys}"))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (None, "OVERNIGHT_CONNECTION_BANK is not set; set it to the URI of the database"),
        ("mysql://bank:s3cret@db/bank", "OVERNIGHT_CONNECTION_BANK is no URI of a database"),
        ("sqlite:////nowhere/bank.db", "start the database, or correct OVERNIGHT_CONNECTION_BANK"),
        ("postgresql://bank:s3cret@127.0.0.1:1/bank", "correct OVERNIGHT_CONNECTION_BANK"),
        ("postgresql://bank:s3c/r3t@127.0.0.1:1/bank", "correct OVERNIGHT_CONNECTION_BANK"),
        ("bank:s3cret", "OVERNIGHT_CONNECTION_BANK is no URI of a database"),
    ],
)
def test_a_connection_that_cannot_be_made_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str | None, said: str
) -> None:
    monkeypatch.delenv("OVERNIGHT_CONNECTION_BANK", raising=False)
    if uri is not None:
        monkeypatch.setenv("OVERNIGHT_CONNECTION_BANK", uri)
    problem = problem_of(Nights(tmp_path, QUERY))
    assert problem.startswith("source.query: ")
    assert said in problem
    assert "s3c" not in problem
    assert "r3t" not in problem


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('query = "select 1"', "source.connection: missing"),
        ('path = "a.csv"\nquery = "select 1"\nconnection = "bank"', "source.query: source.path is"),
        ('path = "a.csv"\nincremental = "changed"', "source.incremental: is for a query"),
        ('query = "select 1"\nconnection = "bank"\noverlap = "1h"', "source.overlap: is for an"),
        (f"{QUERY}\nis_full = true", "source.is_full: an incremental query leaves rows out"),
        (f'{WHOLE}\nformat = "csv"', "source.format: is for files"),
        ('connection = "${PASSWORD}"\nquery = "select 1"', "source.connection: "),
        ("", "source.path: missing; add it, or query and connection"),
    ],
)
def test_keys_that_contradict_are_told(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        Nights(tmp_path, keys)
    assert any(problem.startswith(said) for problem in caught.value.problems)


def test_reports_of_a_query_stand_beside_transactions_of_a_delta_table(
    tmp_path: Path, database: Database
) -> None:
    table = Table(tmp_path / "cards", rows((1, 10.0), (2, 20.0), (3, 30.0)))
    database.run("create table reports (id integer, seen text, said integer)")
    database.run("insert into reports values (1, ?, 1)", hour(50).isoformat())
    labels = (
        'query = "select id, seen, said from reports"\nconnection = "bank"\n'
        'incremental = "said"\ntransaction_id = "id"\nknown_time = "seen"'
    )
    source = f'format = "delta"\npath = "{table.path}"'
    nights = Nights(tmp_path, source, labels=labels)
    nights.read()
    assert [(r["transaction_id"], r["is_fraud"]) for r in nights.listed("labels")] == [(1, 1)]
    table.append(rows((4, 40.0)))
    database.run("insert into reports values (4, ?, 2)", hour(60).isoformat())
    nights.read()
    assert {r["transaction_id"] for r in nights.listed("labels")} == {1, 4}


def test_a_row_that_happened_while_the_query_ran_is_none_of_the_future(
    tmp_path: Path, database: Database
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    database.run("insert into cards values (8, ?, 1, 1, 0, 8)", soon.isoformat())
    late = datetime.now(UTC) + timedelta(hours=1)
    database.run("insert into cards values (9, ?, 1, 1, 0, 9)", late.isoformat())
    done = Nights(tmp_path, QUERY).read()
    assert (done.kept, done.rules) == (4, {"event_time_in_future": 1})


def test_the_whole_query_is_examined_and_repairs(tmp_path: Path, database: Database) -> None:
    nights = Nights(tmp_path, QUERY)
    nights.read()
    database.put(4, 40.0, changed=4)
    assert survey_delivery(nights.spec).rows == 4
    at = nights.lake.latest("transactions")
    (part,) = nights.lake.parts(at)
    path = Path(nights.lake.folder("transactions"), part.path)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4])
    database.run("delete from cards where id = 4")
    assert repair_lake(nights.spec, nights.lake) == (1, 1)
    assert pa.table(nights.lake.read(at)).num_rows == 3
