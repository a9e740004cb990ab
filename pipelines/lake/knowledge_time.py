"""The knowledge time that a run is pinned to."""

from datetime import UTC, datetime

from expectations.contract import InputError


def parse_as_of(text: str) -> datetime:
    """Parse a date or a time as an instant, UTC.

    Raises:
        InputError: when it is neither.

    >>> parse_as_of("2018-08-08").isoformat()
    '2018-08-08T00:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"as_of {text!r} is not a date; write it as 2018-08-08 or 2018-08-08T06:00:00."
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
