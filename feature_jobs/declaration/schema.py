"""Features as columns of a table: what type each has and what range its aggregate cannot leave."""

from expectations.contract import Column
from feature_jobs.declaration.features import AGES, FeatureSet, Window

# A fraud rate may exceed 1: a label may be known before its transaction has arrived.
_NOT_NEGATIVE = {"std", "rate", *AGES}


def feature_columns(features: FeatureSet) -> tuple[Column, ...]:
    """Every feature in the order of the table; what an expression gives may be any number."""
    windows = [_column(window) for window in features.expand()]
    links = [Column(name=link.name, kind="count", minimum=0) for link in features.expand_links()]
    derived = [Column(name=derived.name, kind="number") for derived in features.derived]
    return (*windows, *links, *derived)


def _column(window: Window) -> Column:
    if window.is_whole:
        return Column(name=window.name, kind="count", minimum=0)
    if window.statistic == "share":
        return Column(name=window.name, kind="number", minimum=0, maximum=1)
    if window.statistic in _NOT_NEGATIVE:
        return Column(name=window.name, kind="number", minimum=0)
    return Column(name=window.name, kind="number")
