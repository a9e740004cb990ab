"""Declared features: windows, links, derived columns, and the checks of a declaration."""

from feature_jobs.declaration.aggregates import AGGREGATES, RUNNING, Aggregate, aggregates_of
from feature_jobs.declaration.checks import Columns, feature_problems
from feature_jobs.declaration.descriptions import explain_features
from feature_jobs.declaration.features import (
    GENUINE,
    Condition,
    Derived,
    FeatureSet,
    LinkGroup,
    Window,
    WindowGroup,
)
from feature_jobs.declaration.groups import MICROSECOND, Request, Unit, units_of
from feature_jobs.declaration.schema import feature_columns
from feature_jobs.declaration.sql import generated, referenced_columns
from feature_jobs.declaration.stages import conditions_reach, earlier_features, lookback

__all__ = [
    "AGGREGATES",
    "GENUINE",
    "MICROSECOND",
    "RUNNING",
    "Aggregate",
    "Columns",
    "Condition",
    "Derived",
    "FeatureSet",
    "LinkGroup",
    "Request",
    "Unit",
    "Window",
    "WindowGroup",
    "aggregates_of",
    "conditions_reach",
    "earlier_features",
    "explain_features",
    "feature_columns",
    "feature_problems",
    "generated",
    "lookback",
    "referenced_columns",
    "units_of",
]
