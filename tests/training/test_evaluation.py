import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from expectations.contract import InputError, Interval
from tests.training.frames import day, make_rows
from training.evaluation import daily_card_precision, evaluate
from training.policy import TrainingPolicy
from training.splits import Fold
from training.threshold import choose_threshold


def precision(rows: list[tuple[int, int, int, float]], *, k: int) -> list[float]:
    """Rows of (day, card, label, score)."""
    days, cards, labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    return daily_card_precision(cards, days, labels, scores.astype(float), k=k)


def test_a_card_counts_once_a_day_with_its_highest_score_and_label() -> None:
    # Best scores: card 1 0.9 (fraud), card 2 0.8 (none), card 3 0.1 (fraud); the first two count.
    rows = [(0, 1, 0, 0.9), (0, 1, 1, 0.2), (0, 2, 0, 0.8), (0, 3, 1, 0.1)]
    assert precision(rows, k=2) == [0.5]


def test_a_card_found_on_one_day_is_dropped_on_later_days() -> None:
    rows = [(0, 1, 1, 0.9), (0, 2, 0, 0.1), (1, 1, 1, 0.9), (1, 2, 1, 0.3)]
    assert precision(rows, k=1) == [1.0, 1.0]


def test_a_card_that_was_missed_may_be_found_later() -> None:
    rows = [(0, 1, 1, 0.1), (0, 2, 0, 0.9), (1, 1, 1, 0.9), (1, 2, 0, 0.3)]
    assert precision(rows, k=1) == [0.0, 1.0]


def test_fewer_cards_than_k_still_divide_by_k() -> None:
    assert precision([(0, 1, 1, 0.5)], k=4) == [0.25]


def test_metrics_of_a_window_are_those_of_scikit_learn() -> None:
    rows = make_rows(days=7)
    fold = Fold(train=Interval(start=day(-7), end=day(-1)), test=Interval(start=day(0), end=day(7)))
    scores = np.random.default_rng(0).random(rows.num_rows)
    policy = TrainingPolicy(exclude_detected="customer_id", card_precision_k=10)
    found = evaluate(rows, scores, fold=fold, policy=policy, threshold=0.9)
    labels = rows["is_fraud"].to_numpy()
    assert found["test_auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert found["test_average_precision"] == pytest.approx(average_precision_score(labels, scores))
    assert found["test_rows"] == rows.num_rows
    assert found["test_alert_rate"] == pytest.approx((scores >= 0.9).mean())
    assert found["test_alert_precision"] == pytest.approx(labels[scores >= 0.9].mean())
    # By definition: the highest recall among thresholds that flag at most 1 % of the others.
    recalls = [
        (scores[labels == 1] >= cut).mean()
        for cut in np.unique(scores)
        if (scores[labels == 0] >= cut).mean() <= 0.01
    ]
    assert found["test_recall_at_1pct_fpr"] == pytest.approx(max(recalls))


def test_a_window_with_one_class_is_refused() -> None:
    rows = make_rows(100, days=7)
    rows = rows.set_column(
        rows.schema.get_field_index("is_fraud"), "is_fraud", pa.array([0] * 100, pa.int8())
    )
    fold = Fold(train=Interval(start=day(-9), end=day(-8)), test=Interval(start=day(0), end=day(7)))
    with pytest.raises(InputError, match="0 frauds in 100 rows"):
        evaluate(rows, np.zeros(100), fold=fold, policy=TrainingPolicy(), threshold=0.5)


@pytest.mark.parametrize(
    ("scores", "alert_rate", "alerts"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.25, 1),
        ([0.1, 0.2, 0.3, 0.4], 0.5, 2),
        # Ties would exceed the budget, so none of them alerts.
        ([0.1, 0.4, 0.4, 0.4], 0.5, 0),
        ([0.1, 0.3, 0.3, 0.4], 0.5, 1),
        # A budget below one row.
        ([0.1, 0.2, 0.3, 0.4], 0.1, 0),
    ],
)
def test_a_threshold_never_spends_more_than_the_alert_budget(
    scores: list[float], alert_rate: float, alerts: int
) -> None:
    threshold = choose_threshold(np.array(scores), alert_rate=alert_rate)
    assert (np.array(scores) >= threshold).sum() == alerts
