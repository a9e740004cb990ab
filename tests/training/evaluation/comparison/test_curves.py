"""Points of curves, by hand."""

import numpy as np
import pytest

from tests.training.frames import as_rows, make_rows
from training.evaluation.comparison.curves import (
    MOST_POINTS,
    money_by_reviews,
    operating_point,
    precision_recall_points,
)
from training.evaluation.scored import ScoredRows
from training.policy import TrainingPolicy


def scored(rows: list[tuple[int, int, float, float]]) -> ScoredRows:
    """Rows of (day, label, amount, score), each of a customer of its own."""
    days, labels, amounts, scores = (np.array(column) for column in zip(*rows, strict=True))
    return ScoredRows(
        as_rows(make_rows(len(rows))), scores.astype(float), labels.astype(np.int8),
        amounts.astype(float), days, np.arange(len(rows)),
    )  # fmt: skip


# On the first day the fraud is first; on the second a legitimate row stands before the frauds.
TWO_DAYS = [
    (0, 1, 100.0, 0.9), (0, 0, 10.0, 0.8),
    (1, 0, 10.0, 0.9), (1, 1, 50.0, 0.7), (1, 1, 30.0, 0.1),
]  # fmt: skip


def test_a_recall_has_its_best_and_its_worst_precision() -> None:
    labels, marks = (0, 1, 0, 0, 1, 0), (0.95, 0.9, 0.8, 0.75, 0.7, 0.6)
    rows = [(0, label, 1.0, mark) for label, mark in zip(labels, marks, strict=True)]
    # Half of the frauds with 2, 3 and 4 alerts, all with 5 and 6.
    assert precision_recall_points(scored(rows)) == (
        (0.5, 0.5), (0.5, 0.25), (1.0, 0.4), (1.0, pytest.approx(1 / 3)),
    )  # fmt: skip


def test_a_curve_has_no_more_points_than_a_picture_shows() -> None:
    chance = np.random.default_rng(1)
    rows = [(0, int(score > 0.3), 1.0, score) for score in chance.random(3_000)]
    points = precision_recall_points(scored(rows))
    assert len(points) == MOST_POINTS
    assert points[-1][0] == 1.0


def test_the_operating_point_is_that_of_the_alerts() -> None:
    # Alerts from 0.8 on: one fraud of three among three.
    assert operating_point(scored(TWO_DAYS), threshold=0.8) == (1 / 3, 1 / 3)
    assert operating_point(scored(TWO_DAYS), threshold=0.95) is None


def test_money_grows_with_the_reviews_there_is_room_for() -> None:
    policy = TrainingPolicy(review={"cost": 5.0, "capacity": 1})
    # One review a day: 100 - 5 on the first day, -5 on the second. Two: -5 and 50 - 5 more.
    expected = ((0.0, 0.0), (1.0, 45.0), (2.0, 65.0))
    assert money_by_reviews(scored(TWO_DAYS), policy=policy, threshold=0.6) == expected


def test_the_capacity_is_among_the_points_of_a_long_curve() -> None:
    policy = TrainingPolicy(review={"cost": 5.0, "capacity": 777})
    points = money_by_reviews(scored(TWO_DAYS), policy=policy, threshold=0.6)
    assert len(points) <= MOST_POINTS + 1
    assert {0.0, 777.0, 1554.0} <= {reviews for reviews, _ in points}
    # There are no more alerts than four.
    assert points[-1][1] == 65.0
