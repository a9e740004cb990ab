"""Numbers of every type as the nearest double; missing ones, NaN included, are null."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config import Dialect
from pipelines.ingestion.readers.values.unusable import (
    UnusableTypeError,
    UnusableValueError,
    refuse_first,
)

# Texts of a missing number or time, as pandas, R, Spark and spreadsheets write them.
MISSING = (
    "", "#N/A", "#NA", "-NaN", "-nan", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
# Up to here every whole number is a double, and so is every power of ten up to the 22nd.
_EXACT, _EXACT_POWER = 2**53, 22
_DIGITS_OF_INT64 = 18


def is_text(kind: pa.DataType) -> bool:
    """Return True for every type of text."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def plain(values: pa.Array) -> pa.Array:
    """Return values without the wrapping of a dictionary, a run-end encoding or an extension."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(values.storage)
    if pa.types.is_dictionary(kind):
        return plain(values.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(values))
    return values.cast(pa.string()) if is_text(kind) else values


def read_numbers(values: pa.Array, dialect: Dialect, *, table: str, words: bool) -> pa.Array:
    """Read numbers as doubles.

    Args:
        values: of any type.
        dialect: marks of numbers that are text.
        table: `source` or `labels`, for the names of keys in messages.
        words: True: `true`, `false` and the dialect's words are 1 and 0.

    Raises:
        UnusableTypeError: when the type cannot be a number.
        UnusableValueError: at the first text that is none.
    """
    values = plain(values)
    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(pa.float64())
    if is_text(kind):
        return _read_texts(values, dialect, table=table, words=words)
    if pa.types.is_boolean(kind):
        return values.cast(pa.float64())
    if pa.types.is_integer(kind):
        return values.cast(pa.float64(), safe=False)  # the nearest one
    if pa.types.is_floating(kind):
        return _without_nan(values.cast(pa.float64()))
    if pa.types.is_decimal(kind):
        return nearest_doubles(values)
    raise UnusableTypeError(f"it is {kind} and has to be a number")


def nearest_doubles(values: pa.Array) -> pa.Array:
    """Convert decimals to the nearest doubles.

    A whole number that a double holds, divided by a power of ten that one holds, is rounded once,
    and so to the nearest. Arrow's own cast multiplies by an inverse that is rounded itself.
    """
    kind = values.type
    if (
        pa.types.is_decimal128(kind)
        and kind.precision <= _DIGITS_OF_INT64
        and 0 <= kind.scale <= _EXACT_POWER
    ):
        halves = np.frombuffer(values.buffers()[1], dtype="<i8")
        digits = halves[2 * values.offset : 2 * (values.offset + len(values)) : 2]
        is_null = values.is_null().to_numpy(zero_copy_only=False)
        digits = np.where(is_null, 0, digits)
        if np.abs(digits).max(initial=0) <= _EXACT:
            return pa.array(digits / 10.0**kind.scale, mask=is_null)
    return values.cast(pa.string()).cast(pa.float64())


def missing_texts(values: pa.Array, dialect: Dialect, *, numeric: bool) -> pa.Array:
    """Replace texts that stand for a missing value by null."""
    given = dialect.missing_values or ()
    missing = pa.array([*(MISSING if numeric else ("",)), *given], pa.string())
    is_missing = pc.is_in(values, value_set=missing)
    return pc.if_else(is_missing, pa.scalar(None, pa.string()), values)


def _without_nan(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def _read_texts(given: pa.Array, dialect: Dialect, *, table: str, words: bool) -> pa.Array:
    plainly = _read_plain_texts(given, dialect)
    if plainly is not None:
        return plainly
    values = missing_texts(pc.utf8_trim_whitespace(given), dialect, numeric=True)
    if words:
        values = _replace_words(values, dialect)
    mark, point = dialect.thousands_mark, dialect.decimal_mark or "."
    if mark is not None or point != ".":
        allowed = rf"^[+-]?({_digits(mark)})?({re.escape(point)}\d*)?([eE][+-]?\d+)?$"
        fits = pc.match_substring_regex(values, allowed)
        refuse_first(pc.invert(fits), given, lambda v: _explain(v, dialect, table, words=words))
        if mark is not None:
            values = pc.replace_substring(values, mark, "")
        if point != ".":
            values = pc.replace_substring(values, point, ".")
    try:
        return _without_nan(values.cast(pa.float64()))
    except pa.ArrowInvalid:
        number = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity|nan))$"
        fits = pc.match_substring_regex(values, number)
        refuse_first(pc.invert(fits), given, lambda v: _explain(v, dialect, table, words=words))
        raise UnusableValueError(0, given[0].as_py(), "is no number") from None


def _read_plain_texts(values: pa.Array, dialect: Dialect) -> pa.Array | None:
    """Read texts all of which are empty or numbers without marks; None for other ones.

    What the dialect says of texts that are numbers, or stand for one, is not asked here.
    """
    stated = (dialect.missing_values, dialect.true_values, dialect.false_values)
    if any(stated) or dialect.thousands_mark is not None or dialect.decimal_mark not in (None, "."):
        return None
    empty = pc.equal(values, "")
    try:
        return _without_nan(
            pc.if_else(empty, pa.scalar(None, values.type), values).cast(pa.float64())
        )
    except pa.ArrowInvalid:
        return None


def _digits(mark: str | None) -> str:
    """Return the expression of digits; groups behind the first are of three, in India of two."""
    if mark is None:
        return r"\d*"
    m = re.escape(mark)
    return rf"\d*|\d{{1,3}}({m}\d{{2,3}})*{m}\d{{3}}"


def _replace_words(values: pa.Array, dialect: Dialect) -> pa.Array:
    """Replace words by 1 and 0; `true` and `false` count in any case, others as they are stated."""
    lowered = pc.utf8_lower(values)
    for number, word, stated in (
        ("1", "true", dialect.true_values),
        ("0", "false", dialect.false_values),
    ):
        is_one = pc.equal(lowered, word)
        if stated:
            is_one = pc.or_(is_one, pc.is_in(values, value_set=pa.array(stated, pa.string())))
        values = pc.if_else(is_one, pa.scalar(number, pa.string()), values)
    return values


def _explain(value: object, dialect: Dialect, table: str, *, words: bool) -> str:
    """Say which key would make a text a number."""
    text = str(value).strip()
    point = dialect.decimal_mark or "."
    if words and not re.search(r"\d", text):
        return (
            f"is neither 1 nor 0; state which texts are, as {table}.true_values and "
            f"{table}.false_values"
        )
    if point == "." and re.fullmatch(r"[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?", text):
        return f'is no number; where a comma parts thousands, state {table}.thousands_mark = ","'
    if point == "." and re.fullmatch(r"[+-]?\d{1,3}([ '_\u00a0\u202f]\d{3})+(\.\d*)?", text):
        return f"is no number; state what parts thousands as {table}.thousands_mark"
    if re.fullmatch(r"[+-]?[\d. '\u00a0\u202f]*,\d*", text) and point == ".":
        more = f" and {table}.thousands_mark" if re.search(r"\d[. '\u00a0\u202f]\d", text) else ""
        keys = f'{table}.decimal_mark = ","{more}'
        return f"is no number; where a comma is the decimal mark, state {keys}"
    if point == "," and "." in text:
        return f'is no number with decimal_mark = ","; correct it, or {table}.thousands_mark'
    return (
        f"is no number; correct it, or state what it stands for: {table}.missing_values, "
        f"{table}.decimal_mark, {table}.thousands_mark"
    )
