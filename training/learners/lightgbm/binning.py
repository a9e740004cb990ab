"""LightGBM's binned data, made once per bin setting and shared by every trial and fold.

The bins of a search come from its oldest train window alone, so no fold's model depends on
anything that happened after its own train window.
"""

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from expectations.contract import Interval
from training.data import Dataset
from training.learners.learner import Params
from training.learners.row_selection import Selection
from training.policy import TrainingPolicy

# Properties of binned data; LightGBM refuses to change them on a made Dataset.
BINNING = ("max_bin", "min_data_in_bin")

# LightGBM's own default: bins come from that many rows.
SAMPLED_ROWS = 200_000


def fixed_params(policy: TrainingPolicy) -> dict[str, object]:
    """Parameters that are not searched: objective, seed, threads, repeatability."""
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


class BinnedRows:
    """Rows as LightGBM's Dataset under several bin settings.

    Args:
        rows: in time order; all that any fold trains on.
        sampled: the window that bins are made from, the oldest train window.
        policy: seed and threads.
        folder: receives settings that are not in use; without one they are binned again.
    """

    def __init__(
        self,
        rows: Dataset,
        sampled: Interval,
        *,
        policy: TrainingPolicy,
        folder: Path | None = None,
    ) -> None:
        self._rows = rows
        self._sampled = rows.bounds(sampled)
        self._policy = policy
        self._folder = folder
        self._made: tuple[tuple[int, int], lgb.Dataset] | None = None

    def select(self, selection: Selection, params: Params) -> lgb.Dataset:
        """Return the Dataset of some rows under the bin setting of `params`."""
        settings = self._settings(params)
        # Declared to take a list; an array is not copied.
        positions: Any = selection.positions
        chosen = self._dataset(params).subset(positions, params=settings)
        chosen.construct()
        if selection.weights is not None:
            chosen.set_weight(selection.weights)
        return chosen

    def _dataset(self, params: Params) -> lgb.Dataset:
        """One setting is held, up to half as large as the matrix; the others wait in files."""
        key = int(params["max_bin"]), int(params["min_data_in_bin"])
        if self._made is None or self._made[0] != key:
            self._made = None
            settings = self._settings(params)
            file = None if self._folder is None else self._folder / f"{key[0]}-{key[1]}.bin"
            if file is not None and file.exists():
                self._made = key, lgb.Dataset(file, params=settings).construct()
            else:
                self._made = key, self._bin(settings)
                if file is not None:
                    self._made[1].save_binary(file)
        return self._made[1]

    def _bin(self, settings: dict[str, object]) -> lgb.Dataset:
        first, end = self._sampled
        count = min(end - first, SAMPLED_ROWS)
        sample = self._rows.take(np.linspace(first, end - 1, count).astype(np.int64))
        reference = lgb.Dataset(
            sample.matrix,
            label=sample.labels,
            feature_name=self._rows.encoding.names,
            categorical_feature=self._rows.encoding.categorical,
            params=settings,
        ).construct()
        whole = lgb.Dataset(
            self._rows.matrix,
            label=self._rows.labels,
            feature_name=self._rows.encoding.names,
            reference=reference,
            params=settings,
            free_raw_data=True,
        ).construct()
        # The bins were copied; without this the sample would live as long as the whole.
        whole.reference = None
        return whole

    def _settings(self, params: Params) -> dict[str, object]:
        return {**fixed_params(self._policy), **{key: int(params[key]) for key in BINNING}}
