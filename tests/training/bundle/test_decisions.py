"""Thresholds by alert budget, false-positive rate and cost; what reviews save."""

import numpy as np
import pytest

from training.bundle.review_value import reviewed_gains
from training.bundle.threshold import choose_threshold, rate_threshold, threshold_name
from training.policy import ReviewPolicy, TrainingPolicy


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
    threshold = rate_threshold(np.array(scores), max_rate=alert_rate)
    assert (np.array(scores) >= threshold).sum() == alerts


SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
LABELS = np.array([1, 0, 1, 0, 1, 0], np.int8)
AMOUNTS = np.array([100.0, 50.0, 30.0, 20.0, 8.0, 10.0])
ONE_DAY = np.zeros(6, np.int64)


def choose(days: np.ndarray = ONE_DAY, amounts: np.ndarray = AMOUNTS, **given: object) -> float:
    policy = TrainingPolicy(**given)
    return choose_threshold(SCORES, LABELS, amounts, days, policy=policy)


def test_a_false_positive_rate_counts_legitimate_rows_only() -> None:
    # One of three legitimate rows may alert: the one at 0.8; the next is at 0.6.
    assert choose(threshold="false_positive_rate", false_positive_rate=0.34) == 0.8


def test_the_cost_threshold_stops_where_reviews_no_longer_pay() -> None:
    # Saved at 5 a review: 95, 90, 115, 110, 113, 108; best after the third row.
    assert choose(threshold="cost", review={"cost": 5.0}) == 0.7
    # At 1 a review: 99, 98, 127, 126, 133, 132; best after the fifth.
    assert choose(threshold="cost", review={"cost": 1.0}) == 0.5
    # A share of a third makes the third row's fraud worth 10: 28.3, 23.3, 28.3 (tie: the first).
    assert choose(threshold="cost", review={"cost": 5.0, "recovery": 1 / 3}) == 0.9


def test_rows_beyond_a_days_capacity_neither_cost_nor_save() -> None:
    # Two reviews: 0.9 and 0.8 save 95 and then 90; nothing below is ever looked at.
    assert choose(threshold="cost", review={"cost": 5.0, "capacity": 2}) == 0.9
    # On three days of two rows each, every day reviews its own two.
    days = np.array([0, 0, 1, 1, 2, 2])
    assert choose(days, threshold="cost", review={"cost": 5.0, "capacity": 2}) == 0.7


def test_no_alert_at_all_when_no_review_pays() -> None:
    threshold = choose(threshold="cost", review={"cost": 500.0})
    assert not (threshold <= SCORES).any()


def test_reviews_go_to_the_highest_alerts_of_each_day() -> None:
    scores = np.array([0.5, 0.9, 0.7, 0.7, 0.95])
    days = np.array([0, 0, 0, 0, 1])
    review = ReviewPolicy(cost=2.0, capacity=2)
    gains = reviewed_gains(
        scores, np.array([1, 1, 0, 1, 0], np.int8), np.array([10.0, 20.0, 30.0, 40.0, 50.0]), days,
        threshold=0.6, review=review,
    )  # fmt: skip
    # Of the two at 0.7 the earlier one, which is no fraud.
    assert gains.tolist() == [0.0, 18.0, -2.0, 0.0, -2.0]


def test_the_bundle_names_what_the_threshold_was_made_from() -> None:
    assert threshold_name(TrainingPolicy()) == "alert_rate_0.005"
    by_cost = TrainingPolicy(threshold="cost", review={"cost": 5.0, "capacity": 100})
    assert threshold_name(by_cost) == "cost_5_capacity_100_recovery_1"
