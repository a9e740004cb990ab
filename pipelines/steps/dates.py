"""The dates of a command, checked before anything is read or written."""

from collections.abc import Iterator, Mapping
from datetime import date

from expectations.contract import InputError, refuse_any
from pipelines.lake import parse_as_of

DAYS = {"day": "--day", "since": "--from", "until": "--to"}


def refuse_dates(given: Mapping[str, str]) -> None:
    """Refuse arguments that are to be dates and are none; empty ones were not given.

    Args:
        given: a step's arguments by name.

    Raises:
        ProblemsError: naming each.
    """
    refuse_any("the dates", list(_problems(given)))


def _problems(given: Mapping[str, str]) -> Iterator[str]:
    if given.get("as_of"):
        try:
            parse_as_of(given["as_of"])
        except InputError as error:
            yield str(error)
    for name, option in DAYS.items():
        text = given.get(name)
        if text and not _is_day(text):
            yield f"{option} {text!r} is not a day; write it as 2018-08-08."


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
