"""Ids, entities and categories of every type: integers or text; missing ones are null."""

import uuid

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.config import Dialect
from pipelines.ingestion.readers.values.numbers import is_text, missing_texts, plain
from pipelines.ingestion.readers.values.unusable import (
    UnusableTypeError,
    UnusableValueError,
    refuse_first,
)

_EXACT = 2.0**53
_BYTES_OF_UUID = 16


def key_type_of(kind: pa.DataType) -> pa.DataType:
    """Return the canonical type of a file's column of ids: integer or text; null where it is empty.

    Raises:
        UnusableTypeError: when it can be neither.
    """
    kind = plain(pa.array([], kind)).type
    if pa.types.is_null(kind):
        return kind
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.int64()
    if is_text(kind) or _is_binary(kind):
        return pa.string()
    raise UnusableTypeError(f"it is {kind} and has to be an integer or text")


def read_keys(values: pa.Array, canonical: pa.DataType, dialect: Dialect, *, key: str) -> pa.Array:
    """Read ids as integers or as text.

    Args:
        values: of any type; whole decimals and doubles are integers, 16 bytes a UUID.
        canonical: `int64` or `string`.
        dialect: texts that stand for a missing value.
        key: key of the spec that states the type, such as `source.types.customer_id`.

    Raises:
        UnusableTypeError: when the type cannot be an id.
        UnusableValueError: at the first value that is no id of this type.
    """
    values = plain(values)
    own = key_type_of(values.type)
    if pa.types.is_null(own):
        return values.cast(canonical)
    if _is_binary(values.type):
        values = _read_bytes(values)
    if own == pa.string():
        texts = missing_texts(values, dialect, numeric=False)
        return texts if canonical == pa.string() else _whole_texts(texts, values, key)
    whole = _whole_numbers(values, key)
    return _as_integers(whole, key) if canonical == pa.int64() else whole.cast(pa.string())


def read_categories(
    values: pa.Array, dialect: Dialect, *, is_integer: bool = False, key: str = ""
) -> pa.Array:
    """Read categories as text.

    Raises:
        UnusableTypeError: when the values are lists or records.
        UnusableValueError: at the first that is no integer, where `is_integer`.
    """
    values = plain(values)
    kind = values.type
    if is_integer:
        return read_keys(values, pa.int64(), dialect, key=key).cast(pa.string())
    if is_text(kind):
        return missing_texts(values, dialect, numeric=False)
    if pa.types.is_nested(kind):
        raise UnusableTypeError(f"it is {kind} and has to be text")
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == _BYTES_OF_UUID:
        return _read_bytes(values)
    if pa.types.is_decimal(kind) and kind.scale <= 0:
        return values.cast(pa.decimal128(38, 0)).cast(pa.string())
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
    try:
        return missing_texts(values.cast(pa.string()), dialect, numeric=False)
    except pa.ArrowInvalid as error:
        raise UnusableTypeError(f"it is {kind} and no text: deliver it as text") from error


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _read_bytes(values: pa.Array) -> pa.Array:
    """Write UUIDs of 16 bytes as text.

    Raises:
        UnusableValueError: at bytes of another number, or that look like text.
    """
    remedy = "is no UUID of 16 bytes; deliver the column as text"
    listed = values.to_pylist()
    for position, value in enumerate(listed):
        if value is not None and len(value) != _BYTES_OF_UUID:
            raise UnusableValueError(position, value, remedy)
    present = [value for value in listed if value is not None]
    is_fixed = pa.types.is_fixed_size_binary(values.type)
    # Text that was written without its type: each of its bytes is a character.
    if not is_fixed and present and all(v.isascii() and v.decode().isprintable() for v in present):
        raise UnusableValueError(listed.index(present[0]), present[0], remedy)
    texts = [None if value is None else str(uuid.UUID(bytes=value)) for value in listed]
    return pa.array(texts, pa.string())


def _whole_texts(texts: pa.Array, given: pa.Array, key: str) -> pa.Array:
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        fits = pc.match_substring_regex(texts, r"^-?\d{1,18}$")
        refuse_first(pc.invert(fits), given, lambda _: _remedy(key))
        raise UnusableValueError(0, given[0].as_py(), _remedy(key)) from None


def _whole_numbers(values: pa.Array, key: str) -> pa.Array:
    """Return numbers as integers, or decimals without a fraction; NaN is missing."""
    kind = values.type
    if pa.types.is_floating(kind):
        values = values.cast(pa.float64())
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        is_whole = pc.and_(
            pc.equal(pc.floor(values), values), pc.less_equal(pc.abs(values), _EXACT)
        )
        refuse_first(pc.invert(is_whole), values, lambda _: _remedy(key))
        return values.cast(pa.int64())
    if pa.types.is_decimal(kind):
        wide = values.cast(pa.decimal256(76, max(kind.scale, 0)))
        whole = pc.floor(wide)
        refuse_first(pc.not_equal(whole, wide), values, lambda _: _remedy(key))
        return whole.cast(pa.decimal256(76, 0))
    return values


def _as_integers(values: pa.Array, key: str) -> pa.Array:
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        listed = values.to_pylist()
        at = next(n for n, v in enumerate(listed) if v is not None and not _fits_int64(v))
        raise UnusableValueError(at, listed[at], _remedy(key)) from None


def _fits_int64(value: object) -> bool:
    return -(2**63) <= int(value) < 2**63  # type: ignore[call-overload, no-any-return]


def _remedy(key: str) -> str:
    return (
        f'is no integer of 64 bits; deliver ids as text or whole numbers, with {key} = "text" '
        "where they are not all whole numbers"
    )
