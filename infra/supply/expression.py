"""SPDX licence expressions: `MIT AND (Apache-2.0 OR BSD-3-Clause)`, and whether one is allowed."""

import re
from collections.abc import Collection

from expectations.contract import InputError


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether licences that are allowed meet an expression: of OR one, of AND all.

    An exception after WITH is part of its licence: allowed is what has both.

    Raises:
        InputError: when it is no expression.

    >>> is_allowed("MPL-2.0 AND (GPL-2.0-only OR MIT)", {"MIT", "MPL-2.0"})
    True
    >>> is_allowed("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only"})
    False
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    reader = _Reader(expression, tokens, allowed)
    met = reader.read_or()
    if tokens:
        raise reader.refusal()
    return met


class _Reader:
    """Takes tokens from the front; AND binds closer than OR."""

    def __init__(self, expression: str, tokens: list[str], allowed: Collection[str]) -> None:
        self._expression, self._tokens, self._allowed = expression, tokens, allowed

    def read_or(self) -> bool:
        met = self._read_and()
        while self._take("OR"):
            met = self._read_and() or met
        return met

    def refusal(self) -> InputError:
        return InputError(f"{self._expression!r} is no licence expression of SPDX.")

    def _read_and(self) -> bool:
        met = self._read_one()
        while self._take("AND"):
            met = self._read_one() and met
        return met

    def _read_one(self) -> bool:
        if self._take("("):
            met = self.read_or()
            if not self._take(")"):
                raise self.refusal()
            return met
        name = self._read_name()
        if self._take("WITH"):
            name = f"{name} WITH {self._read_name()}"
        return name in self._allowed

    def _read_name(self) -> str:
        if not self._tokens or self._tokens[0] in {"(", ")", "AND", "OR", "WITH"}:
            raise self.refusal()
        return self._tokens.pop(0)

    def _take(self, token: str) -> bool:
        taken = self._tokens[:1] == [token]
        if taken:
            del self._tokens[0]
        return taken
