"""What a trial is worth: average precision over the validation folds, at its best number of trees.

Every fold is judged at the same number of trees, so the value is one that a single model could
have had; a trial that falls behind is pruned after a fold.
"""

from collections.abc import Sequence
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import optuna
from sklearn.metrics import average_precision_score

from expectations.contract import Interval
from training.data import Fold, Rows, is_tested
from training.learners.lightgbm import BinnedRows, fixed_params, searched_params, select_rows
from training.policy import TrainingPolicy
from training.search.search_space import Point, suggest
from training.search.study import POINT_KEY

# Trees are counted in steps; a fold ends after so many steps without a new best.
MAX_ROUNDS, STEP, PATIENCE = 1_000, 10, 8

Floats = npt.NDArray[np.float64]


class Objective:
    """Scores one point; rows are binned once per bin setting, however many trials there are.

    Args:
        rows: in time order, covering the folds.
        folds: validation folds, oldest first.
        policy: seed, threads, what is given instead of searched.
        scratch: a folder for binned data.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        folds: Sequence[Fold],
        policy: TrainingPolicy,
        scratch: Path,
    ) -> None:
        self._policy = policy
        self._folds = folds
        trained = Interval(start=folds[0].train.start, end=folds[-1].train.end)
        self._rows = rows.within(trained)
        self._binned = BinnedRows(self._rows, folds[0].train, policy=policy, folder=scratch)
        # Whole windows are slices of the matrix; rows taken out of them would be copies.
        self._tests = [rows.within(fold.test) for fold in folds]
        self._kept = [is_tested(rows, fold, policy) for fold in folds]

    def __call__(self, trial: optuna.Trial) -> float:
        """Mean average precision over the folds; the point, with `rounds`, is kept in the trial."""
        point = suggest(trial, self._policy)
        curves: list[Floats] = []
        for number in range(len(self._folds)):
            curves.append(self._score_fold(number, point))
            trial.report(float(_mean(curves).max()), number)
            if number + 1 < len(self._folds) and trial.should_prune():
                raise optuna.TrialPruned
        mean = _mean(curves)
        best = int(mean.argmax())
        rounds = (best + 1) * STEP if "rounds" not in point else int(point["rounds"])
        trial.set_user_attr(POINT_KEY, {**point, "rounds": rounds})
        return float(mean[best])

    def _score_fold(self, number: int, point: Point) -> Floats:
        """Average precision on the fold's test rows after 10, 20, … trees."""
        fold, test, kept = self._folds[number], self._tests[number], self._kept[number]
        labels = test.labels[kept]
        chosen = select_rows(self._rows, fold.train, params=point, seed=self._policy.seed)
        booster = lgb.Booster(
            {**fixed_params(self._policy), **searched_params(point)},
            self._binned.select(chosen, point),
        )
        last = int(point.get("rounds", MAX_ROUNDS))
        raw = np.zeros(len(test))
        curve: list[float] = []
        for done in range(STEP, last + STEP, STEP):
            target = min(done, last)
            is_finished = any(booster.update() for _ in range(target - booster.current_iteration()))
            raw += np.asarray(
                booster.predict(test.matrix, raw_score=True, start_iteration=done - STEP)
            )
            curve.append(float(average_precision_score(labels, raw[kept])))
            if is_finished or ("rounds" not in point and _is_past(curve)):
                break
        # With the number of trees given, only its end counts.
        return np.array(curve[-1:] if "rounds" in point else curve)


def _is_past(curve: list[float]) -> bool:
    return len(curve) - 1 - int(np.argmax(curve)) >= PATIENCE


def _mean(curves: Sequence[Floats]) -> Floats:
    """The mean of curves of which the shorter ones stay at their last value."""
    length = max(len(curve) for curve in curves)
    padded = [np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves]
    return np.asarray(np.mean(padded, axis=0), dtype=np.float64)
