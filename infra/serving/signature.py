"""Checks named features against the bundle and lays them out as the model's rows.

Everything that is wrong with a request is reported at once, with the place and the type it got,
but never a value: what a customer did must not end up in a log.
"""

import math
from collections.abc import Callable, Mapping

from infra.serving.bundle import Feature, Value

MAX_LISTED_PROBLEMS = 100

# From here on a number rounds to infinity in 32 bits; training takes it for missing, and so do we.
BEYOND_FLOAT32 = 2.0**128 - 2.0**103

Reader = Callable[[object], float]


class RequestError(Exception):
    """A request that cannot be scored, with every reason.

    Attributes:
        status: the HTTP status that says whose fault it is.
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), status: int = 400) -> None:
        super().__init__(message)
        self.problems = problems
        self.status = status


class Signature:
    """The features of a model, as the check of a request."""

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self._readers = tuple((feature.name, _reader_of(feature)) for feature in features)
        self._names = frozenset(feature.name for feature in features)

    def rows(self, instances: list[dict[str, object]]) -> list[list[float]]:
        """One row of numbers per instance, in the model's order.

        Raises:
            RequestError: naming every unknown, missing and wrongly typed feature.
        """
        if not instances:
            raise RequestError("The request holds no instances; send at least one.")
        rows = []
        problems: list[str] = []
        unlisted = 0
        for position, instance in enumerate(instances):
            try:
                if len(instance) != len(self._readers):
                    raise KeyError
                rows.append([read(instance[name]) for name, read in self._readers])
            except (KeyError, TypeError):
                found = self._problems_of(instance, where=f"instances[{position}]")
                room = MAX_LISTED_PROBLEMS - len(problems)
                problems += found[:room]
                unlisted += len(found[room:])
        if problems:
            _refuse(problems, unlisted=unlisted)
        return rows

    def golden_row(self, features: Mapping[str, Value]) -> list[float]:
        """The row of a golden vector; what it does not name is missing."""
        return [read(features.get(name)) for name, read in self._readers]

    def _problems_of(self, instance: dict[str, object], *, where: str) -> list[str]:
        problems = [f"{where}.{name}: unknown feature" for name in instance.keys() - self._names]
        for name, read in self._readers:
            if name not in instance:
                problems.append(f"{where}.{name}: missing; send null for an unknown value")
                continue
            try:
                read(instance[name])
            except TypeError as error:
                problems.append(f"{where}.{name}: {error}")
        return sorted(problems)


def _refuse(problems: list[str], *, unlisted: int) -> None:
    count = len(problems) + unlisted
    if unlisted:
        problems.append(f"and {unlisted} more")
    raise RequestError(
        f"{count} problem{'s' if count != 1 else ''} in the request", problems=tuple(problems)
    )


def _reader_of(feature: Feature) -> Reader:
    if feature.kind == "numeric":
        return _read_number
    codes = {category: float(code) for code, category in enumerate(feature.categories)}

    def read_category(value: object) -> float:
        if value is None:
            return math.nan
        if not isinstance(value, str):
            raise TypeError(f"expected text or null, got {_kind(value)}")
        return codes.get(value, math.nan)

    return read_category


def _read_number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected a number or null, got {_kind(value)}")
    try:
        number = float(value)
        return number if abs(number) < BEYOND_FLOAT32 else math.nan
    except OverflowError:
        raise TypeError("expected a number, got one beyond the range of a double") from None


def _kind(value: object) -> str:
    names = {bool: "a boolean", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
