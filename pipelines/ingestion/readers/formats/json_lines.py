"""Reads JSON lines: one object a line, of which the wanted keys are read."""

from collections.abc import Generator, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from pipelines.config import Dialect
from pipelines.ingestion.readers.formats.listing import Listing, Position, SourceFile, list_files
from pipelines.ingestion.readers.formats.text_stream import open_bytes

_BLOCK = 8 << 20  # bytes that are read at once
_SAMPLE = 10_000  # lines that decide the types of a file
_INT64 = range(-(2**63), 2**63)


class JsonLinesFormat:
    """Files of one JSON object a line, in UTF-8."""

    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")
    row_word = "line"

    def files(self, address: str, *, key: str, since: Position | None) -> Listing:
        """List the files of an address."""
        del since
        return list_files(address, key=key, form="jsonl", endings=self.endings)

    def schema(self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str]) -> pa.Schema:
        """Take names and types from the first lines; on to where each wanted column was seen."""
        del dialect
        values: dict[str, list[object]] = {}
        wanted = {*columns}
        for number, (line, text) in enumerate(_lines(file)):
            if number >= _SAMPLE and not wanted - values.keys():
                break
            for name, value in _object(line, text).items():
                listed = values.setdefault(name, [])
                if len(listed) < _SAMPLE:
                    listed.append(value)
        return pa.schema([(name, _array(listed).type) for name, listed in values.items()])

    def batches(
        self, file: SourceFile, dialect: Dialect, *, columns: Sequence[str], rows: int
    ) -> Generator[pa.RecordBatch]:
        """Read values of the wanted keys; a key that a line has not is null."""
        del dialect
        fields = {f"f{at}": name for at, name in enumerate(columns)}
        row = msgspec.defstruct(
            "Row",
            [(field, bool | int | float | str | None, None) for field in fields],
            rename=fields,
            gc=False,
        )
        decode = msgspec.json.Decoder(row).decode
        held: list[Any] = []
        for line, text in _lines(file):
            try:
                held.append(decode(text))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise ValueError(f"line {line}: {error}") from error
            if len(held) == rows:
                yield _batch(held, fields)
                held = []
        if held:
            yield _batch(held, fields)

    def place(self, file: SourceFile, dialect: Dialect, row: int) -> int:
        """Return the line of a row; empty lines are none."""
        del dialect
        return next(line for at, (line, _) in enumerate(_lines(file), start=1) if at == row)


def _lines(file: SourceFile) -> Iterator[tuple[int, bytes]]:
    """Read the lines that are not empty, each with its number from 1."""
    with open_bytes(file) as stream:
        rest, number = b"", 0
        for block in chain(iter(lambda: stream.read(_BLOCK), b""), (None,)):
            parts = (rest + (block or b"")).split(b"\n")
            rest = b"" if block is None else parts.pop()
            for line in parts:
                number += 1
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf")


def _object(line: int, text: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"line {line}: {error}") from error


def _batch(rows: list[Any], fields: dict[str, str]) -> pa.RecordBatch:
    columns = [_array([getattr(row, field) for row in rows]) for field in fields]
    return pa.record_batch(columns, names=list(fields.values()))


def _array(values: list[object]) -> pa.Array:
    """Make an array of JSON values; of several types: their text."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int} and all(value is None or value in _INT64 for value in values):
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())  # type: ignore[arg-type]
    if len(kinds) <= 1 and not kinds & {int, dict, list}:
        return pa.array(values)
    return pa.array([None if v is None else _text(v) for v in values], pa.string())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)
