"""An entry of the table of metrics, and a value of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.evaluation.scored import ScoredModel

Floats = npt.NDArray[np.float64]
Unit = Literal["count", "count_a_day", "money", "score", "share"]
Weighted = Callable[[Floats], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a model on a test window.

    Attributes:
        name: under which the evaluation record holds it.
        title: for people.
        unit: decides how it is written.
        higher_is_better: None where neither direction is.
        compute: its value on the rows as they are; NaN where it is not defined.
        resample: the same as a function of row weights, for bootstrap samples; None: it has no
            interval.
        is_per_day: a mean over the days of the window.
        is_logged: in MLflow.
        is_compared: on the review page, beside the champion's.
        is_headline: at the head of that page.
        is_backtested: in the table of a backtest.
        has_baseline: logged for the logistic regression too.
        has_perfect: logged for a model that knows the labels too.
    """

    name: str
    title: str
    unit: Unit
    higher_is_better: bool | None
    compute: Callable[[ScoredModel], float]
    resample: Callable[[ScoredModel], Weighted] | None = None
    is_per_day: bool = False
    is_logged: bool = True
    is_compared: bool = False
    is_headline: bool = False
    is_backtested: bool = False
    has_baseline: bool = False
    has_perfect: bool = False

    @property
    def key(self) -> str:
        """Part that its names in MLflow have in common."""
        return f"{self.name}_per_day" if self.is_per_day else self.name

    @property
    def logged(self) -> str:
        """Name in MLflow."""
        return f"test_{self.key}"

    @property
    def logged_perfect(self) -> str:
        """Name in MLflow of the value that a perfect model has."""
        return f"perfect_{self.key}"

    @property
    def logged_baseline(self) -> str:
        """Name in MLflow of the logistic regression's value."""
        return f"baseline_{self.key}"


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A metric as a table shows it.

    Attributes:
        interval: the ends of its 95 % interval; None: it has none.
        baseline: the logistic regression's; None where both are alike.
        perfect: a perfect model's; None where that says nothing.
    """

    title: str
    unit: Unit
    value: float
    interval: tuple[float, float] | None
    baseline: float | None
    perfect: float | None
