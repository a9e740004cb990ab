"""Cron expressions of a spec, checked by the rules that Airflow has for schedules."""

import re
from typing import Annotated

from croniter import CroniterError, croniter
from pydantic import AfterValidator

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
# The next date is sought from 2025-01-01 on, so that validity does not depend on today.
_SINCE = 1_735_689_600.0
_PART = re.compile(
    r"\*|\d{1,2}|l\d?|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat"
)


def check_cron(text: str) -> str:
    """Return an expression unchanged if it has five fields or is one of Airflow's presets.

    Raises:
        ValueError: for anything else, and for a date that never comes, such as 30 February.

    >>> check_cron("0 2 * * mon-fri")
    '0 2 * * mon-fri'
    """
    if text in PRESETS:
        return text
    fields = text.lower().split()
    if len(fields) != len(FIELDS):
        raise ValueError(
            f"it has {len(fields)} fields and needs {len(FIELDS)} ({', '.join(FIELDS)}): "
            '"0 2 * * *" is every night at 2:00 UTC'
        )
    for name, field in zip(FIELDS, fields, strict=True):
        wrong = [part for part in re.split(r"[,/#-]", field) if not _PART.fullmatch(part)]
        if wrong:
            raise ValueError(f"its {name} {field!r} holds {wrong[0]!r}; use numbers, *, and , - /")
    try:
        croniter(text, _SINCE).get_next()
    except CroniterError as error:
        raise ValueError(f"it names no date: {error}; correct it") from error
    return text


Cron = Annotated[str, AfterValidator(check_cron)]
