"""Small training sets by number of their making: other rows of equal inputs need another number."""

import json
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
)
from pipelines.config.references import Snapshot
from pipelines.features.training_set import TRAINING_SET_VERSION, build_training_table
from tests.pipelines.banks import TIME, Bank, change, delivery, hour

AS_OF = "2025-02-20"
TRAINING = '[training]\ntrain_window = "14d"\ngap = "7d"\ntest_window = "7d"\nfolds = 1'
HINT = (
    "Equal features and labels gave another training set: raise TRAINING_SET_VERSION in "
    "pipelines/features/training_set.py, and write what it gives now here"
)
# A row every three hours. Labels are mature before February 13th; the test week begins on the 6th,
# the gap before it on January 30th. The fold tests on January 23rd to 30th, after a gap from the
# 16th and 14 days of training.
SPAN = range(1 * 8, 43 * 8)
# Of the frauds 140, 147, 154, 161: withdrawn on February 7th, withdrawn after the knowledge time (a
# fraud as of it), without a label, and arrived too late.
WITHDRAWN, WITHDRAWN_LATE, UNLABELLED, LATE = 140, 147, 154, 161
VERSIONS = {
    1: {
        "column": "a49273385025318d17abc1667bedc87e910e2c01354428d143980aa7ec269d3c",
        "reports": "15a37a334927a60508d0ffd4645595661567ffa7b830124117bdce8b06e8b100",
    }
}


def build(bank: Bank, rows: pa.Table, corrections: pa.Table) -> pa.Table:
    """Build the training set of two deliveries, with transactions in the place of features."""
    bank.deliver(rows)
    done = bank.deliver(corrections)
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, AMOUNT, "customer_id", "channel", EVENT_DAY]
    filed = bank.lake.read(done.transactions)
    first = filed.filter(filed[IS_FIRST]).select(columns)
    features = bank.lake.write_days("features", first, fingerprint="fixed")
    snapshot = Snapshot(done.transactions, done.labels)
    at = build_training_table(str(bank.toml), AS_OF, snapshot=snapshot, features=features)
    return bank.lake.read(at).sort_by(TRANSACTION_ID)


def fingerprint(rows: pa.Table) -> str:
    """Hash the rows as text: a file's bytes are another library's."""
    return sha256(json.dumps(rows.to_pylist(), default=str).encode()).hexdigest()


def labels_of(rows: pa.Table) -> dict[int, int]:
    return dict(zip(rows[TRANSACTION_ID].to_pylist(), rows[LABEL].to_pylist(), strict=True))


def test_labels_of_a_column(home: Path) -> None:
    bank = Bank(home, contract=TRAINING, known='known_time = "seen"')
    rows = change(delivery(400), seen={LATE: hour(2000)}, fraud={UNLABELLED: None})
    corrections = change(
        delivery(8, first=WITHDRAWN),
        seen={0: hour(900), 7: hour(2000)},
        fraud={0: 0, 7: 0},
    )
    found = build(bank, rows, corrections)
    left_out = {UNLABELLED, LATE}
    expected = {n: int(n % 7 == 0) for n in SPAN if n not in left_out} | {WITHDRAWN: 0}
    assert labels_of(found) == expected, HINT
    assert fingerprint(found) == VERSIONS[TRAINING_SET_VERSION]["column"], HINT


def test_labels_of_a_table_of_reports(home: Path) -> None:
    reports = home / "reports.parquet"
    known = [hour(700), hour(1300), hour(1199)]
    pq.write_table(
        pa.table({"id": [WITHDRAWN, WITHDRAWN_LATE, UNLABELLED], "known": pa.array(known, TIME)}),
        reports,
    )
    labels = f'path = "{reports}"\ntransaction_id = "id"\nknown_time = "known"'
    bank = Bank(home, contract=TRAINING, known='known_time = "seen"', labels=labels)
    rows = change(delivery(400), seen={LATE: hour(2000)}).drop_columns(["fraud"])
    found = build(bank, rows, rows.slice(399))
    expected = {n: int(n in {WITHDRAWN, UNLABELLED}) for n in SPAN if n != LATE}
    assert labels_of(found) == expected, HINT
    assert fingerprint(found) == VERSIONS[TRAINING_SET_VERSION]["reports"], HINT
