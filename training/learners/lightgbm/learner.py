"""LightGBM behind the seam of `training.learners.learner`."""

from pathlib import Path

import lightgbm as lgb
import optuna

from expectations.contract import Interval
from training.data import Dataset, Encoding
from training.learners.learner import Params
from training.learners.lightgbm.fit import LightGBMModel, fit
from training.learners.lightgbm.growth import BoosterGrowth
from training.learners.lightgbm.search_space import starting_params, suggest
from training.policy import TrainingPolicy


class LightGBM:
    """Gradient boosted trees of LightGBM, averaged over seeds."""

    kind = "lightgbm"

    def suggest(self, trial: optuna.Trial, policy: TrainingPolicy) -> Params:
        """Draw the params of a trial."""
        return suggest(trial, policy)

    def starting_params(self, policy: TrainingPolicy) -> list[Params]:
        """Params that a search tries first."""
        return starting_params(policy)

    def prepare(
        self, rows: Dataset, sampled: Interval, *, policy: TrainingPolicy, folder: Path
    ) -> BoosterGrowth:
        """Bin rows for a search."""
        return BoosterGrowth(rows, sampled, policy=policy, folder=folder)

    def fit(
        self, rows: Dataset, window: Interval, *, params: Params, policy: TrainingPolicy
    ) -> LightGBMModel:
        """Fit an ensemble on a train window."""
        return fit(rows, window, params=params, policy=policy)

    def load(self, text: bytes, encoding: Encoding) -> LightGBMModel:
        """Read LightGBM's text."""
        return LightGBMModel(lgb.Booster(model_str=text.decode()), encoding)
