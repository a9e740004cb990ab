"""Boosters of a search, scored on test rows every ten trees."""

from collections.abc import Iterator
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from expectations.contract import Interval
from training.data import Dataset
from training.learners.learner import Params
from training.learners.lightgbm.binning import BinnedRows, fixed_params
from training.learners.lightgbm.fit import searched_params
from training.learners.row_selection import select_rows
from training.policy import TrainingPolicy

MAX_ROUNDS, STEP = 1_000, 10

Floats = npt.NDArray[np.float64]


class BoosterGrowth:
    """Rows binned once per bin setting, however many boosters grow on them.

    Args:
        rows: in time order, all that any fold trains on.
        sampled: the window that bins are made from.
        policy: seed and threads.
        folder: for binned data.
    """

    def __init__(
        self, rows: Dataset, sampled: Interval, *, policy: TrainingPolicy, folder: Path
    ) -> None:
        self._rows = rows
        self._policy = policy
        self._binned = BinnedRows(rows, sampled, policy=policy, folder=folder)

    def grow(self, window: Interval, params: Params, test: Dataset) -> Iterator[Floats]:
        """Yield log odds of the test rows every ten trees; with `rounds` given, after all."""
        chosen = select_rows(self._rows, window, params=params, seed=self._policy.seed)
        booster = lgb.Booster(
            {**fixed_params(self._policy), **searched_params(params)},
            self._binned.select(chosen, params),
        )
        last = int(params.get("rounds", MAX_ROUNDS))
        raw = np.zeros(len(test))
        for done in range(STEP, last + STEP, STEP):
            target = min(done, last)
            is_finished = any(booster.update() for _ in range(target - booster.current_iteration()))
            raw += np.asarray(
                booster.predict(test.matrix, raw_score=True, start_iteration=done - STEP)
            )
            is_last = is_finished or target == last
            if "rounds" not in params or is_last:
                yield raw.copy()
            if is_last:
                return

    def sized(self, params: Params, *, steps: int) -> Params:
        """Params with the number of trees as `rounds`."""
        return {**params, "rounds": int(params.get("rounds", steps * STEP))}
