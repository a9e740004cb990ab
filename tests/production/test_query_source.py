"""Transactions come of a query of PostgreSQL: types, nights, and what a database refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from expectations.contract import ProblemsError
from pipelines.ingestion.readers import open_transactions
from tests.pipelines.ingestion.tables_of_others import QUERY, START, Nights, hour
from tests.production.postgres import Postgres, postgres

CARDS = """
create table cards (
    id bigint primary key, at timestamptz, amt numeric, cust uuid, fraud boolean,
    changed timestamptz, local timestamp, day date, score numeric(30, 10), small int2, real real,
    note text
)
"""
PASSWORD = "s3cret-of-bank"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres({"root": "of-root", "bank": PASSWORD}, {"bank": "bank"}) as made:
        yield made


@pytest.fixture
def bank(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    monkeypatch.setenv("OVERNIGHT_CONNECTION_BANK", server.url("bank", "bank"))
    with psycopg.connect(server.url("bank", "bank"), autocommit=True) as made:
        made.execute("set lock_timeout = '10s'")  # no test leaves a transaction open
        made.execute("drop schema public cascade; create schema public")
        made.execute(CARDS)
        yield made


def put(
    bank: psycopg.Connection[tuple[object, ...]], number: int, amount: object, *, changed: float
) -> None:
    bank.execute("delete from cards where id = %s", (number,))
    bank.execute(
        "insert into cards values (%s, %s, %s, gen_random_uuid(), false, %s)",
        (number, hour(number), amount, hour(changed)),
    )


def problem_of(nights: Nights) -> str:
    with pytest.raises(ProblemsError) as caught:
        nights.read()
    (problem,) = caught.value.problems
    assert nights.state() == {}
    assert PASSWORD not in problem
    return problem


AMOUNTS = [
    "0.1", "0.30000000000000004", "123456789012.345678", "9007199254740993", "-1.005",
    "0.00000000000000000000123456789", "98765432109876543210.0123456789",
]  # fmt: skip


def test_numbers_of_any_precision_are_the_nearest_doubles(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]]
) -> None:
    for number, amount in enumerate(AMOUNTS, start=1):
        put(bank, number, Decimal(amount), changed=number)
    bank.execute("insert into cards values (98, now(), 'NaN'), (99, now(), null)")
    rows = Nights(tmp_path, QUERY).examine().sort_by("transaction_id")
    # Python's own reading of the same digits.
    assert rows["amount"].to_pylist() == [*map(float, AMOUNTS), None, None]


@pytest.mark.parametrize("mark", ["", 'decimal_mark = ","\nthousands_mark = "."'])
def test_types_are_those_of_the_database(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]], mark: str
) -> None:
    bank.execute(
        "insert into cards values (7, '2025-01-01 10:00:00.123456+02', 1234.5,"
        " '00000000-0000-0000-0000-00000000000a', true, now(), '2025-07-01 10:00', '2025-07-02',"
        " 12345.0625, 3, 0.25, '1.234,5')"
    )
    nights = Nights(tmp_path, f'{QUERY}\ntime_zone = "Europe/Berlin"\n{mark}')
    attributes = "".join(
        f'{name} = {{ column = "{name}", kind = "numeric" }}\n'
        for name in ("score", "small", "real", *(["note"] if mark else []))
    )
    nights.redeclare("[labels]", f"[source.attributes]\n{attributes}[labels]")
    (row,) = nights.examine().to_pylist()
    assert row["transaction_id"] == 7
    assert row["event_time"] == datetime(2025, 1, 1, 8, 0, 0, 123456, tzinfo=UTC)
    assert row["customer_id"] == "00000000-0000-0000-0000-00000000000a"
    assert (row["is_fraud"], row["amount"]) == (1.0, 1234.5)
    assert (row["score"], row["small"], row["real"]) == (12345.0625, 3.0, 0.25)
    assert row.get("note") == (1234.5 if mark else None)
    for column, instant in (
        ("local", datetime(2025, 7, 1, 8, tzinfo=UTC)),  # summer time
        ("day", datetime(2025, 7, 1, 22, tzinfo=UTC)),
    ):
        folder = tmp_path / column
        folder.mkdir()
        nights = Nights(folder, f'{QUERY}\ntime_zone = "Europe/Berlin"')
        nights.redeclare('event_time = "at"', f'event_time = "{column}"')
        assert nights.examine()["event_time"].to_pylist() == [instant]


@pytest.mark.parametrize(
    ("column", "overlap"),
    [("changed", '"2h"'), ("changed", ""), ("id", "2"), ("id", ""), ("day", '"2d"')],
)
def test_a_night_asks_for_what_changed(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]], column: str, overlap: str
) -> None:
    for number in (1, 2, 30):
        put(bank, number, number, changed=number)
    bank.execute("update cards set day = date '2025-01-01' + id::int")
    source = QUERY.replace('"changed"', f'"{column}"')
    nights = Nights(tmp_path, source + (f"\noverlap = {overlap}" if overlap else ""))
    assert nights.read().read == 3
    before = nights.state()
    assert nights.read().read == 1
    assert nights.state() == before
    put(bank, 29, 29, changed=29)
    put(bank, 31, 31, changed=31)
    bank.execute("update cards set day = date '2025-01-01' + id::int")
    assert nights.read().read == (3 if overlap else 2)
    assert nights.versions(29) == ([29.0] if overlap else [])
    assert nights.versions(31) == [31.0]


def test_a_change_is_a_version_and_is_known_when_it_was_asked_for(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]]
) -> None:
    put(bank, 1, 10, changed=1)
    nights = Nights(tmp_path, QUERY)
    nights.read()
    put(bank, 1, 11, changed=2)
    asked = datetime.now(UTC)
    nights.read()
    assert nights.versions(1) == [10.0, 11.0]
    (known,) = [r["known_time"] for r in nights.listed("transactions") if r["amount"] == 11.0]
    assert asked <= known <= datetime.now(UTC)


def test_many_rows_come_in_batches_of_bounded_size(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]]
) -> None:
    bank.execute(
        "insert into cards select i, now(), i, gen_random_uuid(), false, now(), null, null, null,"
        " null, null, repeat('x', 200) from generate_series(1, 200000) i"
    )
    reader = open_transactions(Nights(tmp_path, QUERY).spec, filed=None)
    (unit,) = reader.files()
    sizes = [batch.num_rows for batch in reader.batches(unit, rows=50_000)]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 50_000
    reader = open_transactions(Nights(tmp_path, QUERY).spec, filed=None)
    bank.execute("update cards set changed = changed + interval '1 day'")
    (position,) = [file.position for file in reader.files()]
    again = open_transactions(Nights(tmp_path, QUERY).spec, filed=None)
    (unit,) = again.files(since=position)
    assert sum(batch.num_rows for batch in again.batches(unit, rows=50_000)) == 200_000


def test_a_query_cannot_write(tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]]) -> None:
    put(bank, 1, 10, changed=1)
    bank.execute(
        "create function spend() returns int language sql as"
        " $$ update cards set amt = 0 returning 1 $$"
    )
    bank.execute(
        "create function escape() returns text language sql as"
        " $$ select set_config('transaction_read_only', 'off', true) $$"
    )
    for query, said in (
        ("select *, spend() from cards", "read-only transaction; the query may only read"),
        ("with gone as (delete from cards returning *) select * from gone", "correct the query"),
        ("select *, escape() as e, spend() as s from cards", ""),
    ):
        assert said in problem_of(Nights(tmp_path, QUERY.replace("select * from cards", query)))
    assert bank.execute("select amt from cards").fetchall() == [(10,)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("select *", "select nope"), "correct the column, or the query"),
        (("from cards", "from nowhere"), "correct the table, or the query"),
        (("from cards", "from secrets"), "SELECT on what the query reads"),
        (
            ("from cards", "from cards where pg_sleep(5) is null"),
            "the connection's statement_timeout longer",
        ),
        (('"changed"', '"amt"'), "cast it to a timestamp, a date or a bigint"),
        (("select *", "select id, at, amt, cust, changed, '{}'::json fraud"), "cannot be is_fraud"),
    ],
)
def test_what_the_database_refuses_is_told_with_the_remedy(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]], server: Postgres, *,
    monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], said: str,
) -> None:  # fmt: skip
    put(bank, 1, 10, changed=1)
    with psycopg.connect(server.url("root", "bank"), autocommit=True) as root:
        root.execute("drop table if exists public.secrets; create table public.secrets (id int)")
    uri = f"{server.url('bank', 'bank')}?options=-c%20statement_timeout%3D1000"
    monkeypatch.setenv("OVERNIGHT_CONNECTION_BANK", uri)
    assert said in problem_of(Nights(tmp_path, QUERY.replace(*change)))


def test_a_wrong_password_is_told_and_not_shown(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]], server: Postgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert bank
    for wrong in ("wr0ng", "wr/0ng", "wr@0ng", "wr0ng:5"):
        uri = server.url("bank", "bank").replace(PASSWORD, wrong)
        monkeypatch.setenv("OVERNIGHT_CONNECTION_BANK", uri)
        problem = problem_of(Nights(tmp_path, QUERY))
        assert "correct OVERNIGHT_CONNECTION_BANK" in problem
        assert "0ng" not in problem


def test_a_value_that_lies_ahead_is_told_before_it_hides_later_changes(
    tmp_path: Path, bank: psycopg.Connection[tuple[object, ...]]
) -> None:
    put(bank, 1, 10, changed=1)
    put(bank, 2, 10, changed=(datetime.now(UTC) - START) / timedelta(hours=1) + 48)
    assert "lies ahead, so that no later change would be read" in problem_of(
        Nights(tmp_path, QUERY)
    )
    bank.execute("update cards set changed = 'infinity' where id = 2")
    assert "source." in problem_of(Nights(tmp_path, QUERY))
