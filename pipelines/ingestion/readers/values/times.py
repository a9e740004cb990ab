"""Times of every type in UTC and microseconds; what is finer is cut off, missing ones are null."""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations import EARLIEST, LATEST, guess_unit
from pipelines.config import DIRECTIVES, Dialect, TimeColumn, expand_time_format
from pipelines.ingestion.readers.canonical import TIMESTAMP
from pipelines.ingestion.readers.values.numbers import is_text, missing_texts, plain, read_numbers
from pipelines.ingestion.readers.values.unusable import (
    UnusableTypeError,
    UnusableValueError,
    refuse_first,
)

Int64s = npt.NDArray[np.int64]
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1, "D": 86_400_000_000}
_LETTERS = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_FINER = r"(\.\d{6})\d+"
# Rows whose second half of a century is written with two digits, as strptime takes them.
_CENTURY, _TURN = 1900, 69


def read_times(
    values: pa.Array, dialect: Dialect, *, column: str | TimeColumn, table: str
) -> pa.Array:
    """Read timestamps, dates, texts, or numbers whose unit is stated.

    Args:
        values: of any type.
        dialect: time zone of times without an offset, and format of those that are text.
        column: as the spec names it; with a unit: values are numbers.
        table: `source` or `labels`, for the names of keys in messages.

    Raises:
        UnusableTypeError: when the type cannot be a time.
        UnusableValueError: at the first value that is none.
    """
    values = plain(values)
    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(TIMESTAMP)
    if isinstance(column, TimeColumn):
        if pa.types.is_temporal(kind):
            raise UnusableTypeError(f"it is {kind} and no number: name the column alone")
        return _since_start(values, column, dialect, table)
    if is_text(kind):
        return _read_texts(values, dialect, table)
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise UnusableTypeError(f"it is {kind} and has to be a timestamp{_unit_hint(values)}")
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return values.cast(TIMESTAMP, safe=False)  # nanoseconds are cut to microseconds
    return _in_zone(values.cast(pa.timestamp("us"), safe=False), values, dialect, table)


def _in_zone(local: pa.Array, given: pa.Array, dialect: Dialect, table: str) -> pa.Array:
    """Take local times of the dialect's zone as UTC."""
    zone = dialect.time_zone or "UTC"
    try:
        return pc.assume_timezone(local, zone, ambiguous="earliest").cast(TIMESTAMP)
    except pa.ArrowInvalid:
        late = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest")
        back = pc.local_timestamp(late)
        refuse_first(
            pc.not_equal(back, local), given,
            lambda _: f"does not exist in {zone}, whose clocks are put forward then; correct "
            f"{table}.time_zone",
        )  # fmt: skip
        raise


def _read_texts(given: pa.Array, dialect: Dialect, table: str) -> pa.Array:
    values = missing_texts(pc.utf8_trim_whitespace(given), dialect, numeric=True)
    if dialect.time_format is not None:
        return _read_format(values, given, dialect, table)
    if values.null_count == len(values):
        return pa.nulls(len(values), TIMESTAMP)
    try:
        return _in_zone(values.cast(pa.timestamp("us")), given, dialect, table)
    except pa.ArrowInvalid:
        pass
    values = pc.replace_substring_regex(values, r" ?(UTC|GMT)$", "Z")
    values = pc.replace_substring_regex(values, _FINER, r"\1")
    has_offset = pc.match_substring_regex(values, _time_with_offset())
    zoned, local = (
        _cast_iso(pc.if_else(mask, values, pa.scalar(None, pa.string())), kind, given, table)
        for mask, kind in (
            (has_offset, TIMESTAMP),
            (pc.invert(has_offset), pa.timestamp("us")),
        )
    )
    return pc.coalesce(zoned, _in_zone(local, given, dialect, table))


def _time_with_offset() -> str:
    """Return the expression of a time with an offset; the day of a date is none."""
    return rf":\d{{2}}(\.\d+)?\s?{_OFFSET}"


def _cast_iso(values: pa.Array, kind: pa.DataType, given: pa.Array, table: str) -> pa.Array:
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        for position, value in enumerate(values):
            try:
                value.cast(kind)
            except pa.ArrowInvalid:
                raise UnusableValueError(
                    position, given[position].as_py(), _time_remedy(given, table)
                ) from None
        raise


def _time_remedy(given: pa.Array, table: str) -> str:
    del given
    return (
        f'is no time as in ISO 8601; state its format, such as {table}.time_format = "%d.%m.%Y '
        '%H:%M:%S", or give the unit of a number: { column = "…", unit = "s" }'
    )


def _read_format(values: pa.Array, given: pa.Array, dialect: Dialect, table: str) -> pa.Array:
    """Read texts of the dialect's format; parts that it does not name are 0, the day is 1."""
    written = str(dialect.time_format)
    pairs = expand_time_format(written)
    pattern = "".join(re.escape(text) + DIRECTIVES.get(letter, "") for text, letter in pairs)
    found = pc.extract_regex(values, f"^{pattern}$")

    def explain(_: object) -> str:
        return f"is no time as in {table}.time_format = {written!r}; correct one of the two"

    refuse_first(pc.and_(values.is_valid(), found.is_null()), given, explain)
    parts = {letter: found.field(letter) for _, letter in pairs if letter}
    is_null = found.is_null().to_numpy(zero_copy_only=False)
    micros, is_wrong = _assemble(parts, is_null)
    refuse_first(pa.array(is_wrong & ~is_null), given, explain)
    local = pa.array(micros, pa.int64(), mask=is_null).cast(pa.timestamp("us"))
    if "z" in parts:
        return local.cast(TIMESTAMP)
    return _in_zone(local, given, dialect, table)


def _assemble(
    parts: dict[str, pa.Array], is_null: npt.NDArray[np.bool_]
) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Add up the parts of times; also mark those of a day or hour that does not exist."""

    def number(letter: str, default: int) -> Int64s:
        if letter not in parts:
            return np.full(len(is_null), default, np.int64)
        digits = parts[letter].to_numpy(zero_copy_only=False)
        return np.where(is_null, str(default), digits).astype(np.int64)

    year = number("Y", 1970)
    if "y" in parts:
        short = number("y", 70)
        year = short + np.where(short < _TURN, _CENTURY + 100, _CENTURY)
    month = number("m", 1)
    named = parts.get("b", parts.get("B"))
    if named is not None:
        texts = ["" if text is None else text[:3].lower() for text in named.to_pylist()]
        month = np.array([_MONTHS.get(text, 0) for text in texts], np.int64)
        month[is_null] = 1
    day, hour, minute, second = (
        number("d", 1), number("I" if "I" in parts else "H", 0), number("M", 0), number("S", 0)
    )  # fmt: skip
    if "I" in parts:
        late = [text.lower() == "pm" for text in parts["p"].to_pylist()] if "p" in parts else False
        is_wrong = ~is_null & ((hour < 1) | (hour > 12))  # noqa: PLR2004 -- a clock's face
        hour = hour % 12 + 12 * np.asarray(late, np.int64)
    else:
        is_wrong = hour >= 24  # noqa: PLR2004 -- hours of a day
    is_wrong = is_wrong | (month < 1) | (month > 12) | (minute >= 60) | (second >= 60)  # noqa: PLR2004
    first = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    date = first.astype("datetime64[D]") + (day - 1)
    is_wrong |= (day < 1) | (date.astype("datetime64[M]") != first)
    micros = date.astype(np.int64) * _MICROSECONDS["D"]
    micros += ((hour * 60 + minute) * 60 + second) * _MICROSECONDS["s"]
    return micros + _fractions(parts, is_null) - _offsets(parts), is_wrong


def _fractions(parts: dict[str, pa.Array], is_null: npt.NDArray[np.bool_]) -> Int64s:
    if "f" not in parts:
        return np.zeros(len(is_null), np.int64)
    padded = pc.utf8_slice_codeunits(pc.utf8_rpad(parts["f"], 6, padding="0"), 0, 6)
    digits = np.where(is_null, "0", padded.to_numpy(zero_copy_only=False))
    return digits.astype(np.int64)


def _offsets(parts: dict[str, pa.Array]) -> Int64s | int:
    if "z" not in parts:
        return 0
    minutes = []
    for text in parts["z"].to_pylist():
        digits = re.sub(r"\D", "", text or "").rjust(4, "0")
        size = int(digits[:2]) * 60 + int(digits[2:])
        minutes.append(-size if (text or "").startswith("-") else size)
    return np.array(minutes, np.int64) * 60 * _MICROSECONDS["s"]


def _since_start(values: pa.Array, column: TimeColumn, dialect: Dialect, table: str) -> pa.Array:
    """Add numbers of a unit to their start; whole numbers exactly."""
    start = round(column.start.timestamp() * _MICROSECONDS["s"])
    kind = values.type
    whole = values
    if is_text(kind):
        texts = missing_texts(pc.utf8_trim_whitespace(values), dialect, numeric=True)
        try:
            whole = texts.cast(pa.int64())
        except pa.ArrowInvalid:
            whole = read_numbers(texts, dialect, table=table, words=False)
    elif not pa.types.is_integer(kind):
        whole = read_numbers(values, dialect, table=table, words=False)
    is_null = whole.is_null().to_numpy(zero_copy_only=False)
    numbers = whole.fill_null(0).to_numpy(zero_copy_only=False)
    per_unit = 1 / 1000 if column.unit == "ns" else _MICROSECONDS[column.unit]
    # Beyond the years 1 to 9999 no engine holds a time.
    limit = 2.5e17
    is_wrong = np.abs(numbers.astype(np.float64)) * per_unit > limit
    explain = f"is beyond what a time can be, in {column.unit}; correct the unit or the start"
    refuse_first(pa.array(is_wrong & ~is_null), values, lambda _: explain)
    if numbers.dtype.kind == "f":
        micros = np.rint(numbers * per_unit).astype(np.int64)
    elif column.unit == "ns":
        micros = numbers.astype(np.int64) // 1000
    else:
        micros = numbers.astype(np.int64) * int(per_unit)
    return pa.array(micros + start, pa.int64(), mask=is_null).cast(TIMESTAMP)


def _unit_hint(values: pa.Array) -> str:
    """Describe the unit that whole numbers in place of times seem to have."""
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return ""
    numbers = values.cast(pa.float64(), safe=False).drop_null().to_numpy().astype(np.int64)
    guess = guess_unit(numbers, earliest=EARLIEST, latest=LATEST, reads=["microseconds"])
    unit = "microseconds" if guess is None else guess[0]
    return (
        f"; its values look like {unit} since 1970: deliver them as timestamps, or write "
        f'{{ column = "…", unit = "{_LETTERS[unit]}" }}, with start = "…" where they count from '
        "another date"
    )
