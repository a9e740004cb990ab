from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from expectations.contract import Interval, ProblemsError
from tests.training.frames import TIME, as_rows, day
from training.data.dataset import Dataset, check_folds
from training.data.dataset import test_rows as rows_to_test
from training.data.splits import Fold, holdout, validation_folds
from training.policy import TrainingPolicy

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


def cards(rows: list[tuple[float, int, int]]) -> Dataset:
    """Rows of (day, customer, label)."""
    days, customers, labels = zip(*rows, strict=True)
    table = pa.table(
        {
            "transaction_id": range(len(days)),
            "amount": [1.0] * len(days),
            "event_time": pa.array([day(d) for d in days], TIME),
            "customer_id": customers,
            "is_fraud": pa.array(labels, pa.int8()),
        }
    )
    return as_rows(table, {"amount": "numeric"})


FOLD = Fold(train=Interval(start=day(0), end=day(7)), test=Interval(start=day(14), end=day(21)))
# Every customer buys once on each test day; what was defrauded when decides who is left.
EVERY_DAY = [(14.5 + d, customer, 0) for d in range(7) for customer in range(5)]


def left(past: list[tuple[float, int, int]], policy: TrainingPolicy = POLICY) -> list[list[int]]:
    kept = rows_to_test(cards(past + EVERY_DAY), FOLD, policy).metadata.to_pylist()
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


def test_every_window_that_nothing_can_be_learned_from_is_named_at_once() -> None:
    rows = cards([(1.0, 1, 0), (8.0, 1, 1)])
    with pytest.raises(ProblemsError) as caught:
        check_folds(rows, [FOLD], POLICY)
    said = str(caught.value)
    assert "the train window [2025-01-01, 2025-01-08) holds 1 rows and 0 frauds" in said
    assert "the test window [2025-01-15, 2025-01-22) holds 0 rows and 0 frauds" in said


@pytest.mark.parametrize("label", [0, 1])
def test_a_window_of_one_class_only_is_refused(label: int) -> None:
    mixed = [(0.1 + n / 20, n, n % 2) for n in range(100)]
    tested = [(14.1 + n / 20, 1_000 + n, label) for n in range(100)]
    with pytest.raises(ProblemsError, match=rf"test window .* 100 rows and {100 * label} frauds"):
        check_folds(cards(mixed + tested), [FOLD], POLICY)


def test_a_random_split_is_refused_with_the_reason() -> None:
    with pytest.raises(ValidationError, match="trained on what happened after the rows"):
        TrainingPolicy(split="random")


DAYS = st.integers(min_value=1, max_value=30)
DATES = st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@settings(deadline=None, max_examples=200)
@given(DATES, st.tuples(DAYS, DAYS, DAYS), st.integers(1, 6), DAYS)
def test_whatever_the_dates_training_ends_a_gap_before_its_test_and_labels_are_mature(
    as_of: datetime, lengths: tuple[int, int, int], folds: int, maturity: int
) -> None:
    train, gap, test = lengths
    policy = TrainingPolicy(
        train_window=f"{train}d", gap=f"{gap}d", test_window=f"{test}d", folds=folds
    )
    wait = timedelta(days=maturity)
    last = holdout(as_of, policy, maturity=wait)
    earlier = validation_folds(last, policy)
    assert last.test.end + wait == as_of
    assert len(earlier) == folds
    for fold in [*earlier, last]:
        assert fold.train.start < fold.train.end <= fold.test.start - timedelta(days=gap)
        assert fold.test.end + wait <= as_of
    for fold, after in pairwise([*earlier, last]):
        assert fold.test.start < after.test.start
        # What a fold learned from and was judged on was known before the holdout's test began.
        assert fold.test.end + policy.gap <= last.test.start


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_whatever_happened_no_detected_customer_is_tested_and_nobody_else_leaves(
    data: st.DataObject,
) -> None:
    row = st.tuples(
        st.floats(0, 20.99, allow_nan=False), st.integers(0, 5), st.sampled_from([0, 0, 0, 1])
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=60))
    window = data.draw(st.integers(1, 7))
    policy = POLICY.model_copy(update={"exclude_window": timedelta(days=window)})
    kept = sorted(
        (metadata["event_time"], metadata["customer_id"])
        for metadata in rows_to_test(cards(rows), FOLD, policy).metadata.to_pylist()
    )
    expected = []
    for at, customer, _ in rows:
        if not 14 <= at < 21:
            continue
        # On test day i, frauds on days from 7 - window up to and with 7 + i - 1 are known.
        known = 7 + int(at - 14)
        detected = any(c == customer and y and 7 - window <= t < known for t, c, y in rows)
        if not detected:
            expected.append((day(at), customer))
    assert kept == sorted(expected)
