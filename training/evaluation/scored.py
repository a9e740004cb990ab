"""Rows of a test window with a model's scores: what metrics, slices and gate read."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.data import Dataset, Fold, day_numbers
from training.evaluation.bootstrap import Codes, cluster_codes
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Arrays of one value a row, in time order.

    Attributes:
        scores: probabilities of fraud.
        days: whole days from the start of the test window.
        customers: a number from 0 for the customer; rows of one are alike. Without one, each row
            has its own.
    """

    rows: Dataset
    scores: Floats
    labels: npt.NDArray[np.int8]
    amounts: Floats
    days: npt.NDArray[np.int64]
    customers: Codes

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "ScoredRows":
        """Return some of the rows."""
        at = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        return ScoredRows(
            self.rows.take(at), self.scores[at], self.labels[at], self.amounts[at], self.days[at],
            cluster_codes(self.customers[at]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """A model on the rows of a test window: its scores, its threshold and the policy.

    Attributes:
        threshold: from this score on a row is an alert.
    """

    scored: ScoredRows
    threshold: float
    policy: TrainingPolicy

    @property
    def alerts(self) -> npt.NDArray[np.bool_]:
        """True for a row that is an alert."""
        return self.scored.scores >= self.threshold

    def perfect(self) -> "ScoredModel":
        """Return a model that knows the labels, on the same rows."""
        scores = self.scored.labels.astype(np.float64)
        return ScoredModel(replace(self.scored, scores=scores), 0.5, self.policy)


def score_rows(rows: Dataset, scores: Floats, *, fold: Fold, customer: str | None) -> ScoredRows:
    """Put scores beside the rows they belong to.

    Args:
        rows: of a test window.
        scores: one a row.
        fold: the fold they are of.
        customer: the entity whose rows are alike.
    """
    metadata = rows.metadata
    own = np.arange(len(rows)) if customer is None else metadata[customer].to_numpy()
    return ScoredRows(
        rows, scores, rows.labels, rows.amounts, day_numbers(rows, fold.test), cluster_codes(own)
    )
