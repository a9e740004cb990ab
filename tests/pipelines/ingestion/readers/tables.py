"""Specs and files of small tables, written in each format, for tests of readers."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from pipelines.config import ModelSpec, load_spec
from pipelines.ingestion.readers import TableReader, open_transactions

SPEC = """
[source]
format = "{form}"
path = "{path}"
{source}
[source.roles]
transaction_id = "tx"
event_time = {time}
amount = "amount"
[source.entities]
customer_id = "customer"
[source.attributes]
channel = {{ column = "channel", kind = "categorical" }}
weight = {{ column = "weight", kind = "numeric" }}
{types}
[labels]
{labels}
maturity = "3d"
[training]
gap = "3d"
"""
COLUMN = 'column = "fraud"\ndelay = "3d"'
ROW = {
    "tx": "1", "at": "2025-01-01 10:00:00", "amount": "5.5", "customer": "7", "channel": "web",
    "weight": "2", "fraud": "0",
}  # fmt: skip
FORMS = ("parquet", "csv", "jsonl", "csv.gz", "jsonl.gz", "csv.zst", "delta")


def declare(
    folder: Path,
    path: str,
    *,
    form: str = "csv",
    source: str = "",
    time: str = '"at"',
    types: str = "",
    labels: str = COLUMN,
) -> ModelSpec:
    text = SPEC.format(
        form=form, path=folder / path, source=source, time=time, types=types, labels=labels
    )
    (folder / "bank.toml").write_text(text)
    return load_spec(str(folder / "bank.toml"))


def write_csv(path: Path, *rows: Mapping[str, object], encoding: str = "utf-8") -> None:
    """Write rows of texts, each a change of `ROW`; cells are quoted where they have to be."""
    written = [",".join(ROW)]
    for row in rows:
        cells = (str(v) for v in (ROW | row).values())
        written.append(",".join(f'"{c}"' if {*c} & {*',\n"'} else c for c in cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(written) + "\n").encode(encoding))


def write_columns(path: Path, columns: Mapping[str, list[object]]) -> None:
    """Write the same table in the format of the file's name."""
    count = len(next(iter(columns.values())))
    table = {name: [value] * count for name, value in ROW.items()} | dict(columns)
    name = path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".parquet"):
        pq.write_table(pa.table(table), path)
        return
    if name.endswith(".delta"):
        write_deltalake(path, pa.table(table), mode="append")
        return
    if ".csv" in name:
        lines = [
            ",".join(table),
            *(
                ",".join("" if v is None else str(v) for v in r)
                for r in zip(*table.values(), strict=True)
            ),
        ]
    else:
        lines = [
            json.dumps(dict(zip(table, row, strict=True)))
            for row in zip(*table.values(), strict=True)
        ]
    content = ("\n".join(lines) + "\n").encode()
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = pa.compress(content, codec="zstd", asbytes=True)
    path.write_bytes(content)


def read(spec: ModelSpec, *, filed: pa.Schema | None = None, rows: int = 1_000_000) -> pa.Table:
    return read_all(open_transactions(spec, filed=filed), rows=rows)


def read_all(reader: TableReader, *, rows: int = 1_000_000) -> pa.Table:
    files = reader.files()
    assert reader.problems(files) == []
    batches = [batch for file in files for batch in reader.batches(file, rows=rows)]
    assert all(batch.num_rows <= rows for batch in batches)
    return pa.concat_tables([reader.empty(), *batches])


def parquet(path: Path, **columns: pa.Array) -> None:
    """Write columns as they are; those that are not given are the texts of `ROW`."""
    count = len(next(iter(columns.values())))
    table = {name: columns.get(name, pa.array([value] * count)) for name, value in ROW.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table), path)
