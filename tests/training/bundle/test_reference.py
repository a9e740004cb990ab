import numpy as np
import pyarrow as pa

from training.bundle.reference import build_reference


def test_scores_are_counted_in_tenths_and_an_edge_lies_to_its_right() -> None:
    scores = np.array([0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10])
    matrix = pa.table({"amount": pa.array([1.0, float("nan"), 2.0, 3.0], pa.float32())})
    reference = build_reference(scores, scores * 2, threshold=0.18, matrix=matrix)
    # The inner deciles are the first nine scores, of which the smallest has nothing on its left.
    assert reference.score_edges == (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09)
    assert reference.score_shares == (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2)
    assert reference.alert_rate == 0.2
    assert reference.missing == {"amount": 0.25}


def test_scores_that_are_all_equal_fill_one_bin() -> None:
    scores = np.full(10, 0.3)
    matrix = pa.table({"amount": pa.array([1.0], pa.float32())})
    reference = build_reference(scores, scores, threshold=0.5, matrix=matrix)
    assert (reference.score_edges, reference.score_shares) == ((), (1.0,))
    assert reference.alert_rate == 0.0
