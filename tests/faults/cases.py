"""Corrupted deliveries, each with its outcome."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.csv

from tests.faults.deliveries import (
    A_DAY,
    COUNT,
    START,
    Harm,
    Rows,
    both,
    cast,
    cut,
    drop,
    folder,
    keep,
    on_day,
    replace,
    rescale,
    shift,
    spoil,
    text,
    twice,
    values,
    wide,
    write,
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
        harm=text(lambda t: t.replace(",", ";").encode()),
        form="csv",
        stops='state source.delimiter = ";"',
    ),
    "ragged": Case(harm=text(lambda t: (t + "1,2\n").encode()), form="csv", stops="read as csv"),
    "latin-1": Case(
        harm=text(lambda t: t.replace("pos", "bureau de poste é").encode("latin-1")),
        form="csv",
        stops="state source.encoding",
    ),
    "utf-16": Case(
        harm=text(lambda t: t.encode("utf-16")),
        form="csv",
        stops="line 1 is not UTF-8; state source.encoding",
    ),
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
        stops="column 'amt' stands twice; deliver it once",
    ),
    "text amount": Case(rows=cast("amt", pa.string())),
    "text among amounts of Parquet": Case(
        rows=replace("amt", lambda r: pa.array(["EUR 1", *["1.5"] * (r.num_rows - 1)])),
        stops="row 1, column 'amt' cannot be amount: 'EUR 1' is no number",
    ),
    "text time": Case(rows=cast("at", pa.string())),
    "text among times": Case(
        rows=replace("at", lambda r: pa.array(["noon"] * r.num_rows)),
        stops="row 1, column 'at' cannot be event_time: 'noon' is no time",
    ),
    "seconds since 1970": Case(
        rows=replace("at", lambda r: pa.array(r["at"].cast(pa.int64()).to_numpy() // 1_000_000)),
        stops="look like seconds since 1970",
    ),
    "milliseconds since 1970": Case(
        rows=replace("at", lambda r: pa.array(r["at"].cast(pa.int64()).to_numpy() // 1_000)),
        stops="look like milliseconds since 1970",
    ),
    "id as a double": Case(rows=cast("id", pa.float64())),
    "fractional id": Case(
        rows=replace("id", lambda r: pa.array([n + 0.5 for n in range(r.num_rows)])),
        stops="'id' cannot be transaction_id",
    ),
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
    "repeated id": Case(
        rows=values(id={5: 4, 9: 4}, seen=dict.fromkeys((4, 5, 9), START + timedelta(days=2))),
        rules={"transaction_id_repeated": 2},
    ),
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
        stops="the latest day is at most 2d old",
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
