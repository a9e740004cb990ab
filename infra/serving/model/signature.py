"""Checks named features against the bundle and lays them out as the model's rows.

Everything that is wrong with a request is reported at once, with the place and the type it got,
but never a value: what a customer did must not end up in a log.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NoReturn

from infra.serving.model.bundle import Feature, Value
from infra.serving.model.refusal import RequestError
from infra.serving.model.row import Packer, Row

MAX_LISTED_PROBLEMS = 100
MAX_SHOWN_NAME = 80
# A worker scores nothing else meanwhile: with 60 features so many take less than two seconds.
MAX_INSTANCES = 20_000

Reader = Callable[[object], float]
NamedReaders = tuple[tuple[str, Reader], ...]
Instance = dict[str, object]

# What becomes of a category that training did not see; training itself takes it for missing.
UnknownCategories = Literal["refuse", "missing"]
# While traffic moves from one model to another, a client sends what either of them reads.
UnknownFeatures = Literal["refuse", "ignore"]


class Signature:
    """The features of a model, as the check of a request."""

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.packer = Packer(len(features))
        self._readers: dict[UnknownCategories, NamedReaders] = {
            "refuse": tuple((feature.name, _reader_of(feature)) for feature in features),
            "missing": tuple((feature.name, _lenient_reader_of(feature)) for feature in features),
        }
        self._names = frozenset(feature.name for feature in features)

    def rows(
        self, instances: list[Instance], *, unknown_categories: UnknownCategories
    ) -> list[Row]:
        """One row per instance.

        Raises:
            RequestError: naming every unknown, missing and wrongly typed feature, and every
                category that training did not see unless those are taken for missing.
        """
        if not instances:
            raise RequestError("The request holds no instances; send at least one.")
        refuse_many(len(instances))
        readers = self._readers[unknown_categories]
        rows = []
        problems: list[str] = []
        unlisted = 0
        for position, instance in enumerate(instances):
            try:
                if len(instance) != len(readers):
                    raise KeyError
                rows.append(self.packer.row([read(instance[name]) for name, read in readers]))
            except (KeyError, TypeError):
                found = self._problems_of(instance, readers, where=f"instances[{position}]")
                free = MAX_LISTED_PROBLEMS - len(problems)
                problems += found[:free]
                unlisted += len(found[free:])
        if problems:
            refuse(problems, unlisted=unlisted)
        return rows

    def known(self, instance: Instance) -> Instance:
        """Return the features of an instance that the model reads."""
        return {name: value for name, value in instance.items() if name in self._names}

    def golden_row(self, features: Mapping[str, Value]) -> Row:
        """Return the row of a golden vector; what it does not name is missing."""
        readers = self._readers["missing"]
        return self.packer.row([read(features.get(name)) for name, read in readers])

    def _problems_of(self, instance: Instance, readers: NamedReaders, *, where: str) -> list[str]:
        problems = [
            f"{where}.{shown(name)}: unknown feature" for name in instance.keys() - self._names
        ]
        for name, read in readers:
            if name not in instance:
                problems.append(f"{where}.{name}: missing; send null for an unknown value")
                continue
            try:
                read(instance[name])
            except TypeError as error:
                problems.append(f"{where}.{name}: {error}")
        return sorted(problems)


def refuse(problems: list[str], *, unlisted: int = 0) -> NoReturn:
    """Raise one error for all problems.

    Args:
        problems: those that are listed.
        unlisted: how many more there are.

    Raises:
        RequestError: always.
    """
    count = len(problems) + unlisted
    more = [f"and {unlisted} more"] if unlisted else []
    raise RequestError(
        f"{count} problem{'s' if count != 1 else ''} in the request",
        problems=(*problems, *more),
    )


def shown(name: str) -> str:
    """Return a name shortened for a message; lone surrogates are replaced."""
    return name[:MAX_SHOWN_NAME].encode(errors="replace").decode()


def refuse_many(count: int) -> None:
    """Refuse more instances than one request may hold, before anything is done with them.

    Raises:
        RequestError: when there are more than `MAX_INSTANCES`.
    """
    if count > MAX_INSTANCES:
        raise RequestError(
            f"The request holds more than {MAX_INSTANCES:,} instances; send them in several.",
            status=413,
        )


def category_codes(feature: Feature) -> dict[str, float]:
    """Return the number that the model reads for each category."""
    return {category: float(code) for code, category in enumerate(feature.categories)}


def _reader_of(feature: Feature) -> Reader:
    if feature.kind == "numeric":
        return _read_number
    codes = category_codes(feature)

    def read_category(value: object) -> float:
        if value is None:
            return math.nan
        code = codes.get(_read_text(value))
        if code is None and not value:  # an empty text is missing, as it is in training
            return math.nan
        if code is None:
            raise TypeError(f"not one of the {len(codes)} categories that training saw")
        return code

    return read_category


def _lenient_reader_of(feature: Feature) -> Reader:
    if feature.kind == "numeric":
        return _read_number
    codes = category_codes(feature)
    return lambda value: math.nan if value is None else codes.get(_read_text(value), math.nan)


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text or null, got {_kind(value)}")
    return value


def _read_number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected a number or null, got {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise TypeError("expected a number, got one beyond the range of a double")
    if math.isnan(number):
        raise TypeError("expected a number or null, got NaN")
    return number


def _kind(value: object) -> str:
    names = {bool: "a boolean", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
