"""Features as columns of a table: what type each has and what range its aggregate cannot leave."""

from expectations.contract import Column
from feature_jobs.declaration.features import FeatureSet, Window


def feature_columns(features: FeatureSet) -> tuple[Column, ...]:
    """Every feature in the order of the table; what an expression gives may be any number."""
    windows = [_column(window) for window in features.expand()]
    links = [Column(name=link.name, kind="count", minimum=0) for link in features.expand_links()]
    derived = [Column(name=derived.name, kind="number") for derived in features.derived]
    return (*windows, *links, *derived)


def _column(window: Window) -> Column:
    aggregate = window.aggregate
    kind = "count" if aggregate.is_whole else "number"
    return Column(name=window.name, kind=kind, minimum=aggregate.minimum, maximum=aggregate.maximum)
