"""Addresses that a spec gives: what of the environment they may name, and how they are shown.

A spec is written by more people than may read a worker's environment, which holds passwords. So
`${NAME}` stands only for variables that the operator lists, and what is said of an address shows it
as it was written.
"""

import os
import re
from urllib.parse import quote

from expectations.contract import InputError

PUBLIC = "OVERNIGHT_PUBLIC"
DEFAULT_PUBLIC = "OVERNIGHT_HOME,OVERNIGHT_HANDBOOK"
LONGEST_REASON, LONGEST_NAME = 200, 60

_NAMED = re.compile(r"\$\{([^}]*)\}")


def list_public() -> tuple[str, ...]:
    """Names of the variables that an address may hold: those of `OVERNIGHT_PUBLIC`."""
    listed = os.environ.get(PUBLIC, DEFAULT_PUBLIC)
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def address_problems(key: str, address: str) -> list[str]:
    """Variables in an address that are none of the listed ones; `key` is where it stands."""
    public = list_public()
    return [
        f"{key}: ${{{name}}} may not stand in an address; those that may are "
        f"{', '.join(public) or 'none'}. Write it out, or let the operator add it to {PUBLIC}"
        for name in dict.fromkeys(_NAMED.findall(address))
        if name not in public
    ]


def expand_address(address: str) -> str:
    """Replace `${NAME}` by environment variables; relative paths start at the working folder.

    Raises:
        InputError: naming the variables that are not listed in `OVERNIGHT_PUBLIC`, or not set.
    """
    problems = address_problems(address, address)
    if problems:
        raise InputError(f"{'; '.join(problems)}.")
    missing = [name for name in _NAMED.findall(address) if name not in os.environ]
    if missing:
        raise InputError(f"{address} names {', '.join(missing)}, which is not set. Set it first.")
    return _NAMED.sub(lambda match: os.environ[match[1]], address)


def explain_unreadable(error: Exception, address: str) -> str:
    """The first line of what a library says of an address: as written, and without any content.

    Arrow puts the line of a text file behind what it found wrong with it.
    """
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    reason = re.sub(r"(Expected \d+ columns, got \d+):.*", r"\1", reason)
    values = [(os.environ.get(name, ""), f"${{{name}}}") for name in _NAMED.findall(address)]
    for value, name in sorted(values, key=lambda pair: -len(pair[0])):
        for spelt in (value, value.lstrip("/"), quote(value), quote(value, safe="")):
            if spelt:
                reason = reason.replace(spelt, name)
    return shorten(reason)


def shorten(text: str, longest: int = LONGEST_REASON) -> str:
    """A text of at most so many characters, and a sign where it was cut."""
    return text if len(text) <= longest else f"{text[:longest]} …"
