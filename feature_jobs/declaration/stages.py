"""The two stages of a build: features that conditions read are computed first.

A condition on a row is evaluated at the row's own time, so the first stage looks back from rows
that the second looks back to.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta

from feature_jobs.declaration.features import FeatureSet, Window
from feature_jobs.declaration.sql import referenced_columns


def earlier_features(features: FeatureSet, computed: Collection[str]) -> list[str]:
    """List the features that conditions of the computed windows read, directly or not.

    Args:
        features: the declarations.
        computed: names of the features to compute.
    """
    spelled = {name.lower(): name for name in features.feature_names()}
    conditions = {c.name: c.sql for c in features.conditions}
    derived = {d.name: d.sql for d in features.derived}
    texts = [
        conditions[name]
        for window in features.expand() if window.name in computed
        for name in _conditions_of(window) if name in conditions
    ]  # fmt: skip
    found: set[str] = set()
    while texts:
        for name in _named(texts.pop(), spelled):
            if name not in found:
                found.add(name)
                texts += [derived[name]] if name in derived else []
    return [name for name in features.feature_names() if name in found]


def late_features(features: FeatureSet) -> set[str]:
    """Name the features that count rows by a condition on features, and what is derived of them.

    An expression that cannot be read reads nothing.
    """
    spelled = {name.lower(): name for name in features.feature_names()}
    reading = {c.name for c in features.conditions if _named(c.sql, spelled)}
    late = {w.name for w in features.expand() if reading & set(_conditions_of(w))}
    for derived in features.derived:
        if late & set(_named(derived.sql, spelled)):
            late.add(derived.name)
    return late


def lookback(features: FeatureSet) -> timedelta:
    """Return the longest time from a row back to another one that counts, over both stages."""
    reaches = [link.length for link in features.expand_links()]
    for window in features.expand():
        earlier = earlier_features(features, [window.name])
        reaches.append(window.window_plus_delay + _longest(features, earlier))
    return max(reaches, default=timedelta())


def conditions_reach(features: FeatureSet, computed: Collection[str]) -> timedelta:
    """Return the longest time back to rows whose conditions read features."""
    late = late_features(features) & set(computed)
    return max(
        (w.window_plus_delay for w in features.expand() if w.name in late), default=timedelta()
    )


def _longest(features: FeatureSet, names: Collection[str]) -> timedelta:
    reaches = [w.window_plus_delay for w in features.expand() if w.name in names]
    reaches += [link.length for link in features.expand_links() if link.name in names]
    return max(reaches, default=timedelta())


def _conditions_of(window: Window) -> Iterator[str]:
    yield from (name for name in (window.measure, window.where) if name is not None)


def _named(sql: str, spelled: dict[str, str]) -> list[str]:
    try:
        columns = referenced_columns(sql)
    except ValueError:
        return []
    return [spelled[column.lower()] for column in columns if column.lower() in spelled]
