from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from tests.handbook import PATH, needs_handbook
from tests.training.frames import as_rows
from training.data.dataset import test_rows as rows_to_test
from training.data.dataset import train_rows
from training.data.splits import holdout
from training.policy import TrainingPolicy


@needs_handbook
def test_the_published_fold_has_the_published_rows_and_frauds() -> None:
    raw = pq.read_table(
        PATH, columns=["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT", "TX_FRAUD"]
    )
    table = pa.table(
        {
            "transaction_id": raw["TRANSACTION_ID"],
            "amount": raw["TX_AMOUNT"],
            "event_time": raw["TX_DATETIME"].cast(pa.timestamp("us", tz="UTC")),
            "customer_id": raw["CUSTOMER_ID"],
            "is_fraud": raw["TX_FRAUD"].cast(pa.int8()),
        }
    )
    rows = as_rows(table, {"amount": "numeric"})
    policy = TrainingPolicy(train_window="7d", gap="7d", exclude_detected="customer_id")
    week = timedelta(days=7)
    fold = holdout(datetime(2018, 8, 22, tzinfo=UTC), policy, maturity=week)
    train, test = train_rows(rows, fold), rows_to_test(rows, fold, policy)
    # Fraud Detection Handbook, start date 2018-07-25.
    assert (len(train), train.labels.sum()) == (67_240, 598)
    assert (len(test), test.labels.sum()) == (58_264, 385)
    # A longer history ending on the same day leaves the test rows as they are.
    longer = policy.model_copy(update={"train_window": 4 * week, "exclude_window": week})
    fold = holdout(datetime(2018, 8, 22, tzinfo=UTC), longer, maturity=week)
    assert rows_to_test(rows, fold, longer).metadata.equals(test.metadata)
