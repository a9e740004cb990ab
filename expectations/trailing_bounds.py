"""Expectations of ours on the days of a table: trailing bounds, and columns that never change.

They run on a profile (`expectations.profile`), which has one row a day.
"""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import (
    BatchExpectation,
    ColumnMapExpectation,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

MAD_TO_DEVIATION = 1.4826
# Between these quantiles of the days before is nothing new: weekends, which a median does not see.
RARE = 0.05


def trailing_bounds(
    values: pd.Series, *, days: int, tolerance: float, least_change: float, floor: float
) -> tuple[pd.Series, pd.Series]:
    """Compute the lowest and highest expected value of each day from the days before it.

    Args:
        values: one a day, in the order of days; NaN where there is none.
        days: how many days before are looked at; NaN where fewer than half of them have a value.
        tolerance: in robust standard deviations, see `expectations.policy.Trailing`.
        least_change: a smaller relative change is always expected.
        floor: an absolute change up to this is always expected.
    """
    before = values.rolling(days, min_periods=max(days // 2, 1))
    median = before.median().shift(1)

    def deviation(window: Any) -> float:
        return float(np.nanmedian(np.abs(window - np.nanmedian(window))))

    spread = before.apply(deviation, raw=True).shift(1) * MAD_TO_DEVIATION
    reach = (tolerance * spread).combine(least_change * median.abs(), max).clip(lower=floor)
    low, high = before.quantile(RARE).shift(1), before.quantile(1 - RARE).shift(1)
    return (median - reach).combine(low, min), (median + reach).combine(high, max)


class ColumnValuesFollowTrailingDays(ColumnMapMetricProvider):
    """Condition of each day's value: within the bounds that the days before it give."""

    condition_metric_name = "column_values.follow_trailing_days"
    condition_value_keys = ("days", "tolerance", "least_change", "floor", "judged")
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(  # noqa: PLR0917 -- Great Expectations gives keywords
        cls,  # noqa: N805 -- the decorator makes it a class method
        column: pd.Series,
        days: int,
        tolerance: float,
        least_change: float,
        floor: float,
        judged: int,
        **_: object,
    ) -> pd.Series:
        # Days before the judged ones and their references would cost time, for years of them.
        late = column.iloc[max(len(column) - judged - days, 0) :]
        low, high = trailing_bounds(
            late, days=days, tolerance=tolerance, least_change=least_change, floor=floor
        )
        outside = ((late < low) | (late > high)).reindex(column.index, fill_value=False)
        outside.iloc[: max(len(column) - judged, 0)] = False
        return ~outside


class ExpectColumnValuesToFollowTrailingDays(ColumnMapExpectation):
    """Expect each of the latest days' values near those of the days before it."""

    days: int = 28
    tolerance: float = 6.0
    least_change: float = 0.5
    floor: float = 0.0
    judged: int = 7

    map_metric: ClassVar[str] = ColumnValuesFollowTrailingDays.condition_metric_name
    success_keys = ("days", "tolerance", "least_change", "floor", "judged", "mostly")
    args_keys = ("column", "days", "tolerance")


class ExpectColumnToVary(BatchExpectation):
    """Expect a column of the profiled table not to have one and the same value everywhere."""

    column: str

    success_keys = ("column",)
    args_keys = ("column",)

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine[Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """Ask for the lowest and the highest value of any day."""
        dependencies = super().get_validation_dependencies(execution_engine, runtime_configuration)
        for statistic in ("min", "max"):
            domain = {"column": f"{self.column}.{statistic}", "batch_id": self.batch_id}
            dependencies.set_metric_configuration(
                f"column.{statistic}", MetricConfiguration(f"column.{statistic}", domain)
            )
        return dependencies

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 -- theirs
        execution_engine: ExecutionEngine[Any] | None = None,  # noqa: ARG002 -- theirs
    ) -> ExpectationValidationResult | dict[str, Any]:
        low, high = metrics["column.min"], metrics["column.max"]
        return {"success": bool(high > low), "result": {"observed_value": f"{low} everywhere"}}
