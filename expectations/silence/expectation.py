"""Expectations on the days of a profile: counts go on, and no day is without any."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

import numpy as np
from great_expectations.core import ExpectationValidationResult
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.contract import EVENT_DAY
from expectations.silence.stretches import Stretch, find_lasting, find_silent_runs
from expectations.silence.usual import Floats

MOST_SHOWN = 5


class DayColumns(TableMetricProvider):
    """Whole columns of a profile, in the order of days."""

    metric_name = "table.day_columns"
    value_keys = ("names",)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805 -- the decorator makes it a class method
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002 -- theirs
        runtime_configuration: dict[str, Any],  # noqa: ARG002 -- theirs
    ) -> dict[str, list[Any]]:
        rows, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        return {name: rows[name].tolist() for name in metric_value_kwargs["names"]}


class _ExpectCounts(BatchExpectation):
    """Columns that both expectations read: a count a day, and the rows it is part of.

    Attributes:
        column: the count.
        of: rows a day; None: the count is of rows itself.
        level: the probability at which chance alone may give a finding.
        real: stretches `[since, until)` that are stated to be as they are; with an empty
            `until`, what is from `since` on.
    """

    column: str
    of: str | None = None
    level: float = 0.001
    real: list[list[str]] = []  # noqa: RUF012 -- pydantic copies it

    args_keys: ClassVar[tuple[str, ...]] = ("column",)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "of", "level", "real")

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine[Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """Ask for the days and the counts."""
        dependencies = super().get_validation_dependencies(execution_engine, runtime_configuration)
        names = [EVENT_DAY, self.column, *([] if self.of is None else [self.of])]
        dependencies.set_metric_configuration(
            DayColumns.metric_name,
            MetricConfiguration(
                DayColumns.metric_name, {"batch_id": self.batch_id}, {"names": names}
            ),
        )
        return dependencies

    def _read(self, metrics: Mapping[str, Any]) -> tuple[list[str], Floats, Floats | None]:
        columns = metrics[DayColumns.metric_name]
        days, counts = columns[EVENT_DAY], np.array(columns[self.column], dtype=np.float64)
        if self.of is None:
            return days, counts, None
        rows = np.array(columns[self.of], dtype=np.float64)
        return days, counts, rows


class ExpectCountsToGoOn(_ExpectCounts):
    """Expect a count not to have stopped or collapsed, up to the latest day.

    Attributes:
        least_change: a smaller relative fall is none.
        metrics: how many are looked at.
    """

    least_change: float = 0.5
    metrics: int = 1

    success_keys = (*_ExpectCounts.success_keys, "least_change", "metrics")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 -- theirs
        execution_engine: ExecutionEngine[Any] | None = None,  # noqa: ARG002 -- theirs
    ) -> ExpectationValidationResult | dict[str, Any]:
        days, counts, rows = self._read(metrics)
        for since, until in self.real:
            # What is real from a day on is the new level, so the days before are none of it.
            is_new_level = not until and bool(days) and since <= days[-1]
            unjudged = [day < since if is_new_level else since <= day < until for day in days]
            counts = np.where(np.array(unjudged), np.nan, counts)
        found = find_lasting(
            days, counts, rows,
            level=self.level, least_change=self.least_change, metrics=self.metrics,
        )  # fmt: skip
        return _result([] if found is None else [found])


class ExpectNoSilentRun(_ExpectCounts):
    """Expect a count not to be zero for longer than chance allows, on any days."""

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 -- theirs
        execution_engine: ExecutionEngine[Any] | None = None,  # noqa: ARG002 -- theirs
    ) -> ExpectationValidationResult | dict[str, Any]:
        days, counts, rows = self._read(metrics)
        if rows is None:
            raise ValueError("of: missing; name the metric of the rows that could have counted")
        counts = np.where(rows == 0, np.nan, counts)
        for since, until in self.real:
            real = [since <= day and (not until or day < until) for day in days]
            counts = np.where(np.array(real), np.nan, counts)
        return _result(find_silent_runs(days, counts, rows, level=self.level))


def _result(found: Sequence[Stretch]) -> dict[str, Any]:
    """Write stretches as Great Expectations keeps a result."""
    shown = [str(stretch) for stretch in found[-MOST_SHOWN:]]
    if len(found) > MOST_SHOWN:
        shown.append(f"and {len(found) - MOST_SHOWN} more such stretches before")
    return {"success": not found, "result": {"observed_value": "; ".join(shown) or "as before"}}


def write_real(since: date, until: date | None) -> list[str]:
    """Write a stated stretch as an argument of these expectations."""
    return [str(since), "" if until is None else str(until)]
