"""The seam between the search, the evaluation and a library that fits models."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import optuna

from expectations.contract import Interval
from training.data import Dataset, Encoding
from training.lightgbm_policy import Param
from training.policy import TrainingPolicy

Floats = npt.NDArray[np.float64]
Params = Mapping[str, Param | str]


class FittedModel(Protocol):
    """A fitted model, and how rows are written for it."""

    @property
    def encoding(self) -> Encoding:
        """Columns of the model, with their categories."""

    @property
    def native(self) -> object:
        """Model of the library itself, for MLflow's page of it."""

    def predict(self, rows: Dataset) -> Floats:
        """Raw fraud probabilities, of shape (rows,), in (0, 1); not calibrated.

        A missing value and a category that training did not see stand as NaN in `rows.matrix`.
        """

    def contributions(self, rows: Dataset) -> Floats:
        """Contribution of each column to the log odds, of shape (rows, columns + 1), the base last.

        A row adds up to the log odds of its raw probability.
        """

    def save(self) -> bytes:
        """Text of the model: the same rows, params and seed give the same bytes."""


class FoldFitter(Protocol):
    """Dataset made ready once for the many fits of a search."""

    def grow(self, window: Interval, params: Params, test: Dataset) -> Iterator[Floats]:
        """Fit on a train window and score test rows while the model grows.

        Yields:
            Log odds of the test rows, of shape (rows,), after each step. With a size given in
            `params`, only those of that size.
        """

    def sized(self, params: Params, *, steps: int) -> Params:
        """Complete params with the size that a model has after so many steps."""


class Learner(Protocol):
    """A library that fits models.

    Attributes:
        kind: its name in the manifest of a bundle.
    """

    kind: str

    def suggest(self, trial: optuna.Trial, policy: TrainingPolicy) -> Params:
        """Draw the params of a trial; what the policy gives is not drawn."""

    def starting_params(self, policy: TrainingPolicy) -> list[Params]:
        """Params that a search tries first, as far as the policy leaves them open."""

    def prepare(
        self, rows: Dataset, sampled: Interval, *, policy: TrainingPolicy, folder: Path
    ) -> FoldFitter:
        """Make rows ready for a search.

        Args:
            rows: in time order, all that any fold trains on.
            sampled: the oldest train window; nothing after it may shape how rows are read.
            policy: seed and threads.
            folder: for files of the search.
        """

    def fit(
        self, rows: Dataset, window: Interval, *, params: Params, policy: TrainingPolicy
    ) -> FittedModel:
        """Fit on the rows of a train window.

        Args:
            rows: in time order; may hold more than the window.
            window: `[start, end)` in UTC; `history` in `params` may shorten it at its beginning.
            params: as the search found them.
            policy: seed, threads, and what the library's own section gives.
        """

    def load(self, text: bytes, encoding: Encoding) -> FittedModel:
        """Read what `save` gave."""
