"""Fits LightGBM models; the same rows, parameters and seed give the same text."""

import re
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from expectations.contract import Interval, parse_duration
from training.data import Encoding, Rows
from training.learners.lightgbm.binning import BINNING, BinnedRows, Params, Selection, fixed_params
from training.learners.lightgbm.ensemble import average_boosters
from training.policy import Knob, TrainingPolicy

Floats = npt.NDArray[np.float64]

# What a trial draws that is no parameter of LightGBM.
OURS = ("rounds", "history", "negative_rate")


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A booster and how rows are written for it."""

    booster: lgb.Booster
    encoding: Encoding

    def predict(self, rows: Rows) -> Floats:
        """Raw fraud probabilities, one a row; not calibrated."""
        return np.asarray(self.booster.predict(rows.matrix), dtype=np.float64)

    @property
    def text(self) -> str:
        """LightGBM's text, without the number of threads it was made with: they change nothing."""
        return re.sub(r"(?m)^\[num_threads: \d+\]\n", "", self.booster.model_to_string())


def fit(rows: Rows, window: Interval, *, params: Params, policy: TrainingPolicy) -> FittedModel:
    """Fit on the rows of a train window.

    Args:
        rows: in time order; may hold more than the window.
        window: the train window; `history` in `params` may shorten it at its beginning.
        params: as tuning found them, `rounds` among them.
        policy: seed, threads, and how many members are averaged.
    """
    train = rows.within(window)
    selection = select_rows(train, window, params=params, seed=policy.seed)
    binned = BinnedRows(train, window, policy=policy)
    dataset = binned.select(selection, params)
    given = {**fixed_params(policy), **searched_params(params)}
    members = [
        lgb.train({**given, "seed": policy.seed + member}, dataset, int(params["rounds"]))
        for member in range(policy.members)
    ]
    return FittedModel(booster=average_boosters(members), encoding=rows.encoding)


def select_rows(rows: Rows, window: Interval, *, params: Params, seed: int) -> Selection:
    """The rows of a train window that a model is fitted on.

    Of the legitimate rows a share of `negative_rate` is kept, and each counts for all that it
    stands for, so that scores stay probabilities.

    Args:
        rows: in time order; may hold more than the window.
        window: the train window; only its last `history` is used.
        params: `history` and `negative_rate` are read.
        seed: of the choice.
    """
    start = max(window.start, window.end - parse_duration(params["history"]))
    first, end = rows.bounds(Interval(start=start, end=window.end))
    positions = np.arange(first, end, dtype=np.int64)
    rate = float(params["negative_rate"])
    if rate >= 1:
        return Selection(positions)
    is_fraud = rows.labels[first:end] == 1
    kept = is_fraud | (np.random.default_rng([seed, 1]).random(end - first) < rate)
    weights = np.where(is_fraud, 1.0, 1.0 / rate).astype(np.float32)
    return Selection(positions[kept], weights[kept])


def searched_params(params: Params) -> dict[str, Knob | str]:
    """LightGBM's parameters among those of a trial that may change on a made Dataset."""
    others = (*OURS, *BINNING)
    return {**{k: v for k, v in params.items() if k not in others}, "bagging_freq": 1}
