"""What training saw of scores, alerts and missing values: what a served model is held against.

Scores and alerts are those of rows the models were not fitted on, as served rows are; missing
values are those of the window that the model learned from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]

INNER_DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True, slots=True)
class Reference:
    """Shares of rows.

    Attributes:
        score_edges: between the bins of raw scores, ascending; an edge itself lies to its right.
        score_shares: of each bin; one more than the edges, with the sum 1.
        alert_rate: share of rows from the threshold on.
        missing: share of missing values by feature.
    """

    score_edges: tuple[float, ...]
    score_shares: tuple[float, ...]
    alert_rate: float
    missing: Mapping[str, float]


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
