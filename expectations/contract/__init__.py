"""The lowest layer, which every package may import: column names, durations, intervals, errors."""

from expectations.contract.addresses import hide_passwords
from expectations.contract.columns import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    LABEL,
    LONGEST_NAME,
    REPLACED_TIME,
    RESERVED,
    ROLES,
    RULES,
    SOURCE_TIME,
    STATE,
    STATED_TIME,
    TRANSACTION_ID,
    AttributeKind,
    CanonicalName,
    Column,
    ColumnKind,
    check_name,
)
from expectations.contract.digests import digest_of
from expectations.contract.durations import LONGEST, Duration, format_duration, parse_duration
from expectations.contract.errors import (
    InputError,
    KeyedProblemsError,
    OutcomeError,
    OvernightError,
    ProblemsError,
    refuse_any,
)
from expectations.contract.frozen_model import FrozenModel
from expectations.contract.intervals import Interval

__all__ = [
    "AMOUNT",
    "EVENT_DAY",
    "EVENT_TIME",
    "IS_FIRST",
    "KNOWN_TIME",
    "LABEL",
    "LONGEST",
    "LONGEST_NAME",
    "REPLACED_TIME",
    "RESERVED",
    "ROLES",
    "RULES",
    "SOURCE_TIME",
    "STATE",
    "STATED_TIME",
    "TRANSACTION_ID",
    "AttributeKind",
    "CanonicalName",
    "Column",
    "ColumnKind",
    "Duration",
    "FrozenModel",
    "InputError",
    "Interval",
    "KeyedProblemsError",
    "OutcomeError",
    "OvernightError",
    "ProblemsError",
    "check_name",
    "digest_of",
    "format_duration",
    "hide_passwords",
    "parse_duration",
    "refuse_any",
]
