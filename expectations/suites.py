"""Great Expectations suites made from the contract: one function a table.

Severity `critical` stops the run; `warning` is reported and lets it pass.
"""

from collections.abc import Sequence

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    Contract,
    Interval,
)

ROWS_PER_DAY = "rows"
STOP, WARN = FailureSeverity.CRITICAL, FailureSeverity.WARNING


def build_transaction_suite(
    contract: Contract, *, entities: Sequence[str], known: Interval
) -> gx.ExpectationSuite:
    """What the transactions known by an `as_of` must satisfy.

    Args:
        contract: allowed ranges.
        entities: columns that identify who acts.
        known: from the first event to the `as_of`; no event may lie outside.
    """
    required = (TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, AMOUNT, *entities)
    expectations: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column=column, severity=STOP) for column in required
    ]
    expectations += [
        gxe.ExpectColumnValuesToBeUnique(column=TRANSACTION_ID, severity=STOP),
        gxe.ExpectColumnValuesToBeBetween(
            column=AMOUNT,
            min_value=contract.amount.minimum,
            max_value=contract.amount.maximum,
            severity=STOP,
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column=EVENT_TIME,
            min_value=known.start.replace(tzinfo=None),
            max_value=known.end.replace(tzinfo=None),
            strict_max=True,
            severity=STOP,
        ),
    ]
    return gx.ExpectationSuite(name="transactions", expectations=expectations)


def build_volume_suite(contract: Contract) -> gx.ExpectationSuite:
    """What the daily row counts must satisfy: a day that is missing or thin stops the run."""
    volume = gxe.ExpectColumnValuesToBeBetween(
        column=ROWS_PER_DAY, min_value=contract.min_rows_per_day, severity=STOP
    )
    return gx.ExpectationSuite(name="volume", expectations=[volume])


def build_training_suite(contract: Contract, *, columns: Sequence[str]) -> gx.ExpectationSuite:
    """What a training set must satisfy: matured labels of both classes, no id twice.

    Args:
        contract: the highest fraud rate that is believed.
        columns: numeric model columns; one that is null everywhere is reported.
    """
    expectations: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column=LABEL, severity=STOP),
        gxe.ExpectColumnValuesToBeInSet(column=LABEL, value_set=[0, 1], severity=STOP),
        gxe.ExpectColumnValuesToBeUnique(column=TRANSACTION_ID, severity=STOP),
        gxe.ExpectColumnMeanToBeBetween(
            column=LABEL,
            min_value=0,
            strict_min=True,
            max_value=contract.max_fraud_rate,
            severity=STOP,
        ),
    ]
    expectations += [
        gxe.ExpectColumnValuesToNotBeNull(column=column, mostly=0.01, severity=WARN)
        for column in columns
    ]
    return gx.ExpectationSuite(name="training_set", expectations=expectations)
