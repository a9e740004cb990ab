"""A bank of two entities with windows, expressions and eight days of rows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SPEC = """
[source]
path = "{path}"
[source.roles]
transaction_id = "id"
event_time = "at"
amount = "amt"
[source.entities]
customer_id = "cust"
terminal_id = "term"
[labels]
column = "fraud"
delay = "2d"
maturity = "2d"
[contract]
max_quarantined_share = 1.0
[[features.windows]]
entity = "customer_id"
aggregates = ["count", "prior_count"]
windows = ["1d"]
[[features.windows]]
entity = "terminal_id"
measure = "is_fraud"
aggregates = ["rate"]
windows = ["2d"]
delay = "2d"
[[features.derived]]
name = "many"
sql = "customer_transaction_count_1d > {many}"
[[features.derived]]
name = "hour"
sql = "hour(event_time)"
"""


AS_OF = "2025-02-01"
DAYS = 8


def write_rows(path: Path, *, days: int) -> None:
    chance = np.random.default_rng(2)
    count = 40 * DAYS
    when = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=36 * n) for n in range(count)]
    rows = pa.table(
        {
            "id": np.arange(count),
            "at": pa.array(when, pa.timestamp("us", tz="UTC")),
            "cust": chance.integers(0, 6, count),
            "term": chance.integers(0, 6, count),
            "amt": np.round(chance.lognormal(3, 1, count), 2),
            "fraud": (chance.random(count) < 0.1).astype(np.int8),
        }
    )
    end = pa.scalar(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=days))
    pq.write_table(rows.filter(pc.less(rows["at"], end.cast(rows["at"].type))), path)
