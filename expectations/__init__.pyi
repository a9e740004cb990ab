from .clock import EARLIEST, LATEST, guess_unit
from .custom import apply_custom_expectations, build_custom_suite, refuse_unbuildable
from .policy import (
    AMOUNT_BELOW,
    IN_FUTURE,
    REPEATED,
    Contract,
    TableName,
    kept_columns,
    may_warn,
    rule_names,
)
from .profile import (
    PROFILE_VERSION,
    ROWS,
    DayProfile,
    Profile,
    Profiler,
    combine_days,
    find_repeats,
    latest_days,
    measure_day,
)
from .results import EXAMPLES, Validated
from .row_rules import SplitRows, apply_row_rules, split_rows
from .run import quiet_great_expectations, validate_profile
from .suites import COVERAGE, DELAY, FRAUD_RATE, FRAUDS, MATURE

__all__ = [
    "AMOUNT_BELOW",
    "COVERAGE",
    "DELAY",
    "EARLIEST",
    "EXAMPLES",
    "FRAUDS",
    "FRAUD_RATE",
    "IN_FUTURE",
    "LATEST",
    "MATURE",
    "PROFILE_VERSION",
    "REPEATED",
    "ROWS",
    "Contract",
    "DayProfile",
    "Profile",
    "Profiler",
    "SplitRows",
    "TableName",
    "Validated",
    "apply_custom_expectations",
    "apply_row_rules",
    "build_custom_suite",
    "combine_days",
    "find_repeats",
    "guess_unit",
    "kept_columns",
    "latest_days",
    "may_warn",
    "measure_day",
    "quiet_great_expectations",
    "refuse_unbuildable",
    "rule_names",
    "split_rows",
    "validate_profile",
]
