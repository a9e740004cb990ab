"""Digest of content that can be written as JSON."""

import hashlib
import json


def digest_of(content: object) -> str:
    """SHA-256 of the canonical JSON of a content: keys sorted, no spaces, ASCII only.

    A value that JSON has no form for, a date or a path, stands as its text.

    >>> digest_of({"b": 1, "a": "x"}) == digest_of({"a": "x", "b": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
