"""Fits one LightGBM model; the same rows, parameters and seed give the same text."""

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import LABEL, AttributeKind
from training.matrix import Encoding, learn_encoding
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]
Params = Mapping[str, float | int | bool]

# Properties of the binned data; LightGBM refuses to change them on a made Dataset.
BINNING = ("max_bin",)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A booster and how rows are written for it."""

    booster: lgb.Booster
    encoding: Encoding

    def predict(self, rows: pa.Table) -> Floats:
        """Fraud probabilities, one a row."""
        return np.asarray(self.booster.predict(self.encoding.encode(rows)), dtype=np.float64)


def fixed_params(policy: TrainingPolicy) -> dict[str, object]:
    """What is not searched: objective, seed, threads, and what makes a run repeatable."""
    return {
        "objective": "binary",
        "verbosity": -1,
        "seed": policy.seed,
        "num_threads": policy.threads,
        "deterministic": True,
        "force_col_wise": True,
        # Rows of one bin are filtered by min_data_in_leaf, which the trials of a Dataset vary.
        "feature_pre_filter": False,
    }


def bin_rows(
    rows: pa.Table, encoding: Encoding, *, max_bin: int, policy: TrainingPolicy
) -> lgb.Dataset:
    """Rows with their labels as LightGBM's binned data set; it may serve many fits."""
    dataset = lgb.Dataset(
        encoding.encode(rows),
        label=rows[LABEL].to_numpy(),
        feature_name=encoding.names,
        categorical_feature=encoding.categorical,
        params={**fixed_params(policy), "max_bin": max_bin, "min_data_in_bin": 1},
        free_raw_data=True,
    )
    return dataset.construct()


def fit(
    rows: pa.Table,
    *,
    columns: Mapping[str, AttributeKind],
    params: Params,
    rounds: int,
    policy: TrainingPolicy,
) -> FittedModel:
    """Fit on all rows given.

    Args:
        rows: with `columns` and `is_fraud`.
        columns: the model's columns in order.
        params: LightGBM's parameters, as tuning found them.
        rounds: number of trees.
        policy: seed and threads.
    """
    encoding = learn_encoding(rows, columns)
    searched = {key: value for key, value in params.items() if key not in BINNING}
    dataset = bin_rows(rows, encoding, max_bin=int(params["max_bin"]), policy=policy)
    booster = lgb.train({**fixed_params(policy), **searched}, dataset, num_boost_round=rounds)
    return FittedModel(booster=booster, encoding=encoding)
