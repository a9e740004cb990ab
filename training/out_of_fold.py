"""Scores of validation rows by models that were not fitted on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.binning import Params
from training.fitting import fit
from training.policy import TrainingPolicy
from training.rows import Rows, day_numbers, test_rows
from training.splits import Fold

Floats = npt.NDArray[np.float64]


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
    rows: Rows, *, folds: Sequence[Fold], params: Params, policy: TrainingPolicy
) -> OutOfFold:
    """Fit on each fold's train window and score its test window.

    Args:
        rows: covering the folds.
        folds: validation folds, oldest first.
        params: as tuning found them.
        policy: seed, threads, members.
    """
    tests = [test_rows(rows, fold, policy) for fold in folds]
    models = [fit(rows, fold.train, params=params, policy=policy) for fold in folds]
    pairs = list(zip(models, tests, strict=True))
    return OutOfFold(
        scores=np.concatenate([model.predict(test) for model, test in pairs]),
        labels=np.concatenate([test.labels for test in tests]),
        amounts=np.concatenate([test.amounts for test in tests]),
        days=np.concatenate([day_numbers(test, folds[0].test) for test in tests]),
    )
