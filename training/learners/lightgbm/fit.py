"""Fits LightGBM models; the same rows, parameters and seed give the same text."""

import re
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from expectations.contract import Interval
from training.data import Dataset, Encoding
from training.learners.learner import Params
from training.learners.lightgbm.binning import BINNING, BinnedRows, fixed_params
from training.learners.lightgbm.ensemble import average_boosters
from training.learners.row_selection import select_rows
from training.lightgbm_policy import Param
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]

# Search dimensions that are not LightGBM parameters.
OURS = ("rounds", "history", "negative_rate")


@dataclass(frozen=True, slots=True)
class LightGBMModel:
    """A booster and how rows are written for it."""

    booster: lgb.Booster
    encoding: Encoding

    @property
    def native(self) -> lgb.Booster:
        """The booster."""
        return self.booster

    def predict(self, rows: Dataset) -> Floats:
        """Raw fraud probabilities, one a row; not calibrated."""
        return np.asarray(self.booster.predict(rows.matrix), dtype=np.float64)

    def contributions(self, rows: Dataset) -> Floats:
        """TreeSHAP contributions (Lundberg et al. 2020) of shape (rows, columns + 1)."""
        parts = self.booster.predict(rows.matrix, pred_contrib=True)
        return np.asarray(parts, dtype=np.float64)

    def save(self) -> bytes:
        """LightGBM's text, without the number of threads it was made with: they change nothing."""
        return re.sub(r"(?m)^\[num_threads: \d+\]\n", "", self.booster.model_to_string()).encode()


def fit(
    rows: Dataset, window: Interval, *, params: Params, policy: TrainingPolicy
) -> LightGBMModel:
    """Fit on the rows of a train window.

    Args:
        rows: in time order; may hold more than the window.
        window: the train window; `history` in `params` may shorten it at its beginning.
        params: as tuning found them, `rounds` among them.
        policy: seed, threads, and the size of the ensemble.
    """
    train = rows.within(window)
    selection = select_rows(train, window, params=params, seed=policy.seed)
    binned = BinnedRows(train, window, policy=policy)
    dataset = binned.select(selection, params)
    given = {**fixed_params(policy), **searched_params(params)}
    num_boost_round = int(params["rounds"])
    boosters = [
        lgb.train({**given, "seed": policy.seed + number}, dataset, num_boost_round)
        for number in range(policy.lightgbm.members)
    ]
    return LightGBMModel(booster=average_boosters(boosters), encoding=rows.encoding)


def searched_params(params: Params) -> dict[str, Param | str]:
    """LightGBM's parameters among those of a trial that may change on a made Dataset."""
    others = (*OURS, *BINNING)
    return {**{k: v for k, v in params.items() if k not in others}, "bagging_freq": 1}
