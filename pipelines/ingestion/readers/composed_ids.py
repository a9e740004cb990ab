"""Transaction ids that are composed of the values of columns, of sources that have none.

An id is a hash of values, so that it is the same wherever and whenever the row is delivered: after
an interrupted night, in a file that grew or was sorted anew, beside other files. A number of the
row in its file would not be: one row inserted would give each row behind it the labels of another.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import TRANSACTION_ID
from pipelines.ingestion.readers.values.hashes import Hashes, hash_ids, mix
from pipelines.ingestion.readers.values.numbers import is_text, nearest_doubles, plain
from pipelines.ingestion.readers.values.unusable import UnusableTypeError

# Both halves of an id begin with another number, so that they agree on nothing but the row.
_FIRST, _SECOND = np.uint64(0), np.uint64(0xD1B54A32D192ED03)
_MISSING = np.uint64(0x8CB92BA72F3D8DD7)
_MICROSECOND = pa.timestamp("us")
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_LENGTH = 32


def hash_values(values: pa.Array) -> pa.Array:
    """Hash the values of a column to 64 bits; a number has one hash in every type that holds it.

    Texts are hashed as they are written, times as microseconds; null, NaN and an empty text are all
    missing.

    Raises:
        UnusableTypeError: for lists, records and bytes.

    >>> numbers = hash_values(pa.array([7, None])), hash_values(pa.array([7.0, float("nan")]))
    >>> numbers[0] == numbers[1]
    True
    """
    values = plain(values)
    kind = values.type
    if is_text(kind):
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        hashes = hash_ids(values)
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        micros = values.cast(_MICROSECOND, safe=False).cast(pa.int64())
        hashes = hash_ids(micros)
    else:
        values = _doubles(values)
        numbers = values.fill_null(0.0).to_numpy(zero_copy_only=False) + 0.0  # -0 is 0
        hashes = mix(numbers.view(np.uint64))
    present = np.asarray(values.is_valid())
    return pa.array(np.where(present, hashes, _MISSING))


def _doubles(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_decimal(kind):
        return nearest_doubles(values)
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    ):  # fmt: skip
        raise UnusableTypeError(f"it is {kind}; leave it out of source.roles.transaction_id")
    doubles = values.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(doubles), pa.scalar(None, pa.float64()), doubles)


class IdComposer:
    """Composes the ids of one file's rows, batch by batch in the file's order.

    It holds eight bytes for each row of the file, which say which rows came before.
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def compose(self, hashes: list[pa.Array]) -> pa.Array:
        """Compose the ids of a batch from the hashes of its values, one array a column.

        Rows that are equal in all columns are numbered in the file's order, from 0.
        """
        first, second = (np.full(len(hashes[0]), start, np.uint64) for start in (_FIRST, _SECOND))
        for column in hashes:
            own = column.to_numpy(zero_copy_only=False)
            first, second = mix(first ^ own), mix(second ^ own)
        number = self._count_earlier(first)
        return _as_text(mix(first ^ number), mix(second ^ number))

    def _count_earlier(self, rows: Hashes) -> Hashes:
        """Count the rows of the same hash before each row, in this batch and in earlier ones."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        begins = np.searchsorted(ordered, ordered, side="left")
        counts = np.arange(len(rows)) - begins
        for run in self._runs:
            counts += np.searchsorted(run, ordered, "right") - np.searchsorted(run, ordered, "left")
        while self._runs and len(self._runs[-1]) <= len(ordered):
            ordered = np.sort(np.concatenate([self._runs.pop(), ordered]))
        self._runs.append(ordered)
        found = np.empty(len(rows), np.uint64)
        found[order] = counts.astype(np.uint64)
        return found


def _as_text(first: Hashes, second: Hashes) -> pa.Array:
    """Write pairs of 64 bits as 32 hexadecimal digits."""
    both = np.stack([first, second], axis=1).astype(">u8").view(np.uint8)
    digits = np.empty((len(first), _LENGTH), np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[both >> 4], _HEX[both & 15]
    ends = np.arange(len(first) + 1, dtype=np.int32) * _LENGTH
    return pa.StringArray.from_buffers(
        len(first), pa.py_buffer(ends.tobytes()), pa.py_buffer(digits.tobytes())
    )


def with_ids(
    columns: Mapping[str, pa.Array], hashed: Sequence[str], composer: IdComposer
) -> pa.Table:
    """Put composed ids in the place of the hashes that they are made of.

    Args:
        columns: canonical columns of a batch.
        hashed: names of those that hold hashes; none: the ids are there.
        composer: of the batch's file.
    """
    if not hashed:
        return pa.table(dict(columns))
    ids = composer.compose([columns[name] for name in hashed])
    rest = {name: values for name, values in columns.items() if name not in hashed}
    return pa.table({TRANSACTION_ID: ids, **rest})
