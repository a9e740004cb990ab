"""A candidate by day, by score and by column, counted again in plain Python."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from expectations.contract import Interval
from tests.training.evaluation.comparison.test_curves import TWO_DAYS, scored
from tests.training.frames import PARAMS, as_rows, day, make_rows
from training.evaluation.comparison.breakdown import (
    count_scores,
    feature_contributions,
    measure_days,
)
from training.evaluation.comparison.curves import MOST_POINTS, recall_points
from training.evaluation.scored import ScoredModel, ScoredRows
from training.learners.lightgbm.fit import fit
from training.policy import TrainingPolicy

POLICY = TrainingPolicy(lightgbm={"members": 1}, review={"cost": 5.0, "capacity": 1})


def test_a_day_is_measured_on_its_own_rows() -> None:
    rows = scored(TWO_DAYS)
    first, second = measure_days(ScoredModel(rows, 0.6, POLICY))
    assert (first.number, first.rows, first.frauds, first.alerts, first.money) == (0, 2, 1, 2, 95.0)
    assert (second.number, second.rows, second.frauds, second.alerts) == (1, 3, 2, 2)
    assert second.money == -5.0
    labels, scores = [0, 1, 1], [0.9, 0.7, 0.1]
    precision = average_precision_score(labels, scores)
    assert second.average_precision.value == pytest.approx(precision)
    assert second.auc == pytest.approx(roc_auc_score(labels, scores))
    assert second.average_precision.low <= precision <= second.average_precision.high


def test_a_day_without_frauds_or_with_frauds_only_has_no_precision() -> None:
    rows = scored([(0, 0, 10.0, 0.2), (0, 0, 10.0, 0.4), (1, 1, 10.0, 0.2)])
    for each in measure_days(ScoredModel(rows, 0.3, POLICY)):
        assert (each.average_precision, each.auc) == (None, None)


def test_scores_are_counted_in_bins_that_hold_every_row_once() -> None:
    rows = scored([(0, 0, 1.0, 0.0), (0, 0, 1.0, 0.019), (0, 1, 1.0, 0.02), (0, 1, 1.0, 1.0)])
    bins = count_scores(rows)
    assert len(bins) == 50
    assert [(b.legitimate, b.frauds) for b in bins[:2]] == [(2, 0), (0, 1)]
    assert (bins[-1].start, bins[-1].frauds) == (0.98, 1)
    assert sum(b.legitimate + b.frauds for b in bins) == 4


def test_points_of_recall_are_shares_of_frauds_and_of_legitimate_rows() -> None:
    chance = np.random.default_rng(2)
    labels = (chance.random(5_000) < 0.1).astype(int)
    marks = np.clip(0.2 * labels + chance.random(5_000) * 0.8, 0, 1)
    rows = scored([(0, y, 1.0, s) for y, s in zip(labels.tolist(), marks.tolist(), strict=True)])
    points = recall_points(rows)
    assert points[0] == (0.0, 0.0)
    assert len(points) <= MOST_POINTS
    frauds, others = marks[labels == 1], marks[labels == 0]
    for rate, recall in points[1:]:
        assert rate <= 0.05
        # Some threshold gives exactly both.
        assert any(
            (others >= cut).mean() == pytest.approx(rate)
            and (frauds >= cut).mean() == pytest.approx(recall)
            for cut in marks[marks > 0.7]
        )


def test_contributions_are_means_over_rows_with_low_and_high_values() -> None:
    rows = as_rows(make_rows(1_500))
    model = fit(rows, Interval(start=day(0), end=day(40)), params=PARAMS, policy=POLICY)
    everything = ScoredRows(
        rows, model.predict(rows), rows.labels, rows.amounts, np.zeros(1_500, np.int64),
        np.arange(1_500),
    )  # fmt: skip
    found = {each.name: each for each in feature_contributions(model, everything, seed=1)}
    parts = model.contributions(rows)
    sizes = {name: np.mean(np.abs(parts[:, n])) for n, name in enumerate(rows.encoding.names)}
    assert {n: each.mean_size for n, each in found.items()} == pytest.approx(sizes)
    assert list(found) == sorted(sizes, key=lambda name: -sizes[name])
    # A large amount is what makes a fraud in these rows.
    assert found["amount"].high > 0 > found["amount"].low
    amounts = rows.matrix["amount"].to_numpy()
    top = amounts >= np.quantile(amounts, 0.75)
    assert found["amount"].high == pytest.approx(parts[top, 0].mean())
