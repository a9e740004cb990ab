"""Great Expectations suites made from a table's columns and its contract, to be run on a profile.

Severity `critical` stops the run; `warning` is reported and lets it pass. Every expectation says
in `description` what it means for the table; that is what messages and Data Docs show.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    Column,
    format_duration,
)
from expectations.policy import AMOUNT_ABOVE, AMOUNT_BELOW, Contract, Trailing
from expectations.profile import AGE, ROWS
from expectations.silence.requirements import expect_no_silent_run, expect_reports, expect_values
from expectations.trailing_bounds import ExpectColumnToVary, ExpectColumnValuesToFollowTrailingDays

STOP, WARN = FailureSeverity.CRITICAL, FailureSeverity.WARNING
FRAUD_RATE, COVERAGE, DELAY = "fraud_rate", "label_coverage", "reporting_delay_days"
# Frauds and transactions of the days whose labels should be known.
FRAUDS, MATURE = "mature_frauds", "mature_transactions"
_HOUR_THAT_DAYLIGHT_SAVING_MAKES = 1
_NULL_RATE_FLOOR = 0.05
_LEAST_ROWS_FOLLOWED = 10.0

Expectations = Iterator[gxe.Expectation]


def build_transaction_suite(columns: Sequence[Column], contract: Contract) -> gx.ExpectationSuite:
    """Build the suite of transactions: ids, clocks, ranges, volume, freshness, drift."""
    return _suite(
        "transactions",
        *_columns(columns, contract, WARN),
        *_ids(),
        *_clocks(),
        *_volume(contract),
        *_freshness(contract),
        *_drift(columns, contract.trailing),
        *_unseen(columns, contract),
        *expect_values(columns, contract, rows=ROWS),
    )


def build_label_suite(
    columns: Sequence[Column], contract: Contract, *, immature: int = 0
) -> gx.ExpectationSuite:
    """Build the suite of labels: values, coverage, reporting delay, the rate of frauds.

    Args:
        columns: of the table.
        contract: allowed coverage and drift.
        immature: how many of the latest days wait for labels yet; the days before are checked.
    """
    trailing = contract.trailing.model_copy(update={"judged": contract.trailing.judged + immature})
    return _suite(
        "labels",
        *_columns(columns, contract, STOP),
        *_ids(),
        _none(f"{KNOWN_TIME}.before_event", "no label is known before its transaction", STOP),
        _at_least(
            COVERAGE,
            contract.min_label_coverage,
            "mature transactions have a label",
            WARN,
        ),
        _follow(DELAY, "the reporting delay of mature days", trailing, floor=1.0),
        _follow(FRAUD_RATE, "the fraud rate of mature days", trailing),
        expect_reports(FRAUDS, contract, of=MATURE),
    )


def build_feature_suite(columns: Sequence[Column], contract: Contract) -> gx.ExpectationSuite:
    """Build the suite of a feature table: ids, ranges of aggregates, nulls, constants."""
    features = [column for column in columns if column.kind in {"number", "count"}]
    return _suite(
        "features",
        *_columns(columns, contract, WARN),
        *_ids(),
        *_drift(features, contract.trailing),
        *(
            _named(ExpectColumnToVary(column=c.name), f"{c.name} is not the same everywhere", WARN)
            for c in features
        ),
    )


def build_training_suite(
    columns: Sequence[Column],
    contract: Contract,
    *,
    rows: int,
    maturity: timedelta,
    reports_frauds_only: bool = False,
) -> gx.ExpectationSuite:
    """Build the suite of a training set: matured labels of both classes, no id twice.

    Args:
        columns: its columns, the label among them.
        contract: the highest fraud rate that is believed.
        rows: how many it has.
        maturity: no label is younger.
        reports_frauds_only: a row without a label counts as legitimate, so days without any report
            stop; else they have no rows, and are named.
    """
    silent = expect_no_silent_run(contract, of=ROWS)
    unlabelled = _at_least(ROWS, 1, "every day has transactions whose label is known", WARN)
    return _suite(
        "training_set",
        *_columns(columns, contract, WARN),
        *_ids(),
        _none(f"{EVENT_TIME}.after", f"no label is younger than {format_duration(maturity)}", STOP),
        _named(
            gxe.ExpectColumnSumToBeBetween(
                column=f"{LABEL}.sum", min_value=1, max_value=contract.max_fraud_rate * rows
            ),
            f"at least one row of {rows:,} is a fraud, and at most {contract.max_fraud_rate:.0%}",
            STOP,
        ),
        silent if reports_frauds_only else unlabelled,
        *(
            _named(ExpectColumnToVary(column=c.name), f"{c.name} is not the same everywhere", WARN)
            for c in columns
            if c.kind in {"number", "count"}
        ),
    )


def build_score_suite(columns: Sequence[Column], contract: Contract) -> gx.ExpectationSuite:
    """Build the suite of captured scores and requests: probabilities, columns, drift."""
    return _suite(
        "scores", *_columns(columns, contract, STOP), *_ids(), *_drift(columns, contract.trailing)
    )


def _suite(name: str, *expectations: gxe.Expectation) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(name=name, expectations=list(expectations))


def _columns(
    columns: Sequence[Column], contract: Contract, range_severity: FailureSeverity
) -> Expectations:
    """Check what each column declares: what ingestion quarantines must not stand in a table."""
    warned = {rule for rule, severity in contract.severities.items() if severity == "warn"}
    for column in columns:
        if column.is_required:
            yield _none(f"{column.name}.missing", f"{column.name} is never missing", STOP)
        if column.minimum is not None or column.maximum is not None:
            severity = STOP if column.is_required else range_severity
            if column.name == AMOUNT and warned & {AMOUNT_BELOW, AMOUNT_ABOVE}:
                severity = WARN
            low = "-∞" if column.minimum is None else f"{column.minimum:g}"
            high = "∞" if column.maximum is None else f"{column.maximum:g}"
            text = f"{column.name} is between {low} and {high}"
            yield _none(f"{column.name}.outside", text, severity)
        if column.allowed:
            text = f"{column.name} is one of {', '.join(column.allowed)}"
            severity = WARN if f"{column.name}_not_allowed" in warned else STOP
            yield _none(f"{column.name}.not_allowed", text, severity)


def _ids() -> Expectations:
    yield _none(f"{TRANSACTION_ID}.repeated", "no transaction stands twice", STOP)


def _clocks() -> Expectations:
    yield _none(f"{EVENT_TIME}.outside_day", "event times lie in the day of their part", STOP)
    yield _none(f"{EVENT_TIME}.after", "no event lies after the knowledge time", STOP)
    yield _none(f"{KNOWN_TIME}.before_event", "nothing is known before it happened", STOP)
    shift = f"{EVENT_TIME}.clock_shift"
    hour = _HOUR_THAT_DAYLIGHT_SAVING_MAKES
    yield _named(
        gxe.ExpectColumnValuesToBeBetween(column=shift, min_value=-hour, max_value=hour),
        "the clock is that of the trailing days; a shift of whole hours is a time zone mistake",
        STOP,
    )
    yield _named(
        gxe.ExpectColumnValuesToBeInSet(column=shift, value_set=[0.0]),
        "the clock is that of the trailing days; one hour may be daylight saving time",
        WARN,
    )


def _volume(contract: Contract) -> Expectations:
    yield _at_least(ROWS, contract.min_rows_per_day, "every day has its rows", STOP)
    yield _follow(
        ROWS, "the number of rows", contract.trailing, severity=STOP, floor=_LEAST_ROWS_FOLLOWED
    )


def _freshness(contract: Contract) -> Expectations:
    if contract.freshness is not None:
        oldest = contract.freshness / timedelta(days=1)
        yield _named(
            gxe.ExpectColumnMinToBeBetween(column=AGE, max_value=oldest),
            f"the latest day is at most {format_duration(contract.freshness)} old",
            STOP,
        )


def _drift(columns: Sequence[Column], trailing: Trailing) -> Expectations:
    """Follow null rates and means, and watch for values that no trailing day had."""
    for column in columns:
        if not column.is_required:
            yield _follow(
                f"{column.name}.missing_rate",
                f"the share of rows without {column.name}",
                trailing,
                floor=_NULL_RATE_FLOOR,
            )
        if column.is_numeric:
            yield _follow(f"{column.name}.mean", f"the mean of {column.name}", trailing)


def _unseen(columns: Sequence[Column], contract: Contract) -> Expectations:
    """Limit the rows with a new value, for text columns without a list of values."""
    for column in columns:
        if column.kind == "text" and not column.allowed:
            yield _named(
                gxe.ExpectColumnValuesToBeBetween(
                    column=f"{column.name}.unseen_rate", max_value=contract.max_unseen_rate
                ),
                f"at most {contract.max_unseen_rate:.0%} of a day's {column.name} are values that "
                "the days before did not have",
                WARN,
            )


def _none(metric: str, description: str, severity: FailureSeverity) -> gxe.Expectation:
    expectation = gxe.ExpectColumnValuesToBeBetween(column=metric, max_value=0)
    return _named(expectation, description, severity)


def _at_least(
    metric: str, least: float, description: str, severity: FailureSeverity
) -> gxe.Expectation:
    expectation = gxe.ExpectColumnValuesToBeBetween(column=metric, min_value=least)
    return _named(expectation, description, severity)


def _follow(
    metric: str,
    what: str,
    trailing: Trailing,
    *,
    severity: FailureSeverity = WARN,
    floor: float = 0.0,
) -> gxe.Expectation:
    expectation = ExpectColumnValuesToFollowTrailingDays(
        column=metric,
        days=trailing.days,
        tolerance=trailing.tolerance,
        least_change=trailing.least_change,
        judged=trailing.judged,
        floor=floor,
    )
    return _named(expectation, f"{what} follows the {trailing.days} days before", severity)


def _named(
    expectation: gxe.Expectation, description: str, severity: FailureSeverity
) -> gxe.Expectation:
    expectation.description = description
    expectation.severity = severity
    return expectation
