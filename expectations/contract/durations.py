"""Durations: a whole number with a unit, such as `7d`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

LONGEST = timedelta(days=36_525)


_SHOWN = 40


_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def parse_duration(text: object) -> timedelta:
    """Read a whole number with a unit: `90s`, `30m`, `12h`, `7d`, `2w`.

    Raises:
        ValueError: for anything else; pydantic turns it into a problem with its key.

    >>> parse_duration("7d")
    datetime.timedelta(days=7)
    """
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,12})([smhdw])", text, re.ASCII) if isinstance(text, str) else None
    if match is None:
        short = text if not isinstance(text, str) or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        msg = f"{short!r} is not a duration; write a whole number and a unit: 90s, 30m, 12h, 7d, 2w"
        raise ValueError(msg)
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        msg = f"{text} is longer than {LONGEST.days}d, 100 years; write a shorter one"
        raise ValueError(msg)
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration in its largest whole unit up to days, as it appears in feature names.

    >>> format_duration(timedelta(days=14)), format_duration(timedelta(minutes=90))
    ('14d', '90m')
    """
    seconds = int(duration.total_seconds())
    unit = next(u for u in "dhms" if seconds % _UNITS[u] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
]
