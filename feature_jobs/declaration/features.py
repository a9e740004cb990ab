"""Declaration of features in a spec: trailing windows, links, and derived expressions.

It imports pydantic only, so a spec is read without Spark. `checks` validates a declaration,
`descriptions` describes it for people, `aggregates` lists what windows can have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from expectations.contract import LABEL, LONGEST_NAME, Duration, FrozenModel, format_duration
from feature_jobs.declaration.aggregates import AGGREGATES, Aggregate

LinkStatistic = Literal["neighbours", "neighbour_frauds"]

PRIOR = "prior_"
TRANSACTIONS = "transaction"
FRAUD = "fraud"
LEGITIMATE = "is_genuine"
MAX_DEGREE = 50

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=LONGEST_NAME)]


@dataclass(frozen=True, slots=True)
class Window:
    """One feature: one aggregate of one measure over one trailing window of one entity.

    Attributes:
        keys: the entity's columns; more than one for the history of a pair.
        measure: a column, a condition, the label, `is_genuine`, or None for the transactions
            themselves.
        where: a condition; only rows that meet it count.
        statistic: the aggregate, without `prior_`.
        is_prior: True if the current transaction is left out.
        delay: how long after its event a value counts as visible; None: when it became known.
    """

    name: str
    keys: tuple[str, ...]
    measure: str | None
    where: str | None
    statistic: str
    is_prior: bool
    length: timedelta
    delay: timedelta | None

    @property
    def aggregate(self) -> Aggregate:
        """Entry of the aggregate in the registry."""
        return AGGREGATES[self.statistic]

    @property
    def excludes_current(self) -> bool:
        """True if the row itself never counts."""
        return self.is_prior or self.aggregate.excludes_current

    @property
    def reads_labels(self) -> bool:
        """True if it depends on labels."""
        return self.measure in {LABEL, LEGITIMATE}

    @property
    def window_plus_delay(self) -> timedelta:
        """Time from an event until its value leaves the window."""
        return self.length + (self.delay or timedelta())


@dataclass(frozen=True, slots=True)
class Link:
    """One feature of the entities that share something, such as a device, with the row's entity.

    Attributes:
        entity: whose neighbours are meant.
        through: what they share.
        max_degree: more members than this, and a shared thing links nobody.
    """

    name: str
    entity: str
    through: str
    statistic: LinkStatistic
    length: timedelta
    max_degree: int


class WindowGroup(FrozenModel):
    """`[[features.windows]]`: one entity, its aggregates times its windows.

    A window of length w at time t holds the events in `(t - w, t]` that were visible at t; with a
    fixed `delay` d it holds those in `(t - d - w, t - d]`.

    Attributes:
        entity: a column, or several, such as `["customer_id", "terminal_id"]`.
        measure: a column, a condition, `is_fraud` or `is_genuine`; none: the transactions
            themselves. What is not known to be a fraud, a `delay` after it happened, is legitimate.
        where: a condition; only rows that meet it count, at their own time.
        aggregates: `count`, `sum`, `mean`, `std` (of a sample), `median`, `min`, `max`, `last`,
            `distinct`, `time_since_last`, `time_since_first` (seconds, the current transaction
            left out), `share` of a condition; each but the times also as `prior_…` without the
            current transaction. For `is_fraud`: `count` of known frauds, `rate`, their share of all
            transactions in the window (0 where there are none), and the times. For `is_genuine`:
            the times.
        windows: lengths of the trailing windows.
        delay: how long after its event a value counts, with the window shifted back by as much;
            none: when it became known. Required for `is_genuine`.
    """

    entity: str | tuple[str, ...]
    measure: str | None = None
    where: Name | None = None
    aggregates: Annotated[tuple[str, ...], Field(min_length=1)]
    windows: Annotated[tuple[Duration, ...], Field(min_length=1)]
    delay: Duration | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The entity's columns."""
        return (self.entity,) if isinstance(self.entity, str) else self.entity

    def expand(self) -> Iterator[Window]:
        """Every feature of the group, aggregate by aggregate."""
        for aggregate in self.aggregates:
            for length in self.windows:
                yield Window(
                    name=self._name(aggregate, length),
                    keys=self.keys,
                    measure=self.measure,
                    where=self.where,
                    statistic=aggregate.removeprefix(PRIOR),
                    is_prior=aggregate.startswith(PRIOR),
                    length=length,
                    delay=self.delay,
                )

    def _name(self, aggregate: str, length: timedelta) -> str:
        named = {None: TRANSACTIONS, LABEL: FRAUD, LEGITIMATE: LEGITIMATE.removeprefix("is_")}
        subject = named.get(self.measure, self.measure)
        entity = [key.removesuffix("_id") for key in self.keys]
        entity += [self.where] if self.where else []
        parts = [*entity, str(subject).removesuffix("_id"), aggregate, format_duration(length)]
        # Labels always wait; only for the rest does a delay make another feature.
        if self.delay is not None and self.measure not in {LABEL, LEGITIMATE}:
            parts.append(f"delayed_{format_duration(self.delay)}")
        return "_".join(parts)


class LinkGroup(FrozenModel):
    """`[[features.links]]`: neighbours of an entity, which used what it used in the window.

    Two hops: from the row's customer to the devices it used in `(t - w, t]`, this row's included,
    and from each to the other customers who used it in `(t - w, t]`; all of it as visible at t.

    Attributes:
        entity: whose neighbours, such as `customer_id`.
        through: what they share, such as `device_id`.
        aggregates: `neighbours`, how many they are; `neighbour_frauds`, how many of their
            transactions in the window were known to be frauds.
        windows: lengths of the trailing windows.
        max_degree: what more than this many members used in the window links nobody (the terminal
            of a station is not shared by friends), and a member that used more has no value.
    """

    entity: str
    through: str
    aggregates: Annotated[tuple[LinkStatistic, ...], Field(min_length=1)]
    windows: Annotated[tuple[Duration, ...], Field(min_length=1)]
    max_degree: Annotated[int, Field(ge=1, le=1_000)] = MAX_DEGREE

    def expand(self) -> Iterator[Link]:
        """Every feature of the group, aggregate by aggregate."""
        entity, through = self.entity.removesuffix("_id"), self.through.removesuffix("_id")
        for aggregate in self.aggregates:
            for length in self.windows:
                name = f"{entity}_{through}_{aggregate}_{format_duration(length)}"
                yield Link(name, self.entity, self.through, aggregate, length, self.max_degree)


class Condition(FrozenModel):
    """`[[features.conditions]]`: a named Spark SQL condition for windows, of a row at its own time.

    It reads row columns and features, those left out that count rows by such a condition.

    Attributes:
        name: of the condition, as `measure` or `where` of a window name it.
        sql: a Spark SQL expression that is true, false or null.
    """

    name: Name
    sql: Annotated[str, Field(min_length=1)]


class Derived(FrozenModel):
    """`[[features.derived]]`: a Spark SQL expression over row columns and earlier features.

    Attributes:
        name: of the feature.
        sql: the expression; reads columns of the row and features declared before it.
    """

    name: Name
    sql: Annotated[str, Field(min_length=1)]


class FeatureSet(FrozenModel):
    """`[features]`: everything that is computed, in the order of the model's columns."""

    conditions: tuple[Condition, ...] = ()
    windows: tuple[WindowGroup, ...] = ()
    links: tuple[LinkGroup, ...] = ()
    derived: tuple[Derived, ...] = ()

    def expand(self) -> list[Window]:
        """Every window feature, in declared order."""
        return [window for group in self.windows for window in group.expand()]

    def expand_links(self) -> list[Link]:
        """Every link feature, in declared order."""
        return [link for group in self.links for link in group.expand()]

    def window_names(self) -> list[str]:
        """Names of what the kernels compute: the windows, then the links."""
        return [w.name for w in self.expand()] + [link.name for link in self.expand_links()]

    def feature_names(self) -> list[str]:
        """Names of the windows, of the links, then of the derived features."""
        return self.window_names() + [d.name for d in self.derived]

    @property
    def reads_labels(self) -> bool:
        """True if a feature counts known frauds."""
        return any(w.reads_labels for w in self.expand()) or any(
            link.statistic == "neighbour_frauds" for link in self.expand_links()
        )
