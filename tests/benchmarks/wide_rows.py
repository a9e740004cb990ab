"""Generates rows in the shape of the IEEE-CIS data, as one CSV or Parquet file, and their spec."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import tomlkit

ROWS = 590_000
FORMS = ("csv", "parquet")
COLUMNS = 400
FIRST_SECOND, DAYS = 86_400, 182
FRAUD_RATE = 0.035
AT_ONCE = 59_000
# Columns of one block are missing together, in such a part of the rows.
BLOCKS = {11: 0.47, 23: 0.13, 18: 0.13, 22: 0.15, 20: 0.13, 43: 0.0, 29: 0.86, 50: 0.76, 121: 0.86}
TEXTS = {
    "ProductCD": (("W", "C", "R", "H", "S"), 0.0),
    "card4": (("visa", "mastercard", "american express", "discover"), 0.003),
    "card6": (("debit", "credit", "charge card"), 0.003),
    "P_emaildomain": (tuple(f"mail{n}.example" for n in range(59)), 0.16),
    "R_emaildomain": (tuple(f"mail{n}.example" for n in range(60)), 0.77),
    "DeviceType": (("desktop", "mobile"), 0.76),
} | {f"M{n}": (("T", "F"), 0.46) for n in range(1, 10)}
CODES = {"card1": (13_553, 0.0), "card2": (500, 0.015), "card3": (114, 0.003),
         "card5": (119, 0.007), "addr1": (332, 0.11), "addr2": (74, 0.11)}  # fmt: skip
ROLES = ("TransactionID", "isFraud", "TransactionDT", "TransactionAmt")
ENTITIES = ("card1", "card2", "card3")
CATEGORICAL_CODES = ("addr1", "addr2")


def ensure_wide(folder: Path, *, form: str, rows: int) -> Path:
    """Return the file with so many rows, written unless it is there."""
    path = folder / f"{rows}.{form}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    tables = _tables(rows)
    first = next(tables)
    if form == "csv":
        with pyarrow.csv.CSVWriter(aside, first.schema) as csv_file:
            for table in (first, *tables):
                csv_file.write_table(table)
    else:
        with pq.ParquetWriter(aside, first.schema, compression="zstd") as parquet_file:
            for table in (first, *tables):
                parquet_file.write_table(table)
    aside.replace(path)
    return path


def declare_attributes(spec: str) -> str:
    """Add every column that has no role in a spec as an attribute."""
    document = tomlkit.parse(spec)
    source = document["source"]
    source["attributes"] = {
        name.lower(): {"column": name, "kind": kind}
        for name, kind in _kinds().items()
        if name not in {*ENTITIES, *ROLES}
    }
    source["types"] = dict.fromkeys(CATEGORICAL_CODES, "integer")
    return document.as_string()


def _kinds() -> Mapping[str, str]:
    schema = next(_tables(1)).schema
    return {
        field.name: "categorical"
        if field.name in CATEGORICAL_CODES or field.type == pa.string()
        else "numeric"
        for field in schema
    }


def _tables(rows: int) -> Iterator[pa.Table]:
    """Yield the rows in order of time, a part at a time."""
    seconds = np.sort(np.random.default_rng(1).integers(0, DAYS * 86_400, rows)) + FIRST_SECOND
    for start in range(0, rows, AT_ONCE):
        own = seconds[start : start + AT_ONCE]
        chance = np.random.default_rng([2, start])
        yield pa.table(dict(_columns(chance, start, own)))


def _columns(
    chance: np.random.Generator, start: int, seconds: npt.NDArray[np.int64]
) -> Iterator[tuple[str, pa.Array]]:
    count, made = len(seconds), 4
    yield "TransactionID", pa.array(2_987_000 + start + np.arange(count))
    yield "isFraud", pa.array((chance.random(count) < FRAUD_RATE).astype(np.int8))
    yield "TransactionDT", pa.array(seconds)
    yield "TransactionAmt", pa.array(np.round(chance.lognormal(4.3, 1.0, count) + 0.251, 3))
    for name, (codes_of, missing) in CODES.items():
        made += 1
        values = 100 + _skewed(chance, codes_of, count)
        yield name, pa.array(values, mask=chance.random(count) < missing)
    for name, (texts, missing) in TEXTS.items():
        made += 1
        codes = pa.array(_skewed(chance, len(texts), count), mask=chance.random(count) < missing)
        yield name, pa.array(texts).take(codes)
    for number in range(1, 15):
        made += 1
        yield f"C{number}", pa.array(np.floor(chance.pareto(0.9, count)).clip(0, 5_000))
    for number in range(1, 16):
        made += 1
        values = np.floor(chance.exponential(120, count)).clip(0, 800)
        yield f"D{number}", pa.array(values, mask=chance.random(count) < number / 17)
    number = 0
    for columns, missing in BLOCKS.items():
        absent = chance.random(count) < missing
        for _ in range(columns):
            number, made = number + 1, made + 1
            is_amount = number % 4 == 0
            values = chance.exponential(90, count) if is_amount else chance.poisson(1.1, count)
            yield f"V{number}", pa.array(np.round(values * 1.0, 4), mask=absent)
    for extra in range(1, COLUMNS - made + 1):
        values = np.round(-chance.exponential(20, count), 1)
        yield f"id_{extra:02}", pa.array(values, mask=chance.random(count) < 0.76)


def _skewed(chance: np.random.Generator, values: int, count: int) -> npt.NDArray[np.int64]:
    """Draw codes of which the small ones are the most frequent."""
    return np.floor(values * chance.random(count) ** 3).astype(np.int64)
