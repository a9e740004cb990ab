from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.training.frames import COLUMNS, PARAMS, as_rows, fold, make_rows
from training.evaluation.calibration_bins import calibration_bins, calibration_error
from training.evaluation.card_precision import daily_card_precision
from training.evaluation.comparison.explanation import (
    explain_cases,
    highest_legitimate,
    lowest_frauds,
)
from training.evaluation.metrics import evaluate, metric_intervals
from training.evaluation.money_saved import money_by_day
from training.evaluation.scored import ScoredRows, score_rows
from training.evaluation.slices import slice_masks
from training.learners.lightgbm.fit import fit
from training.policy import TrainingPolicy


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


FOLD = fold((-7, -1), (0, 7))
POLICY = TrainingPolicy(
    exclude_detected="customer_id", card_precision_k=10, review={"cost": 5.0, "capacity": 30}
)


@pytest.fixture(scope="module")
def scored() -> ScoredRows:
    rows = as_rows(make_rows(days=7))
    chance = np.random.default_rng(0)
    scores = np.clip(0.02 + 0.3 * rows.labels + chance.exponential(0.05, len(rows)), 0, 1)
    return score_rows(rows, scores, fold=FOLD, customer="customer_id")


def test_metrics_of_a_window_are_those_of_scikit_learn(scored: ScoredRows) -> None:
    found = evaluate(scored, policy=POLICY, threshold=0.3)
    labels, scores = scored.labels, scored.scores
    assert found["test_auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert found["test_average_precision"] == pytest.approx(average_precision_score(labels, scores))
    assert found["test_brier"] == pytest.approx(np.mean((scores - labels) ** 2))
    assert found["test_rows"] == len(labels)
    assert found["test_alert_rate"] == pytest.approx((scores >= 0.3).mean())
    assert found["test_alert_precision"] == pytest.approx(labels[scores >= 0.3].mean())
    assert found["test_alert_recall"] == pytest.approx((scores[labels == 1] >= 0.3).mean())
    # By definition: the highest recall among thresholds that flag at most so many of the others.
    for name, limit in (("0_5", 0.005), ("1", 0.01), ("2", 0.02)):
        recalls = [
            (scores[labels == 1] >= cut).mean()
            for cut in np.unique(scores)
            if (scores[labels == 0] >= cut).mean() <= limit
        ]
        assert found[f"test_recall_at_{name}pct_fpr"] == pytest.approx(max(recalls))


def test_money_is_that_of_the_reviews_added_up_by_hand(scored: ScoredRows) -> None:
    days = []
    for number in range(7):
        own = [
            (score, label, amount)
            for score, label, amount, day_ in zip(
                scored.scores, scored.labels, scored.amounts, scored.days, strict=True
            )
            if day_ == number and score >= 0.3
        ]
        best = sorted(own, key=lambda row: -row[0])[:30]
        days.append(sum(label * amount - 5.0 for _, label, amount in best))
    found = money_by_day(scored, policy=POLICY, threshold=0.3)
    assert found == pytest.approx(days)
    metrics = evaluate(scored, policy=POLICY, threshold=0.3)
    assert metrics["test_money_saved_per_day"] == pytest.approx(np.mean(days))
    assert metrics["perfect_money_saved_per_day"] >= metrics["test_money_saved_per_day"]


def test_the_calibration_error_is_0_for_true_chances_and_known_for_others() -> None:
    labels = np.tile([0, 0, 0, 1], 500).astype(np.int8)
    assert calibration_error(labels, np.full(2_000, 0.25)) == pytest.approx(0, abs=1e-3)
    assert calibration_error(labels, np.full(2_000, 0.05)) == pytest.approx(0.2)
    bins = calibration_bins(labels, np.where(labels == 1, 0.9, 0.1))
    assert sum(count for _, _, count in bins) == 2_000


def test_an_interval_holds_its_metric_and_is_wider_when_customers_are_alike(
    scored: ScoredRows,
) -> None:
    whole = metric_intervals(scored, policy=POLICY, threshold=0.3)
    metrics = evaluate(scored, policy=POLICY, threshold=0.3)
    for name, (low, high) in whole.items():
        assert low < metrics[name] < high
    # Each row five times: the same customers know no more than before.
    again = scored.take(np.repeat(np.arange(len(scored)), 5))
    rows_alone = replace(again, customers=np.arange(len(again)))
    name = "test_average_precision"
    clustered, alone = (
        np.diff(metric_intervals(each, policy=POLICY, threshold=0.3)[name])[0]
        for each in (again, rows_alone)
    )
    assert clustered == pytest.approx(np.diff(whole[name])[0], rel=0.1)
    assert alone < 0.6 * clustered


def test_the_slices_of_a_kind_hold_every_row_once() -> None:
    rows = as_rows(make_rows(6_000, days=14))
    train, test = rows.within(fold((0, 7), (7, 14)).train), rows.within(fold((0, 7), (7, 14)).test)
    masks = slice_masks(test, train, entities=["customer_id"], categories=["channel"])
    for kind in ("amount", "hour", "channel"):
        own = [mask for name, mask in masks.items() if name.startswith(kind)]
        assert len(own) > 1
        assert (np.sum(own, axis=0) == 1).all()
    people = [mask for name, mask in masks.items() if "customer" in name]
    assert (np.sum(people, axis=0) == 1).all()
    seen = set(train.metadata["customer_id"].to_pylist())
    new = [c not in seen for c in test.metadata["customer_id"].to_pylist()]
    assert masks.get("new customer", np.zeros(len(test), bool)).tolist() == new
    night = [time.hour < 6 for time in test.metadata["event_time"].to_pylist()]
    assert masks["hour 00-06"].tolist() == night


def test_contributions_add_up_to_the_score_and_cases_are_the_extremes() -> None:
    rows = as_rows(make_rows(days=7))
    model = fit(rows, FOLD.test, params=PARAMS, policy=TrainingPolicy(lightgbm={"members": 2}))
    scored = score_rows(rows, model.predict(rows), fold=FOLD, customer="customer_id")
    raw = model.booster.predict(rows.matrix, raw_score=True)
    assert model.contributions(rows).sum(axis=1) == pytest.approx(raw)
    high, low = (
        explain_cases(model, scored, find(scored)) for find in (highest_legitimate, lowest_frauds)
    )
    assert high[0].score == scored.scores[scored.labels == 0].max()
    assert low[0].score == scored.scores[scored.labels == 1].min()
    assert {name for case in high for name, _, _ in case.reasons} <= set(COLUMNS)
