"""SPDX licence expressions: `MIT AND (Apache-2.0 OR BSD-3-Clause)`, and which are allowed."""

from collections.abc import Collection
from typing import Any

from license_expression import ExpressionError, ExpressionParseError, get_spdx_licensing

from expectations.contract import InputError

SPDX = get_spdx_licensing()


def canonicalize_expression(expression: str) -> str:
    """Return an expression as SPDX spells its licences.

    Raises:
        InputError: when it is no expression, or names a licence that SPDX does not know.

    >>> canonicalize_expression("mit or apache-2.0")
    'MIT OR Apache-2.0'
    """
    return str(_parse(expression).render())


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Return True if allowed licences meet an expression: one of an OR, all of an AND.

    An exception after WITH is part of its licence: allowed is what has both.

    Raises:
        InputError: when it is no expression, or names a licence that SPDX does not know.

    >>> is_allowed("MPL-2.0 AND (GPL-2.0-only OR MIT)", {"MIT", "MPL-2.0"})
    True
    >>> is_allowed("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only"})
    False
    """
    return _is_met(_parse(expression), allowed)


def _parse(expression: str) -> Any:
    try:
        parsed = SPDX.parse(expression, validate=True, strict=True)
    except (ExpressionError, ExpressionParseError, IndexError) as error:  # the last one for "()"
        raise InputError(f"{expression!r} is no licence expression of SPDX: {error}.") from error
    if parsed is None:
        raise InputError("An empty text is no licence expression of SPDX.")
    return parsed


def _is_met(parsed: Any, allowed: Collection[str]) -> bool:
    if isinstance(parsed, SPDX.AND):
        return all(_is_met(part, allowed) for part in parsed.args)
    if isinstance(parsed, SPDX.OR):
        return any(_is_met(part, allowed) for part in parsed.args)
    return parsed.render() in allowed
