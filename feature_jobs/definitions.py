"""What a spec says about features: trailing windows, and expressions derived from them.

Only the declaration: it imports pydantic, so a spec is read without Spark.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, cast

from pydantic import Field

from expectations.contract import LABEL, Duration, Policy, format_duration

Statistic = Literal["count", "sum", "mean", "min", "max", "std", "rate"]
Aggregate = Literal[
    "count", "sum", "mean", "min", "max", "std", "rate",
    "prior_count", "prior_sum", "prior_mean", "prior_min", "prior_max", "prior_std",
]  # fmt: skip

PRIOR = "prior_"
TRANSACTIONS = "transaction"
FRAUD = "fraud"

_OF_A_MEASURE = frozenset({"sum", "mean", "min", "max", "std"})
_OF_LABELS = frozenset({"count", "rate"})


@dataclass(frozen=True, slots=True)
class Window:
    """One feature: one aggregate of one measure over one trailing window of one entity.

    Attributes:
        measure: a numeric column, the label, or None for the transactions themselves.
        statistic: the aggregate, without `prior_`.
        is_prior: whether the current transaction is left out.
        delay: how long after its event a value counts as visible; None: when it became known.
    """

    name: str
    entity: str
    measure: str | None
    statistic: Statistic
    is_prior: bool
    length: timedelta
    delay: timedelta | None


class WindowGroup(Policy):
    """`[[features.windows]]`: one entity, its aggregates times its windows.

    A window of length w at time t holds the events in `(t - w, t]` that were visible at t; with a
    fixed `delay` d it holds those in `(t - d - w, t - d]`.

    Attributes:
        measure: a numeric column or `is_fraud`; none: the transactions themselves.
        aggregates: `count`, `sum`, `mean`, `min`, `max`, `std` (of a sample), each also as
            `prior_…` without the current transaction; for `is_fraud`: `count` of known frauds and
            `rate`, their share of all transactions in the window (0 where there are none).
    """

    entity: str
    measure: str | None = None
    aggregates: Annotated[tuple[Aggregate, ...], Field(min_length=1)]
    windows: Annotated[tuple[Duration, ...], Field(min_length=1)]
    delay: Duration | None = None

    def expand(self) -> Iterator[Window]:
        """Every feature of the group, aggregate by aggregate."""
        for aggregate in self.aggregates:
            for length in self.windows:
                yield Window(
                    name=self._name(aggregate, length),
                    entity=self.entity,
                    measure=self.measure,
                    statistic=cast("Statistic", aggregate.removeprefix(PRIOR)),
                    is_prior=aggregate.startswith(PRIOR),
                    length=length,
                    delay=self.delay,
                )

    def _name(self, aggregate: str, length: timedelta) -> str:
        subject = {None: TRANSACTIONS, LABEL: FRAUD}.get(self.measure, self.measure)
        parts = [self.entity.removesuffix("_id"), subject, aggregate, format_duration(length)]
        # Labels always wait; only for the rest does a delay make another feature.
        if self.delay is not None and self.measure != LABEL:
            parts.append(f"delayed_{format_duration(self.delay)}")
        return "_".join(str(part) for part in parts)


class Derived(Policy):
    """`[[features.derived]]`: a Spark SQL expression over row columns and window features."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    sql: Annotated[str, Field(min_length=1)]


class FeatureSet(Policy):
    """`[features]`: everything that is computed, in the order of the model's columns."""

    windows: tuple[WindowGroup, ...] = ()
    derived: tuple[Derived, ...] = ()

    def expand(self) -> list[Window]:
        """Every window feature, in declared order."""
        return [window for group in self.windows for window in group.expand()]

    def feature_names(self) -> list[str]:
        """Names of the window features, then of the derived ones."""
        return [w.name for w in self.expand()] + [d.name for d in self.derived]

    @property
    def lookback(self) -> timedelta:
        """How far before a row's event time another row can still count."""
        reaches = [w.length + (w.delay or timedelta()) for w in self.expand()]
        return max(reaches, default=timedelta())

    def describe(self) -> str:
        """One line a feature, in words."""
        lines = [f"{w.name}: {_in_words(w)}" for w in self.expand()]
        return "\n".join(lines + [f"{d.name}: {d.sql}" for d in self.derived])

    def problems(
        self, entities: Collection[str], numeric: Collection[str], row_columns: Collection[str]
    ) -> list[str]:
        """What is wrong with the declaration, given the source's columns.

        Args:
            entities: columns that history is kept for.
            numeric: columns that can be a measure, beside the label.
            row_columns: every column of a row; no feature may have the name of one.
        """
        found = []
        for number, group in enumerate(self.windows):
            found += [
                f"features.windows.{number}.{p}" for p in _group_problems(group, entities, numeric)
            ]
        names = Counter(self.feature_names())
        found += [
            f"features: the name {name!r} is made {times} times; remove one"
            for name, times in names.items()
            if times > 1
        ]
        found += [
            f"features: the name {name!r} is a column of the rows; choose another"
            for name in names
            if name in row_columns or name == LABEL
        ]
        return found


def _group_problems(
    group: WindowGroup, entities: Collection[str], numeric: Collection[str]
) -> Iterator[str]:
    if group.entity not in entities:
        known = ", ".join(sorted(entities))
        yield f"entity: {group.entity!r} is not one of source.entities ({known})"
    if group.measure not in {None, LABEL, *numeric}:
        known = ", ".join(sorted({*numeric, LABEL}))
        yield f"measure: {group.measure!r} is not a numeric column or the label ({known})"
    for aggregate in group.aggregates:
        statistic = aggregate.removeprefix(PRIOR)
        if group.measure == LABEL and aggregate not in _OF_LABELS:
            yield f"aggregates: {aggregate!r} is not made of labels; use count or rate"
        if group.measure != LABEL and statistic == "rate":
            yield "aggregates: 'rate' is made of labels; set measure = \"is_fraud\""
        if group.measure is None and statistic in _OF_A_MEASURE:
            yield f'aggregates: {aggregate!r} needs a measure, such as "amount"'
    for length in group.windows:
        if length <= timedelta():
            yield f"windows: {format_duration(length)} holds nothing; use a length above zero"


def _in_words(window: Window) -> str:
    entity = re.sub("_id$", "", window.entity)
    what = {
        None: "transactions",
        LABEL: "frauds" if window.statistic == "count" else "frauds per transaction",
    }.get(window.measure, window.measure)
    until = f"up to {format_duration(window.delay)} before it" if window.delay else "up to it"
    without = ", itself left out" if window.is_prior else ""
    length = format_duration(window.length)
    return f"{window.statistic} of {what} of the same {entity} over the {length} {until}{without}"
