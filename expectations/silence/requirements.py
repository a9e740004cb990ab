"""The expectations about silence that a table's columns and its contract ask for."""

from collections.abc import Iterator, Sequence

import great_expectations.expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.contract import LABEL, Column
from expectations.policy import Contract
from expectations.silence.expectation import ExpectCountsToGoOn, ExpectNoSilentRun, write_real


def expect_values(
    columns: Sequence[Column], contract: Contract, *, rows: str
) -> Iterator[gxe.Expectation]:
    """Expect rows, and the values of each column that may be missing, to go on.

    Args:
        columns: of the table.
        contract: has the level, and the stretches that are real.
        rows: the metric of a day's rows.
    """
    optional = [column.name for column in columns if not column.is_required]
    metrics = len(optional) + 1
    yield _go_on(rows, "transactions go on coming", contract, metric=rows, metrics=metrics)
    for name in optional:
        yield _go_on(
            name, f"{name} goes on being filled", contract,
            metric=f"{name}.present", of=rows, metrics=metrics,
        )  # fmt: skip


def expect_reports(metric: str, contract: Contract, *, of: str) -> gxe.Expectation:
    """Expect frauds to go on being reported.

    Args:
        metric: of a day's frauds.
        contract: has the level, and the stretches that are real.
        of: the metric of the transactions that they are some of.
    """
    return _go_on(LABEL, "frauds go on being reported", contract, metric=metric, of=of)


def expect_no_silent_run(contract: Contract, *, of: str) -> gxe.Expectation:
    """Expect no days of a training set to be without any fraud for want of reports."""
    expectation = ExpectNoSilentRun(
        column=f"{LABEL}.sum", of=of, level=contract.silence.level, real=_real(contract, LABEL)
    )
    text = "no days are taken as legitimate for want of fraud reports"
    expectation.description = f"{text}; {_remedy(LABEL)}"
    expectation.severity = FailureSeverity.CRITICAL
    return expectation


def _go_on(
    column: str, text: str, contract: Contract, *, metric: str, of: str | None = None,
    metrics: int = 1,
) -> gxe.Expectation:  # fmt: skip
    silence = contract.silence
    expectation = ExpectCountsToGoOn(
        column=metric, of=of, metrics=metrics, level=silence.level,
        least_change=contract.trailing.least_change, real=_real(contract, column),
    )  # fmt: skip
    expectation.description = f"{text}; {_remedy(column)}"
    stops = silence.severity == "stop"
    expectation.severity = FailureSeverity.CRITICAL if stops else FailureSeverity.WARNING
    return expectation


def _real(contract: Contract, column: str) -> list[list[str]]:
    stated = [real for real in contract.silence.real if real.column == column]
    return [write_real(real.since, real.until) for real in stated]


def _remedy(column: str) -> str:
    return (
        "deliver what is missing, or state the days in [[contract.silence.real]], "
        f'column = "{column}", where the source has no more'
    )
