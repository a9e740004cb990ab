"""Scores of validation rows by models that were not fitted on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.data import Dataset, Fold, day_numbers, test_rows
from training.learners.learner import Learner, Params
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Rows of all validation folds' test windows, oldest first.

    Attributes:
        scores: raw, not calibrated.
        days: a number for the day of each row.
    """

    scores: Floats
    labels: npt.NDArray[np.int8]
    amounts: Floats
    days: npt.NDArray[np.int64]


def score_out_of_fold(
    rows: Dataset,
    *,
    folds: Sequence[Fold],
    params: Params,
    policy: TrainingPolicy,
    learner: Learner,
) -> OutOfFold:
    """Fit on each fold's train window and score its test window.

    Args:
        rows: covering the folds.
        folds: validation folds, oldest first.
        params: as tuning found them.
        policy: of the fits.
        learner: fits.
    """
    parts = [
        _score_fold(rows, fold, params=params, policy=policy, learner=learner) for fold in folds
    ]
    scores, labels, amounts, days = (np.concatenate(each) for each in zip(*parts, strict=True))
    return OutOfFold(scores=scores, labels=labels, amounts=amounts, days=days)


def _score_fold(
    rows: Dataset, fold: Fold, *, params: Params, policy: TrainingPolicy, learner: Learner
) -> tuple[Floats, npt.NDArray[np.int8], Floats, npt.NDArray[np.int64]]:
    """One fold's arrays; its rows and its model are let go before the next is fitted."""
    test = test_rows(rows, fold, policy)
    model = learner.fit(rows, fold.train, params=params, policy=policy)
    first_day = int(fold.test.start.timestamp()) // DAY_SECONDS
    return model.predict(test), test.labels, test.amounts, first_day + day_numbers(test, fold.test)
