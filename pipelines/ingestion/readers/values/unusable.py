"""Errors of values and types that a column cannot have."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config import shorten
from pipelines.config.addresses import LONGEST_NAME


class UnusableTypeError(TypeError):
    """A type of a file's column that its role cannot have."""


class UnusableValueError(ValueError):
    """A value that its column cannot have.

    Attributes:
        position: of the first such value.
        reason: what is wrong with it and the remedy.
    """

    def __init__(self, position: int, value: object, reason: str) -> None:
        self.position = position
        self.reason = f"{shorten(repr(value), LONGEST_NAME)} {reason}"
        super().__init__(self.reason)


def refuse_first(wrong: pa.Array, values: pa.Array, explain: Callable[[object], str]) -> None:
    """Raise an error on the first value that is marked as wrong.

    Raises:
        UnusableValueError: when one is.
    """
    position = pc.index(pc.fill_null(wrong, fill_value=False), value=True).as_py()
    if position >= 0:
        value = values[position].as_py()
        raise UnusableValueError(position, value, explain(value))
