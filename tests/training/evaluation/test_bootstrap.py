import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluation.bootstrap import Ranking, draw_weights, interval


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_weighted_metrics_are_those_of_scikit_learn(data: st.DataObject) -> None:
    size = data.draw(st.integers(4, 40))
    grid = st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9])  # with ties
    scores = np.array(data.draw(st.lists(grid, min_size=size, max_size=size)))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    labels[:2] = [0, 1]
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), float)
    weights[:2] += 1
    ranking = Ranking(scores, labels)
    assert ranking.average_precision(weights) == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )
    assert ranking.auc(weights) == pytest.approx(
        roc_auc_score(labels, scores, sample_weight=weights)
    )


def test_a_customer_is_drawn_whole() -> None:
    customers = np.array([0, 1, 0, 2, 1, 0])
    for weights in draw_weights(customers, resamples=20, seed=1):
        for customer in range(3):
            assert len(set(weights[customers == customer])) == 1
        # As many customers as there are, with repetition.
        assert sum(weights[customers == c][0] for c in range(3)) == 3


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Customers of 20 equal rows: an interval that resampled rows would cover it far less often."""
    chance = np.random.default_rng(5)
    covered = 0
    for seed in range(200):
        customers = np.repeat(np.arange(60), 20)
        values = np.repeat(chance.normal(size=60), 20)
        means = [
            (weights * values).sum() / weights.sum()
            for weights in draw_weights(customers, resamples=300, seed=seed)
        ]
        low, high = interval(np.array(means))
        covered += low <= 0 <= high
    # Of 200, 95 % within three standard deviations of a binomial.
    assert 0.95 - 3 * 0.0154 <= covered / 200 <= 1


def test_nothing_finite_gives_no_interval() -> None:
    assert np.isnan(interval(np.array([np.nan, np.nan]))).all()
