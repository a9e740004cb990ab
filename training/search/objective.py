"""The value of a trial: average precision over the validation folds, at the best size of a model.

Every fold is measured at the same size, a number of trees, so the value is one that a single model
could have had; a trial that falls behind is pruned after a fold.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import optuna
from sklearn.metrics import average_precision_score

from expectations.contract import Interval
from training.data import Dataset, Fold, is_tested
from training.learners import Learner, Params
from training.policy import TrainingPolicy
from training.search.study import PARAMS_KEY

# A fold ends after so many steps of growth without a new best.
PATIENCE = 8

Floats = npt.NDArray[np.float64]


class Objective:
    """Values the params of trials on rows that are made ready once.

    Args:
        rows: in time order, covering the folds.
        folds: validation folds, oldest first.
        policy: seed, threads, what is given instead of searched.
        learner: draws and fits.
        scratch: a folder for files of the search.
    """

    def __init__(
        self,
        rows: Dataset,
        *,
        folds: Sequence[Fold],
        policy: TrainingPolicy,
        learner: Learner,
        scratch: Path,
    ) -> None:
        self._policy = policy
        self._learner = learner
        self._folds = folds
        trained = Interval(start=folds[0].train.start, end=folds[-1].train.end)
        self._fitter = learner.prepare(
            rows.within(trained), folds[0].train, policy=policy, folder=scratch
        )
        # Whole windows are slices of the matrix; rows taken out of them would be copies.
        self._tests = [rows.within(fold.test) for fold in folds]
        self._kept = [is_tested(rows, fold, policy) for fold in folds]

    def __call__(self, trial: optuna.Trial) -> float:
        """Mean average precision over the folds; params and size are kept in the trial."""
        params = self._learner.suggest(trial, self._policy)
        curves: list[Floats] = []
        for number in range(len(self._folds)):
            curves.append(self._score_fold(number, params))
            trial.report(float(_mean(curves).max()), number)
            if number + 1 < len(self._folds) and trial.should_prune():
                raise optuna.TrialPruned
        mean = _mean(curves)
        best = int(mean.argmax())
        trial.set_user_attr(PARAMS_KEY, dict(self._fitter.sized(params, steps=best + 1)))
        return float(mean[best])

    def _score_fold(self, number: int, params: Params) -> Floats:
        """Average precision on the fold's test rows after each step of growth."""
        test, kept = self._tests[number], self._kept[number]
        labels = test.labels[kept]
        curve: list[float] = []
        for log_odds in self._fitter.grow(self._folds[number].train, params, test):
            curve.append(float(average_precision_score(labels, log_odds[kept])))
            if _is_past(curve):
                break
        return np.array(curve)


def _is_past(curve: list[float]) -> bool:
    return len(curve) - 1 - int(np.argmax(curve)) >= PATIENCE


def _mean(curves: Sequence[Floats]) -> Floats:
    """Return the mean of curves of which the shorter ones stay at their last value."""
    length = max(len(curve) for curve in curves)
    padded = [np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves]
    return np.asarray(np.mean(padded, axis=0), dtype=np.float64)
