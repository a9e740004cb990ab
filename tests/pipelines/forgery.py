"""Files of a table changed from outside: under the old name, or with the log made to fit."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Change = Callable[[pa.Table], pa.Table]


def rewrite_in_place(path: Path, change: Change) -> None:
    """Other rows under the old name."""
    pq.write_table(change(pq.ParquetFile(path).read()), path)


def rewrite_and_rename(path: Path, change: Change) -> None:
    """Other rows under the name of their hash, and a log that always said so."""
    rewrite_in_place(path, change)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:20]
    renamed = path.rename(path.with_name(f"part-{digest}.parquet"))
    for entry in (path.parents[1] / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in actions:
            action.get("commitInfo", {}).pop("overnight.actions", None)
            for verb in {"add", "remove"} & action.keys():
                held = action[verb]["path"]
                action[verb]["path"] = held.replace(path.name, renamed.name)
        entry.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


def tenfold(rows: pa.Table) -> pa.Table:
    """Rows whose amounts, or else labels, are others."""
    for name, factor in (("amount", 10.0), ("is_fraud", 0)):
        if name in rows.column_names:
            made = pc.multiply(rows[name], factor).cast(rows.schema.field(name).type)
            return rows.set_column(rows.schema.get_field_index(name), name, made)
    return rows.slice(1)
