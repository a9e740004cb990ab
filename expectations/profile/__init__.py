"""The profile of a table: one row of metrics a day, made from a profile of each day's rows."""

from expectations.profile.day import PROFILE_VERSION, DayProfile, measure_day
from expectations.profile.repeated_ids import IdRange, Repeats, find_repeats
from expectations.profile.table import AGE, ROWS, Profile, Profiler, combine_days, latest_days

__all__ = [
    "AGE",
    "PROFILE_VERSION",
    "ROWS",
    "DayProfile",
    "IdRange",
    "Profile",
    "Profiler",
    "Repeats",
    "combine_days",
    "find_repeats",
    "latest_days",
    "measure_day",
]
