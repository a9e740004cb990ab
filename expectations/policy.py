"""`[contract]`: requirements on the rows of a source and on the tables made from them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from expectations.allowed import argument_problems, match_condition
from expectations.contract import TRANSACTION_ID, Duration, FrozenModel, KeyedProblemsError

Severity = Literal["quarantine", "warn", "stop"]
TableName = Literal["transactions", "labels", "features", "training_set", "scores"]

REPEATED = "transaction_id_repeated"
TOO_OLD, IN_FUTURE = "event_time_too_old", "event_time_in_future"
AMOUNT_MISSING = "amount_missing"
AMOUNT_BELOW, AMOUNT_ABOVE = "amount_below_minimum", "amount_above_maximum"

Share = Annotated[float, Field(ge=0, le=1)]


class AmountRange(FrozenModel):
    """Amounts outside `[minimum, maximum]` are quarantined.

    Attributes:
        minimum: lowest amount that is taken.
        maximum: highest amount that is taken.
    """

    minimum: float = 0.0
    maximum: float = 1e7


class Trailing(FrozenModel):
    """Bounds on the difference between a day and the days before it, `[contract.trailing]`.

    A day's value is expected within `median ± max(tolerance * 1.4826 * MAD, least_change * median)`
    of the `days` before it, MAD being the median absolute deviation, which 1.4826 makes comparable
    with a standard deviation (Rousseeuw and Croux 1993), or else between their 5th and 95th
    percentile, as weekends are. So one odd day neither hides the next nor makes it look odd.

    Attributes:
        days: how many days before are looked at; fewer than half of them: nothing is expected.
        tolerance: in robust standard deviations.
        least_change: a smaller relative change is never a finding.
        judged: how many of the latest days are checked; those before were on their night.
    """

    days: Annotated[int, Field(ge=7)] = 28
    tolerance: Annotated[float, Field(gt=0)] = 6.0
    least_change: Annotated[float, Field(ge=0)] = 0.5
    judged: Annotated[int, Field(ge=1)] = 7


class RealSilence(FrozenModel):
    """`[[contract.silence.real]]`: a stretch that is as the source has it, not a fault of it.

    Attributes:
        column: an attribute that is empty, `is_fraud` without reports, or `rows` where these are
            few.
        since: its first day.
        until: the day after its last; none: what is from `since` on is the new level.
        because: why, for whoever reads the spec.
    """

    column: str
    since: date
    until: date | None = None
    because: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _refuse_an_end_before_the_begin(self) -> Self:
        if self.until is not None and self.until <= self.since:
            problem = f"until: {self.until} is not after since; give the day after the last"
            raise KeyedProblemsError((problem,))
        return self


class Silence(FrozenModel):
    """Findings of counts, rates and columns that stopped or collapsed, `[contract.silence]`.

    Growing stretches up to the latest day are compared with the days before them, so a fall is
    found for as long as it lasts. A fall by less than `trailing.least_change` is none.

    Attributes:
        level: how probable a finding in a table may be when nothing but chance made it.
        severity: what a stretch does that reaches the latest day. Days of the training set without
            any fraud report stop it in any case, unless they are stated in `real`.
    """

    level: Annotated[float, Field(gt=0, le=0.1)] = 0.001
    severity: Literal["warn", "stop"] = "warn"
    real: tuple[RealSilence, ...] = ()


class CustomExpectation(FrozenModel):
    """`[[contract.expectations]]`: an expectation of Great Expectations by its name.

    All further keys are its arguments, such as `column` or `max_value`; those that it may have are
    in `expectations.allowed.catalogue`. It sees the rows of the latest `trailing.days +
    trailing.judged` days, or each delivery where it quarantines.

    Attributes:
        table: that it is about.
        name: of the expectation, such as `expect_column_values_to_be_between`.
        severity: `quarantine` takes the rows that do not meet it out of the delivery; only for
            transactions, and only for expectations about single rows.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    table: TableName = "transactions"
    name: Annotated[str, Field(max_length=200)]
    severity: Severity = "stop"

    @model_validator(mode="after")
    def _refuse_what_is_not_listed(self) -> Self:
        problems = tuple(argument_problems(self.name, self.arguments, severity=self.severity))
        if problems:
            raise KeyedProblemsError(problems)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the expectation."""
        return dict(self.model_extra or {})

    @property
    def columns(self) -> list[str]:
        """Columns that it reads."""
        found: list[str] = []
        for key, value in self.arguments.items():
            if key.startswith("column"):
                listed = value if isinstance(value, list) else [value]
                found += [item for item in listed if isinstance(item, str)]
            elif key == "row_condition" and (condition := match_condition(value)) is not None:
                found.append(condition["column"])
        return list(dict.fromkeys(found))


class Contract(FrozenModel):
    """Requirements on the rows of a source, beside having their roles.

    Attributes:
        amount: outside of it a row breaks a rule.
        allowed: for attributes, the only values they may have.
        max_unseen_rate: highest share of a day's rows with a value that none of the days before
            had, for attributes without `allowed`.
        max_quarantined_share: highest share of a delivery's rows that may go to quarantine; above
            it the delivery is refused.
        max_absent_share: highest share of the filed transactions, and of the reports, that a
            delivery with `is_full` may leave out, and so withdraw; above it the delivery is
            refused.
        min_rows_per_day: fewest transactions of a day.
        max_fraud_rate: highest share of frauds among the rows of a training set.
        freshness: the latest transaction is at most this old at the knowledge time.
        min_label_coverage: lowest share of a mature day's transactions that have a label; for
            labels that come as a column.
        severities: for row rules by name, what happens instead of quarantine.
    """

    amount: AmountRange = AmountRange()
    allowed: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    max_unseen_rate: Share = 0.05
    max_quarantined_share: Share = 0.05
    max_absent_share: Share = 0.05
    min_rows_per_day: Annotated[int, Field(ge=0)] = 1
    max_fraud_rate: Annotated[float, Field(gt=0, le=1)] = 0.2
    min_label_coverage: Share = 0.9
    freshness: Duration | None = None
    trailing: Trailing = Trailing()
    silence: Silence = Silence()
    severities: dict[str, Severity] = Field(default_factory=dict)
    expectations: tuple[CustomExpectation, ...] = ()


def rule_names(contract: Contract, *, entities: Sequence[str]) -> list[str]:
    """List the row rules that `expectations.row_rules` applies, custom expectations apart."""
    return [
        "transaction_id_missing",
        REPEATED,
        "event_time_missing",
        TOO_OLD,
        IN_FUTURE,
        "known_time_missing",
        "known_before_event",
        AMOUNT_MISSING,
        AMOUNT_BELOW,
        AMOUNT_ABOVE,
        *(f"{entity}_missing" for entity in entities),
        "label_not_0_or_1",
        *(f"{column}_not_allowed" for column in contract.allowed),
    ]


def may_warn(rule: str) -> bool:
    """Return True if a rule may warn only; with rows that break another a step could not go on."""
    return rule in {AMOUNT_BELOW, AMOUNT_ABOVE} or rule.endswith("_not_allowed")


def kept_columns(declared: Sequence[CustomExpectation], table: TableName) -> list[str]:
    """List the columns that a pass over a table keeps for the custom expectations, if any."""
    named = [
        custom for custom in declared if custom.table == table and custom.severity != "quarantine"
    ]
    if not named:
        return []
    return list(dict.fromkeys([TRANSACTION_ID, *(c for custom in named for c in custom.columns)]))
