"""Shares of scores, alerts and missing values in training, which a served model is compared with.

Scores and alerts are those of rows the models were not fitted on, as served rows are; missing
values are those of the window that the model learned from.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.serving.model import Reference

Floats = npt.NDArray[np.float64]

INNER_DECILES = np.arange(1, 10) / 10


def build_reference(
    scores: Floats, probabilities: Floats, *, threshold: float, matrix: pa.Table
) -> Reference:
    """Count scores in tenths, as far as ties let them be told apart.

    Args:
        scores: raw and out of fold.
        probabilities: the same, calibrated.
        threshold: a probability from it on is an alert.
        matrix: of the train window, missing as NaN.
    """
    deciles = np.unique(np.quantile(scores, INNER_DECILES, method="inverted_cdf"))
    # At the smallest score an edge would have nothing on its left.
    edges = deciles[deciles > scores.min()]
    counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1)
    return Reference(
        score_edges=tuple(edges.tolist()),
        score_shares=tuple((counts / len(scores)).tolist()),
        alert_rate=float(np.mean(probabilities >= threshold)),
        missing={
            name: float(np.isnan(matrix[name].to_numpy()).mean()) for name in matrix.column_names
        },
    )
