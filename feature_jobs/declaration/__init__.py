"""Declared features: windows, links, derived columns, and the checks of a declaration."""

from feature_jobs.declaration.aggregates import AGGREGATES, RUNNING, Aggregate, aggregates_of
from feature_jobs.declaration.checks import Columns, validate_features
from feature_jobs.declaration.descriptions import describe_features
from feature_jobs.declaration.features import (
    LEGITIMATE,
    Condition,
    Derived,
    FeatureSet,
    LinkGroup,
    Window,
    WindowGroup,
)
from feature_jobs.declaration.groups import (
    MICROSECOND,
    FeatureGroup,
    WindowComputation,
    feature_groups,
)
from feature_jobs.declaration.schema import feature_columns
from feature_jobs.declaration.sql import generated, referenced_columns
from feature_jobs.declaration.stages import conditions_reach, earlier_features, lookback

__all__ = [
    "AGGREGATES",
    "LEGITIMATE",
    "MICROSECOND",
    "RUNNING",
    "Aggregate",
    "Columns",
    "Condition",
    "Derived",
    "FeatureGroup",
    "FeatureSet",
    "LinkGroup",
    "Window",
    "WindowComputation",
    "WindowGroup",
    "aggregates_of",
    "conditions_reach",
    "describe_features",
    "earlier_features",
    "feature_columns",
    "feature_groups",
    "generated",
    "lookback",
    "referenced_columns",
    "validate_features",
]
