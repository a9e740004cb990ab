"""Corrupted deliveries, each with the outcome written next to it.

Every fault is put into a delivery of forty steady days and goes through ingestion and the gate, as
the nightly run would do it. A stop is an `InputError` (exit code 2, one paragraph), never another
exception, and the step that stops leaves every table as it was. What the gate finds was ingested
by the step before: its rows are in order one by one, and a late file may still complete them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from expectations.contract import InputError
from pipelines.config.references import Snapshot
from pipelines.ingestion.ingest import Ingested, ingest_delivery
from pipelines.validation.validate import validate_snapshot
from tests.pipelines.banks import TIME, Bank, change

START, DAYS, A_DAY = datetime(2025, 1, 1, tzinfo=UTC), 40, 60
COUNT = DAYS * A_DAY
AS_OF = "2025-02-10"
KNOWN = 'known_time = "seen"'
# Most purchases at ten in the morning, none at night.
HOURS = np.repeat([7, 8, 9, 10, 11, 12, 13], [4, 6, 10, 20, 10, 6, 4])

Rows = Callable[[pa.Table], pa.Table]
Harm = Callable[[Path], object]


def steady() -> pa.Table:
    random = np.random.default_rng(1)
    numbers = np.arange(COUNT)
    minutes = random.integers(0, 60, COUNT)
    times = [
        START + timedelta(days=int(n // A_DAY), hours=int(HOURS[n % A_DAY]), minutes=int(m))
        for n, m in zip(numbers, minutes, strict=True)
    ]
    return pa.table(
        {
            "id": numbers,
            "at": pa.array(times, TIME),
            "seen": pa.array(times, TIME),
            "amt": random.lognormal(3, 0.2, COUNT).round(2),
            "cust": numbers % 50,
            "channel": pa.array(np.where(numbers % 2, "web", "pos"), pa.string()),
            "fraud": (numbers % 20 == 0).astype(np.int64),
        }
    )


@dataclass(frozen=True)
class Case:
    """A fault and its outcome: the rules of the quarantine, a stop's message, or a warning."""

    rows: Rows = lambda rows: rows
    harm: Harm = lambda path: None  # noqa: ARG005 -- nothing is done to the file
    rules: dict[str, int] = field(default_factory=dict)
    stops: str = ""
    warns: str = ""
    contract: str = ""
    form: str = "parquet"


def drop(*names: str) -> Rows:
    return lambda rows: rows.drop_columns(list(names))


def cast(name: str, kind: pa.DataType) -> Rows:
    def apply(rows: pa.Table) -> pa.Table:
        place = rows.schema.get_field_index(name)
        return rows.set_column(place, name, rows[name].cast(kind, safe=False))

    return apply


def replace(name: str, values: Callable[[pa.Table], object]) -> Rows:
    def apply(rows: pa.Table) -> pa.Table:
        return rows.set_column(rows.schema.get_field_index(name), name, values(rows))

    return apply


def values(**at: dict[int, object]) -> Rows:
    return lambda rows: change(rows, **at)


def rescale(factor: float) -> Rows:
    """Times whose number was read in another unit."""

    def scaled(rows: pa.Table) -> pa.Table:
        for name in ("at", "seen"):
            numbers = rows[name].cast(pa.int64()).to_numpy()
            new = pa.array((numbers * factor).astype(np.int64)).cast(TIME)
            rows = rows.set_column(rows.schema.get_field_index(name), name, new)
        return rows

    return scaled


def shift(name: str, hours: float, *, day: int | None = None) -> Rows:
    def moved(rows: pa.Table) -> pa.Table:
        at = rows[name].to_pylist()
        chosen = [day is None or n // A_DAY == day for n in range(len(at))]
        new = [t + timedelta(hours=hours) if c else t for t, c in zip(at, chosen, strict=True)]
        return rows.set_column(rows.schema.get_field_index(name), name, pa.array(new, TIME))

    return moved


def both(*steps: Rows) -> Rows:
    def apply(rows: pa.Table) -> pa.Table:
        for step in steps:
            rows = step(rows)
        return rows

    return apply


def on_day(day: int, name: str, value: Callable[[object, int], object]) -> Rows:
    def apply(rows: pa.Table) -> pa.Table:
        listed = rows[name].to_pylist()
        new = [value(v, n) if n // A_DAY == day else v for n, v in enumerate(listed)]
        kind = rows.schema.field(name).type
        return rows.set_column(rows.schema.get_field_index(name), name, pa.array(new, kind))

    return apply


def keep(chosen: Callable[[int], bool]) -> Rows:
    return lambda rows: rows.filter(pa.array([chosen(n) for n in range(rows.num_rows)]))


def twice(day: int) -> Rows:
    """A day that was delivered twice under new ids."""

    def apply(rows: pa.Table) -> pa.Table:
        own = rows.slice(day * A_DAY, A_DAY)
        copies = [
            own.set_column(0, "id", pa.array(own["id"].to_numpy() + COUNT * n)) for n in (1, 2)
        ]
        return pa.concat_tables([rows, *copies])

    return apply


def wide(rows: pa.Table) -> pa.Table:
    """Two thousand columns that nobody asked for."""
    nothing = pa.nulls(rows.num_rows, pa.float64())
    for number in range(2_000):
        rows = rows.append_column(f"column_{number}", nothing)
    return rows


def write(content: bytes) -> Harm:
    return lambda path: path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(transform: Callable[[str], bytes]) -> Harm:
    return lambda path: path.write_bytes(transform(path.read_text()))


STOP_HINT = "Nothing was ingested"
UNIT = "event_time of cards.parquet lies around the year"
FILES = {
    "missing file": Case(harm=lambda p: p.unlink(), stops="does not exist; give the path"),
    "empty file": Case(harm=write(b""), stops=r"is empty \(0 bytes\); deliver it again"),
    "truncated": Case(harm=cut, stops="cannot be read as parquet"),
    "spoilt pages": Case(harm=spoil, stops="cannot be read"),
    "html page": Case(harm=write(b"<html>404</html>"), stops="cannot be read as parquet"),
    "zip archive": Case(harm=write(b"PK\x03\x04" + bytes(500)), stops="cannot be read as parquet"),
    "folder without files": Case(harm=folder, stops="cards.parquet"),
    "no rows": Case(rows=lambda r: r.slice(0, 0), stops="holds no rows"),
}
CSV = {
    "semicolons": Case(
        harm=text(lambda t: t.replace(",", ";").encode()), form="csv", stops="no column 'id'"
    ),
    "ragged": Case(harm=text(lambda t: (t + "1,2\n").encode()), form="csv", stops="read as csv"),
    "latin-1": Case(
        harm=text(lambda t: t.replace("pos", "bureau de poste é").encode("latin-1")),
        form="csv",
        stops="column 'channel' cannot be channel",
    ),
    "utf-16": Case(harm=text(lambda t: t.encode("utf-16")), form="csv", stops="cards.csv"),
    "byte order mark": Case(harm=text(lambda t: ("\ufeff" + t).encode()), form="csv"),
    "text among amounts": Case(
        harm=text(lambda t: t.replace("\n5,", "\n5,", 1).replace(",20.", ",EUR 20.", 1).encode()),
        form="csv",
        stops="column 'amt' cannot be amount",
    ),
    "nothing but a header": Case(
        harm=text(lambda t: (t.splitlines()[0] + "\n").encode()), form="csv", stops="holds no rows"
    ),
}
COLUMNS = {
    "no amount": Case(rows=drop("amt"), stops="no column 'amt' for amount"),
    "no amount and no customer": Case(rows=drop("amt", "cust"), stops="2 problems"),
    "renamed": Case(
        rows=lambda r: r.rename_columns(["ID", *r.column_names[1:]]), stops="no column 'id'"
    ),
    "named twice": Case(
        rows=lambda r: r.append_column("amt", r["amt"]),
        stops="duplicate field names.; deliver it again",
    ),
    "text amount": Case(rows=cast("amt", pa.string()), stops="'amt' cannot be amount"),
    "text time": Case(rows=cast("at", pa.string()), stops="'at' cannot be event_time"),
    "seconds since 1970": Case(
        rows=replace("at", lambda r: pa.array(r["at"].cast(pa.int64()).to_numpy() // 1_000_000)),
        stops="look like seconds since 1970",
    ),
    "milliseconds since 1970": Case(
        rows=replace("at", lambda r: pa.array(r["at"].cast(pa.int64()).to_numpy() // 1_000)),
        stops="look like milliseconds since 1970",
    ),
    "fractional id": Case(rows=cast("id", pa.float64()), stops="'id' cannot be transaction_id"),
    "list amount": Case(
        rows=replace("amt", lambda r: pa.array([[v] for v in r["amt"].to_pylist()])),
        stops="'amt' cannot be amount",
    ),
    "two thousand columns": Case(rows=wide),
    "two thousand columns and no amount": Case(
        rows=both(wide, drop("amt")), stops="no column 'amt'"
    ),
}
VALUES = {
    "null id": Case(rows=values(id={5: None}), rules={"transaction_id_missing": 1}),
    "repeated id": Case(rows=values(id={5: 4, 9: 4}), rules={"transaction_id_repeated": 2}),
    "null time": Case(rows=values(at={5: None}, seen={5: None}), rules={"event_time_missing": 1}),
    "unknown arrival": Case(rows=values(seen={5: None}), rules={"known_time_missing": 1}),
    "far future": Case(
        rows=values(
            at={5: datetime(2999, 1, 1, tzinfo=UTC)}, seen={5: datetime(2999, 1, 1, tzinfo=UTC)}
        ),
        rules={"event_time_in_future": 1},
    ),
    "default date": Case(
        rows=values(at={5: datetime(1970, 1, 1, tzinfo=UTC)}), rules={"event_time_too_old": 1}
    ),
    "known before it happened": Case(
        rows=values(seen={5: START - timedelta(days=1)}), rules={"known_before_event": 1}
    ),
    "null amount": Case(rows=values(amt={5: None}), rules={"amount_missing": 1}),
    "NaN amount": Case(rows=values(amt={5: float("nan")}), rules={"amount_missing": 1}),
    "infinite amount": Case(rows=values(amt={5: float("inf")}), rules={"amount_above_maximum": 1}),
    "minus infinity": Case(rows=values(amt={5: -float("inf")}), rules={"amount_below_minimum": 1}),
    "negative amount": Case(rows=values(amt={5: -0.01}), rules={"amount_below_minimum": 1}),
    "huge amount": Case(rows=values(amt={5: 1e308}), rules={"amount_above_maximum": 1}),
    "null customer": Case(rows=values(cust={5: None}), rules={"customer_id_missing": 1}),
    "third label": Case(rows=values(fraud={5: 2}), rules={"label_not_0_or_1": 1}),
    "several at once": Case(
        rows=values(amt={5: -1.0}, cust={5: None}),
        rules={"amount_below_minimum": 1, "customer_id_missing": 1},
    ),
    "unlisted channel": Case(
        rows=values(channel={5: "crypto"}),
        contract='allowed = { channel = ["web", "pos"] }',
        rules={"channel_not_allowed": 1},
    ),
    "unlisted by a space and a capital": Case(
        rows=values(channel={5: "web ", 6: "Web"}),
        contract='allowed = { channel = ["web", "pos"] }',
        rules={"channel_not_allowed": 2},
    ),
    "too many": Case(
        rows=values(amt=dict.fromkeys(range(200), -1.0)),
        stops=r"200 of 2,400 rows .* \(8.3%\) broke a rule: amount_below_minimum 200. "
        r"At most 5.0% may. Nothing was ingested",
    ),
    "all": Case(rows=values(amt=dict.fromkeys(range(COUNT), -1.0)), stops=STOP_HINT),
}
CLOCKS = {
    "seconds as microseconds": Case(rows=rescale(1e-6), stops=UNIT + " 1970: .* are seconds"),
    "milliseconds as microseconds": Case(rows=rescale(1e-3), stops=UNIT + " 1970"),
    "milliseconds as seconds": Case(
        rows=rescale(1e3), stops=UNIT + ".* are milliseconds .* seconds"
    ),
    "local time two hours ahead": Case(rows=shift("at", 2), stops="runs 2 h ahead of known_time"),
    "local time five and a half hours ahead": Case(
        rows=shift("at", 5.5), stops="runs 6 h ahead of known_time"
    ),
    "arrival in local time": Case(rows=shift("seen", -5), stops="runs 5 h ahead of known_time"),
    "last day in another zone": Case(
        rows=both(shift("at", 5, day=39), shift("seen", 5, day=39)),
        stops="a shift of whole hours is a time zone mistake .* got 5 on 2025-02-09",
    ),
    "last day an hour early": Case(
        rows=both(shift("at", -1, day=39), shift("seen", -1, day=39)),
        warns="one hour may be daylight saving time",
    ),
    "typed with a zone": Case(rows=cast("at", pa.timestamp("us", tz="Europe/Berlin"))),
    "without zone": Case(rows=cast("at", pa.timestamp("ns"))),
}
VOLUMES = {
    "last day missing": Case(rows=keep(lambda n: n < 39 * A_DAY), stops="got 0 on 2025-02-09"),
    "day in between missing": Case(
        rows=keep(lambda n: n // A_DAY != 36), stops="every day has its rows .* 0 on 2025-02-06"
    ),
    "day cut short": Case(
        rows=keep(lambda n: n // A_DAY != 38 or n % 6 == 0), stops="got 10 on 2025-02-08"
    ),
    "day three times": Case(rows=twice(38), stops="the number of rows .* got 180 on 2025-02-08"),
    "stale": Case(
        rows=keep(lambda n: n < 36 * A_DAY),
        contract='min_rows_per_day = 0\nfreshness = "2d"',
        stops="the newest day is at most 2d old",
    ),
}
DRIFTS = {
    "cents": Case(rows=on_day(39, "amt", lambda v, _: v * 100), warns="the mean of amount follows"),
    "exploding nulls": Case(
        rows=on_day(39, "channel", lambda v, n: None if n % 2 else v),
        warns="the share of rows without channel follows",
    ),
    "new channel": Case(
        rows=on_day(39, "channel", lambda v, n: "voice" if n % 4 == 0 else v),
        warns="at most 5% of a day's channel",
    ),
    "exploding frauds": Case(
        rows=on_day(31, "fraud", lambda _, n: int(n % 2)), warns="the fraud rate of mature days"
    ),
    "labels lost": Case(
        rows=on_day(31, "fraud", lambda v, n: None if n % 3 else v),
        warns="mature transactions have a label",
    ),
}
CASES = FILES | CSV | COLUMNS | VALUES | CLOCKS | VOLUMES | DRIFTS


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
    assert night(bank).kept == COUNT
    held = {row["transaction_id"]: row["customer_id"] for row in bank.rows()}
    assert held == dict(enumerate(short))
