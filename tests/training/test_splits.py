from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from expectations.contract import InputError, Interval
from tests.training.frames import TIME, day
from training.policy import TrainingPolicy
from training.rows import test_rows as rows_to_test
from training.rows import train_rows
from training.splits import Fold, holdout, validation_folds

POLICY = TrainingPolicy(
    train_window="7d", gap="7d", test_window="7d", folds=4, exclude_detected="customer_id"
)


def test_the_handbooks_validation_folds_precede_its_first_test_fold() -> None:
    # PROTOCOL: training from 07-25 tests on 08-08..08-15; as_of is a week later, for the labels.
    last = holdout(datetime(2018, 8, 22, tzinfo=UTC), POLICY, maturity=timedelta(days=7))
    folds = validation_folds(last, POLICY)
    assert str(last.test) == "[2018-08-08, 2018-08-15)"
    assert [str(fold.test) for fold in folds] == [
        "[2018-07-04, 2018-07-11)",
        "[2018-07-11, 2018-07-18)",
        "[2018-07-18, 2018-07-25)",
        "[2018-07-25, 2018-08-01)",
    ]


def test_no_fold_reads_a_label_that_was_unknown_before_the_holdouts_test_window() -> None:
    last = holdout(day(90), POLICY, maturity=timedelta(days=7))
    for fold in validation_folds(last, POLICY):
        assert fold.test.end + POLICY.gap <= last.test.start
        assert fold.train.end + POLICY.gap == fold.test.start


def cards(rows: list[tuple[float, int, int]]) -> pa.Table:
    """Rows of (day, customer, label)."""
    days, customers, labels = zip(*rows, strict=True)
    return pa.table(
        {
            "event_time": pa.array([day(d) for d in days], TIME),
            "customer_id": customers,
            "is_fraud": pa.array(labels, pa.int8()),
        }
    )


FOLD = Fold(train=Interval(start=day(0), end=day(7)), test=Interval(start=day(14), end=day(21)))
# Every customer buys once on each test day; what was defrauded when decides who is left.
EVERY_DAY = [(14.5 + d, customer, 0) for d in range(7) for customer in range(5)]


def left(past: list[tuple[float, int, int]], policy: TrainingPolicy = POLICY) -> list[list[int]]:
    kept = rows_to_test(cards(past + EVERY_DAY), FOLD, policy).to_pylist()
    return [
        [row["customer_id"] for row in kept if row["event_time"] == day(14.5 + d)] for d in range(7)
    ]


def test_a_card_with_a_fraud_in_the_train_window_is_never_tested() -> None:
    assert left([(3.0, 1, 1), (3.0, 2, 0)]) == [[0, 2, 3, 4]] * 7


def test_a_card_leaves_on_the_day_its_fraud_is_known_and_stays_out() -> None:
    # Frauds on train end + 0 are known on test day 1, those on train end + 2 on test day 3.
    everyone = [0, 1, 2, 3, 4]
    assert left([(7.0, 1, 1), (9.9, 3, 1)]) == [
        everyone, [0, 2, 3, 4], [0, 2, 3, 4], [0, 2, 4], [0, 2, 4], [0, 2, 4], [0, 2, 4],
    ]  # fmt: skip


def test_a_fraud_of_the_test_day_itself_takes_nobody_out() -> None:
    assert left([(14.1, 1, 1), (13.99, 2, 1)]) == [[0, 1, 2, 3, 4]] * 7


def test_frauds_before_the_exclude_window_take_nobody_out() -> None:
    policy = POLICY.model_copy(update={"exclude_window": timedelta(days=2)})
    assert left([(4.9, 1, 1), (5.0, 2, 1)], policy) == [[0, 1, 3, 4]] * 7


def test_without_an_excluded_entity_everybody_is_tested() -> None:
    policy = POLICY.model_copy(update={"exclude_detected": None})
    assert left([(3.0, 1, 1)], policy) == [[0, 1, 2, 3, 4]] * 7


def test_a_window_without_both_classes_is_refused_with_its_dates() -> None:
    with pytest.raises(InputError, match=r"\[2025-01-01, 2025-01-08\) holds 1 rows and 0 frauds"):
        train_rows(cards([(1.0, 1, 0), (8.0, 1, 1)]), FOLD)
    with pytest.raises(InputError, match=r"\[2025-01-15, 2025-01-22\) holds no rows"):
        rows_to_test(cards([(1.0, 1, 0)]), FOLD, POLICY)
