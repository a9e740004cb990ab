"""Descriptions of features for people: the definition, the columns read, the null cases."""

from collections.abc import Iterator
from dataclasses import dataclass

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, format_duration
from feature_jobs.declaration.features import LEGITIMATE, FeatureSet, Link, Window
from feature_jobs.declaration.sql import referenced_columns


@dataclass(frozen=True, slots=True)
class FeatureDescription:
    """Description of one feature for people.

    Attributes:
        reads: the columns and conditions that it is made of.
        null: when it is null; what it is instead where nothing is in the window.
    """

    name: str
    words: str
    reads: tuple[str, ...]
    null: str


def describe_features(features: FeatureSet) -> Iterator[FeatureDescription]:
    """Describe every feature, in the order of the model's columns."""
    conditions = {c.name: c.sql for c in features.conditions}
    for window in features.expand():
        yield _of_window(window, conditions)
    for link in features.expand_links():
        yield _of_link(link)
    for derived in features.derived:
        yield FeatureDescription(
            derived.name,
            f"{derived.sql}",
            tuple(referenced_columns(derived.sql)),
            "null where the expression is, and where it divides by zero",
        )


def _of_window(window: Window, conditions: dict[str, str]) -> FeatureDescription:
    entity = " and ".join(_plain(key) for key in window.keys)
    length = format_duration(window.length)
    until = f"up to {format_duration(window.delay)} before it" if window.delay else "up to it"
    without = ", itself left out" if window.is_prior else ""
    measure = window.measure
    reads = [*window.keys, EVENT_TIME, KNOWN_TIME]
    reads += [name for name in (measure, window.where) if name and name not in reads]
    what = _what(window, conditions)
    empty = window.aggregate.null_words
    if window.aggregate.empty_value is not None:
        empty = f"{window.aggregate.empty_value} where nothing is in the window"
    null = f"{empty}; null where {' or '.join(window.keys)} is"
    if measure not in {None, LABEL, LEGITIMATE}:
        null += f"; a null or NaN {measure} does not count"
    words = f"{what} of the same {entity} over the {length} {until}{without}"
    return FeatureDescription(window.name, words, tuple(reads), null)


def _what(window: Window, conditions: dict[str, str]) -> str:
    measure = window.measure
    if measure is None:
        subject = "transactions"
    elif measure == LABEL:
        subject = "known frauds"
    elif measure == LEGITIMATE:
        subject = "transactions not known to be frauds"
    elif measure in conditions:
        subject = f"transactions with {conditions[measure]}"
    else:
        subject = _plain(measure)
    if window.where is not None:
        subject += f" where {conditions[window.where]}"
    return window.aggregate.words.format(subject=subject)


def _of_link(link: Link) -> FeatureDescription:
    entity, through = _plain(link.entity), _plain(link.through)
    length = format_duration(link.length)
    who = (
        f"other {entity}s that used, in the {length} up to the transaction, a {through} which "
        f"this {entity} used in them"
    )
    words = f"number of {who}"
    if link.statistic == "neighbour_frauds":
        words = f"known frauds in those {length} of {who}"
    null = (
        f"null where {link.entity} is, or where it used more than {link.max_degree} {through}s; "
        f"a {through} that more than {link.max_degree} {entity}s used links nobody"
    )
    reads = (link.entity, link.through, EVENT_TIME, KNOWN_TIME)
    return FeatureDescription(
        link.name, words, (*reads, LABEL) if link.statistic == "neighbour_frauds" else reads, null
    )


def _plain(column: str) -> str:
    return column.removesuffix("_id")
