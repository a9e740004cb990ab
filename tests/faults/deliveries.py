"""A steady delivery, and ways to harm one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tests.pipelines.banks import TIME, change

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
