"""Addresses in a spec: the variables that they may name, and the form in which they are shown.

A spec is written by more people than may read a worker's environment, which holds passwords. So
`${NAME}` may only name variables that the operator lists, and messages show an address as it was
written, unexpanded.
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
    """List the variables that an address may name: those of `OVERNIGHT_PUBLIC`."""
    listed = os.environ.get(PUBLIC, DEFAULT_PUBLIC)
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def address_problems(key: str, address: str) -> list[str]:
    """List the variables in an address that may not be named; `key` is its key in the spec."""
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
    """Return the first line of a library's error about an address, with the address as written.

    Arrow appends the faulty line of a text file to its message; those data are cut off.
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
    """Cut a text to `longest` characters, with an ellipsis where it was cut."""
    return text if len(text) <= longest else f"{text[:longest]} …"
