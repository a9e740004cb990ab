"""Names of parts: the event day, and the hash of the bytes, which readers compare."""

import hashlib
import re

from expectations.contract import EVENT_DAY

DIGITS = 20
_HASHED = re.compile(rf"part-([0-9a-f]{{{DIGITS}}})\.parquet$")


def hash_bytes(content: bytes | memoryview) -> str:
    """Return the first digits of SHA-256, as in names of parts."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def name_part(day: str, content: bytes) -> str:
    """Return the path of a part below its table's folder; without a day, of an only part."""
    folder = f"{EVENT_DAY}={day}/" if day else ""
    return f"{folder}part-{hash_bytes(content)}.parquet"


def hash_in_name(path: str) -> str | None:
    """Return the hash in a part's name; None for another name.

    >>> hash_in_name("event_day=2025-01-01/part-0123456789abcdef0123.parquet")
    '0123456789abcdef0123'
    """
    found = _HASHED.search(path)
    return None if found is None else found[1]
