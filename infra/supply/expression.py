"""SPDX licence expressions: `MIT AND (Apache-2.0 OR BSD-3-Clause)`, and whether one is allowed."""

import re
from collections import deque
from collections.abc import Collection

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from expectations.contract import InputError


def canonicalize_expression(expression: str) -> str:
    """An expression as SPDX spells its licences.

    Raises:
        InputError: when it is no expression, or names a licence that SPDX does not know.

    >>> canonicalize_expression("mit or apache-2.0")
    'MIT OR Apache-2.0'
    """
    try:
        return str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression as error:
        raise InputError(f"{expression!r} is no licence expression of SPDX: {error}.") from error


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether licences that are allowed meet an expression: of OR one, of AND all.

    An exception after WITH is part of its licence: allowed is what has both.

    Raises:
        InputError: when it is no expression, or names a licence that SPDX does not know.

    >>> is_allowed("MPL-2.0 AND (GPL-2.0-only OR MIT)", {"MIT", "MPL-2.0"})
    True
    >>> is_allowed("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only"})
    False
    """
    words = re.split(r"([()]| AND | OR )", canonicalize_expression(expression))
    return _read_or(deque(word.strip() for word in words if word.strip()), allowed)


# Each takes its words from the front; the grammar is known to be met, and AND binds closer than OR.
def _read_or(words: deque[str], allowed: Collection[str]) -> bool:
    met = _read_and(words, allowed)
    while words and words[0] == "OR":
        words.popleft()
        met = _read_and(words, allowed) or met
    return met


def _read_and(words: deque[str], allowed: Collection[str]) -> bool:
    met = _read_one(words, allowed)
    while words and words[0] == "AND":
        words.popleft()
        met = _read_one(words, allowed) and met
    return met


def _read_one(words: deque[str], allowed: Collection[str]) -> bool:
    word = words.popleft()
    if word != "(":
        return word in allowed
    met = _read_or(words, allowed)
    words.popleft()
    return met
