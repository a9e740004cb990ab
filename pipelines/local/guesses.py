"""Guesses about a source: roles of its columns by name and type, and how its values are written."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations import EARLIEST, LATEST, guess_unit
from pipelines.config import Dialect, TimeColumn
from pipelines.ingestion.readers import Sample
from pipelines.ingestion.readers.values import (
    UnusableTypeError,
    UnusableValueError,
    is_text,
    key_type_of,
    plain,
    read_numbers,
    read_times,
)

PATTERNS = {
    "transaction_id": r"^(transaction|trans|txn|tx|payment)_?(id|number|num|no|nr|key)$|^id$",
    "event_time": r"date|time|timestamp|_dt$|(^|_)at$",
    "amount": r"amount|amt|value",
    "label": r"fraud|label|is_?chargeback|^class$|^target$",
}
ENTITY = r"customer|card|account|user|client|terminal|merchant|device"
# Where numbers count from, when nothing tells it: the order and the distances of rows are right.
UNKNOWN_START = datetime(2020, 1, 1, tzinfo=UTC)
_LONGEST_SPAN = 30 * 366 * 86_400  # seconds
_MARKS = ((None, None), (None, ","), (",", None), (",", "."), (None, "'"), (",", " "), (None, " "),
          (",", "\u00a0"), (",", "\u202f"), (",", "'"))  # fmt: skip
_DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d-%b-%Y", "%d %b %Y", "%b %d %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y",
)  # fmt: skip
_CLOCKS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", "", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S",
           "%H%M%S")  # fmt: skip
_TRUE = (
    "yes",
    "y",
    "t",
    "fraud",
    "fraudulent",
    "1",
    "x",
    "positive",
    "chargeback",
    "ja",
    "oui",
    "si",
)
_UNITS: dict[str, Literal["s", "ms", "us", "ns"]] = {
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
}
_UNUSABLE = (UnusableTypeError, UnusableValueError)


@dataclass(frozen=True, slots=True)
class Guess:
    """Roles of the columns of a source.

    Attributes:
        roles: of those that were recognised.
        entities: columns of customers, cards, terminals and the like.
        time: as the spec names the event time.
        dialect: how texts are written.
        notes: key to what a reader of the spec should know about its guess.
        minimum: lowest amount, where there are negative ones.
    """

    roles: Mapping[str, str]
    entities: tuple[str, ...]
    time: str | TimeColumn
    dialect: Dialect
    notes: Mapping[str, str]
    minimum: float | None = None


def normalised(column: str) -> str:
    """Return a name as the patterns compare it.

    >>> normalised("Transaction ID"), normalised("TransactionDT"), normalised('amount "EUR"')
    ('transaction_id', 'transaction_dt', 'amount_eur')
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def guess_source(sample: Sample) -> Guess:
    """Guess roles and dialect from the first rows."""
    rows, notes = sample.rows, {}
    found = sample.dialect.model_dump()
    amount, marks = _guess_amount(rows, sample.dialect)
    found |= marks
    time, form, note = guess_time(rows, Dialect(**found))
    found["time_format"] = form
    if note:
        notes["event_time"] = note
    taken = {amount, "" if time is None else _column(time)}
    label, words = _guess_label(rows, Dialect(**found), taken)
    found |= words
    roles = {
        "transaction_id": guess_id(rows),
        "event_time": None if time is None else _column(time),
        "amount": amount,
        "label": label,
    }
    minimum = None
    if amount is not None:
        values = read_numbers(
            _column_of(rows, amount), Dialect(**found), table="source", words=False
        )
        lowest = pc.min(values).as_py()
        if lowest is not None and lowest < 0 and math.isfinite(lowest):
            minimum = -(10.0 ** (math.floor(math.log10(-lowest)) + 2))
    present = {role: column for role, column in roles.items() if column is not None}
    entities = [
        name
        for name in rows.column_names
        if re.search(ENTITY, normalised(name))
        and name not in present.values()
        and _is_key(rows, name)
    ]
    return Guess(present, tuple(entities[:3]), time or "", Dialect(**found), notes, minimum)


def guess_id(rows: pa.Table) -> str | None:
    """Guess the column with the id of a transaction."""
    return next((n for n in _named(rows, "transaction_id") if _is_key(rows, n)), None)


def guess_time(
    rows: pa.Table, dialect: Dialect, *, role: str = "event_time"
) -> tuple[str | TimeColumn | None, str | None, str]:
    """Guess a column of times, its unit or its format, and what is to be said of the guess."""
    names = [*_named(rows, role)]
    for name in names:
        values = plain(_column_of(rows, name))
        if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            return name, None, ""
    for name in names:
        values = plain(_column_of(rows, name))
        if is_text(values.type) and values.null_count < len(values):
            numbers = _numbers(values, dialect)
            if numbers is None:
                for form in _formats():
                    if _reads_time(values, dialect.model_copy(update={"time_format": form}), name):
                        return name, form, _order_note(form, values, dialect)
                continue
            values = numbers
        unit = _guess_number_of_time(values, name)
        if unit is not None:
            return unit
    return None, None, ""


def _column(time: str | TimeColumn) -> str:
    return time if isinstance(time, str) else time.column


def _named(rows: pa.Table, role: str) -> Iterator[str]:
    return (n for n in rows.column_names if re.search(PATTERNS[role], normalised(n)))


def _column_of(rows: pa.Table, name: str) -> pa.Array:
    column = rows[name].combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def _is_key(rows: pa.Table, name: str) -> bool:
    try:
        key_type_of(rows.schema.field(name).type)
    except UnusableTypeError:
        return False
    return True


def _guess_amount(rows: pa.Table, dialect: Dialect) -> tuple[str | None, dict[str, str | None]]:
    """Guess the column of amounts, with the marks under which all of its texts are numbers."""
    for name in _named(rows, "amount"):
        for decimal, thousands in _MARKS:
            marks = {"decimal_mark": decimal, "thousands_mark": thousands}
            tried = dialect.model_copy(update=marks)
            if _numbers(_column_of(rows, name), tried) is not None:
                return name, marks
    return None, {}


def _numbers(values: pa.Array, dialect: Dialect) -> pa.Array | None:
    """Read numbers; None when some are none, or all are missing."""
    try:
        numbers = read_numbers(values, dialect, table="source", words=False)
    except _UNUSABLE:
        return None
    return None if numbers.null_count == len(numbers) and len(values) else numbers


def _guess_label(
    rows: pa.Table, dialect: Dialect, taken: set[str | None]
) -> tuple[str | None, dict[str, tuple[str, ...]]]:
    """Guess the column of labels, with the words of it that mean 1 and 0."""
    for name in _named(rows, "label"):
        if name in taken:
            continue
        values = plain(_column_of(rows, name))
        try:
            numbers = read_numbers(values, dialect, table="source", words=True)
        except UnusableTypeError:
            continue
        except UnusableValueError:
            words = _two_words(values)
            if words:
                return name, words
            continue
        if set(pc.unique(numbers.drop_null()).to_pylist()) <= {0.0, 1.0}:
            return name, {}
    return None, {}


def _two_words(values: pa.Array) -> dict[str, tuple[str, ...]]:
    """Tell which of two texts means fraud: the one that says so, else the rarer one."""
    texts = Counter(t.strip() for t in values.drop_null().to_pylist() if t.strip())
    if len(texts) != 2:  # noqa: PLR2004 -- a label has two values
        return {}
    said = [text for text in texts if text.lower() in _TRUE]
    fraud = said[0] if len(said) == 1 else min(texts, key=lambda text: (texts[text], text))
    return {"true_values": (fraud,), "false_values": tuple(t for t in texts if t != fraud)}


def _formats() -> Iterator[str | None]:
    yield None
    for day in _DATES:
        for clock in _CLOCKS:
            yield day + clock


def _reads_time(values: pa.Array, dialect: Dialect, name: str) -> bool:
    try:
        times = read_times(values, dialect, column=name, table="source")
    except (*_UNUSABLE, pa.ArrowException):
        return False
    # Few digits after which another format would go on are a day of another century.
    numbers = times.drop_null().cast(pa.int64()).to_numpy()
    return bool(len(numbers)) and EARLIEST <= float(np.median(numbers)) <= LATEST


def _order_note(form: str | None, values: pa.Array, dialect: Dialect) -> str:
    """Say it when the month could stand first as well."""
    if form is None or not form.startswith(("%d/%m", "%d-%m")):
        return ""
    other = f"%m{form[2]}%d{form[5:]}"
    both = _reads_time(values, dialect.model_copy(update={"time_format": other}), "")
    return "guessed: the day stands before the month" if both else ""


def _guess_number_of_time(values: pa.Array, name: str) -> tuple[TimeColumn, None, str] | None:
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return None
    numbers = values.drop_null().cast(pa.float64(), safe=False).to_numpy()
    if not len(numbers):
        return None
    whole = numbers.astype(np.int64)
    if EARLIEST <= float(np.median(whole)) <= LATEST:
        return TimeColumn(column=name, unit="us"), None, "guessed: microseconds since 1970"
    guess = guess_unit(whole, earliest=EARLIEST, latest=LATEST, reads=["microseconds"])
    if guess is not None:
        unit = _UNITS[guess[0]]
        return TimeColumn(column=name, unit=unit), None, f"guessed: {guess[0]} since 1970"
    if numbers.min() >= 0 and numbers.max() < _LONGEST_SPAN:
        column = TimeColumn(column=name, unit="s", start=UNKNOWN_START)
        return column, None, "guessed: seconds since a date that the file does not tell; write it"
    return None
