"""Features as columns of a table: their types, and the bounds of their values."""

from expectations.contract import Column
from feature_jobs.declaration.features import FeatureSet, Window


def feature_columns(features: FeatureSet) -> tuple[Column, ...]:
    """List the features as columns, in the order of the table; an expression has no bounds."""
    windows = [_column(window) for window in features.expand()]
    links = [Column(name=link.name, kind="count", minimum=0) for link in features.expand_links()]
    derived = [Column(name=derived.name, kind="number") for derived in features.derived]
    return (*windows, *links, *derived)


def _column(window: Window) -> Column:
    aggregate = window.aggregate
    kind = "count" if aggregate.is_whole else "number"
    return Column(name=window.name, kind=kind, minimum=aggregate.minimum, maximum=aggregate.maximum)
