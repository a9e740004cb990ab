"""Validation of the declared features: every error at once, each with a remedy."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from expectations.contract import LABEL, format_duration
from feature_jobs.declaration.aggregates import AGGREGATES, Subject, aggregates_of
from feature_jobs.declaration.features import (
    LEGITIMATE,
    PRIOR,
    FeatureSet,
    LinkGroup,
    WindowGroup,
)
from feature_jobs.declaration.sql import validate_expression
from feature_jobs.declaration.stages import late_features

_UNKNOWN_YET = "is the label, which is not known when the row happens"
_TOO_DEEP = "counts rows by a condition that reads features itself"


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a row.

    Attributes:
        entities: columns that history is kept for.
        numeric: columns of numbers.
        categorical: columns of categories, the entities left out.
        others: columns that an expression may read besides, such as the event time.
        labels: names of the label, which nothing may read.
    """

    entities: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    labels: tuple[str, ...] = field(default=(LABEL,))

    @property
    def all(self) -> list[str]:
        """Every column of a row."""
        return [*self.others, *self.entities, *self.numeric, *self.categorical]


def validate_features(features: FeatureSet, columns: Columns) -> list[str]:
    """Return every error of a declaration, given the columns of a row."""
    found: list[str] = []
    for number, group in enumerate(features.windows):
        place = f"features.windows.{number}"
        found += [f"{place}.{p}" for p in _window_errors(group, features, columns)]
    for number, link in enumerate(features.links):
        found += [f"features.links.{number}.{p}" for p in _link_errors(link, columns)]
    # Spark and Delta take two names of different case for one.
    taken = {name.lower() for name in (*columns.all, *columns.labels, LEGITIMATE)}
    for name, times in _counted(c.name for c in features.conditions):
        if times > 1 or name.lower() in taken:
            found.append(f"features.conditions: the name {name!r} is taken; choose another")
    for made_by in _makers(features).values():
        if len(made_by) > 1:
            found.append(
                f"features: the name {made_by[0][0]!r} is made {len(made_by)} times, by "
                f"{' and '.join(dict.fromkeys(place for _, place in made_by))}; remove one"
            )
    for name in dict.fromkeys(features.feature_names()):
        if name.lower() in taken:
            found.append(f"features: the name {name!r} is a column of the rows; choose another")
    return found + list(_expression_errors(features, columns))


def _makers(features: FeatureSet) -> Mapping[str, list[tuple[str, str]]]:
    """Map the lower-case name of each feature to its spellings and the entries that declare it."""
    found: dict[str, list[tuple[str, str]]] = {}
    entries = [
        *(
            (f"features.windows.{n}", [w.name for w in group.expand()])
            for n, group in enumerate(features.windows)
        ),
        *(
            (f"features.links.{n}", [link.name for link in group.expand()])
            for n, group in enumerate(features.links)
        ),
        *((f"features.derived.{n}", [each.name]) for n, each in enumerate(features.derived)),
    ]
    for place, names in entries:
        for name in names:
            found.setdefault(name.lower(), []).append((name, place))
    return found


def _counted(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Return each name as first written, and how often it occurs in any case."""
    written: dict[str, list[str]] = {}
    for name in names:
        written.setdefault(name.lower(), []).append(name)
    return ((each[0], len(each)) for each in written.values())


def _expression_errors(features: FeatureSet, columns: Columns) -> Iterator[str]:
    forbidden: Mapping[str, str] = dict.fromkeys(columns.labels, _UNKNOWN_YET)
    deep = dict.fromkeys(late_features(features), _TOO_DEEP)
    every = [*columns.all, *features.feature_names()]
    for number, condition in enumerate(features.conditions):
        for problem in validate_expression(
            condition.sql, columns=every, forbidden={**forbidden, **deep}
        ):
            yield f"features.conditions.{number} ({condition.name}): {problem}"
    readable = [*columns.all, *features.window_names()]
    for number, derived in enumerate(features.derived):
        for problem in validate_expression(derived.sql, columns=readable, forbidden=forbidden):
            yield f"features.derived.{number} ({derived.name}): {problem}"
        readable.append(derived.name)


def _window_errors(group: WindowGroup, features: FeatureSet, columns: Columns) -> Iterator[str]:
    keys = {*columns.entities, *columns.categorical}
    for key in group.keys:
        # A category has a history only together with an entity.
        if key not in (columns.entities if len(group.keys) == 1 else keys):
            known = ", ".join(sorted(columns.entities)) or "there are none"
            yield f"entity: {key!r} is not one of source.entities ({known})"
    if not group.keys or len(set(group.keys)) < len(group.keys):
        yield f"entity: {list(group.keys)} needs one column, or several different ones"
    allowed = _allowed_aggregates(group.measure, features, columns)
    if allowed is None:
        known = ", ".join(
            sorted({*columns.numeric, *(c.name for c in features.conditions), LABEL, LEGITIMATE})
        )
        yield f"measure: {group.measure!r} is not a column, a condition or the label ({known})"
    if group.measure == LEGITIMATE and group.delay is None:
        yield "delay: missing; add it (the time after which what is no known fraud is legitimate)"
    if group.where is not None:
        yield from _where_errors(group, features, columns)
        allowed = aggregates_of("label" if group.measure == LABEL else "number")
        allowed = frozenset(name for name in allowed if AGGREGATES[name].takes_condition)
    for number, aggregate in enumerate(group.aggregates):
        yield from _aggregate_errors(number, aggregate, group.measure, allowed)
    yield from _length_errors(group.windows)
    if group.delay is not None and group.delay < timedelta():
        yield f"delay: {format_duration(group.delay)} is negative; use zero or more"


def _where_errors(group: WindowGroup, features: FeatureSet, columns: Columns) -> Iterator[str]:
    conditions = [c.name for c in features.conditions]
    if group.where not in conditions:
        known = ", ".join(conditions) or "none"
        yield f"where: {group.where!r} is not one of features.conditions ({known})"
    if group.measure not in {LABEL, *columns.numeric}:
        yield (
            f"where: it goes with is_fraud or a number ({', '.join(columns.numeric)}); for the "
            f'transactions that meet it write measure = "{group.where}"'
        )


def _aggregate_errors(
    number: int, aggregate: str, measure: str | None, allowed: frozenset[str] | None
) -> Iterator[str]:
    statistic = aggregate.removeprefix(PRIOR)
    if statistic not in AGGREGATES:
        known = ", ".join(AGGREGATES)
        yield f"aggregates.{number}: got {aggregate!r}; use one of {known}"
    elif statistic != aggregate and (
        AGGREGATES[statistic].excludes_current or measure in {LABEL, LEGITIMATE}
    ):
        yield (
            f"aggregates.{number}: {statistic!r} of {measure or 'transactions'} always leaves the "
            f"row itself out; write {statistic!r}"
        )
    elif allowed is not None and statistic not in allowed:
        what = "the transactions themselves" if measure is None else measure
        use = ", ".join(sorted(allowed))
        hint = ' or name a measure, such as "amount"' if measure is None else ""
        yield f"aggregates.{number}: {aggregate!r} is not made of {what}; use {use}{hint}"


def _length_errors(lengths: tuple[timedelta, ...]) -> Iterator[str]:
    for number, length in enumerate(lengths):
        if length <= timedelta():
            yield (
                f"windows.{number}: {format_duration(length)} holds nothing; "
                "use a length above zero"
            )


def _allowed_aggregates(
    measure: str | None, features: FeatureSet, columns: Columns
) -> frozenset[str] | None:
    """Return the aggregates that a measure can have; None when there is no such measure."""
    subjects: dict[str | None, Subject] = {
        None: "transactions", LABEL: "label", LEGITIMATE: "legitimate"
    }  # fmt: skip
    subjects |= dict.fromkeys((c.name for c in features.conditions), "condition")
    subjects |= dict.fromkeys((*columns.categorical, *columns.entities), "category")
    subjects |= dict.fromkeys(columns.numeric, "number")
    return aggregates_of(subjects[measure]) if measure in subjects else None


def _link_errors(group: LinkGroup, columns: Columns) -> Iterator[str]:
    known = ", ".join(sorted(columns.entities)) or "there are none"
    for place, name in (("entity", group.entity), ("through", group.through)):
        if name not in columns.entities:
            yield f"{place}: {name!r} is not one of source.entities ({known})"
    if group.entity == group.through:
        yield f"through: {group.through!r} is the entity itself; name what its members share"
    yield from _length_errors(group.windows)
