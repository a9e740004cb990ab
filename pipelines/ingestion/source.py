"""Reads the files of a spec's `[source]` and `[labels]` into the canonical columns.

Problems of a whole file are found here, before anything is written: a file that is missing, empty
or truncated, a column that is absent or has a type that its role cannot have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
from pyarrow import fs

from expectations import EARLIEST, LATEST, guess_unit
from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
    refuse_any,
)
from feature_jobs.io import resolve
from pipelines.config import LONGEST_NAME, ModelSpec, expand_address, explain_unreadable, shorten

NO_DAY = "unknown"
TIMESTAMP = pa.timestamp("us", tz="UTC")
_TYPES = {"time": TIMESTAMP, "number": pa.float64(), "key": pa.int64(), "text": pa.string()}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivered rows in canonical columns.

    Attributes:
        rows: one row a transaction; with a column `is_fraud` where the spec names one.
        reports: fraud reports (`transaction_id`, `known_time`) where the spec names a table.
        received_at: modification time of the latest file; no row can have happened later.
        name: the file's or folder's name.
    """

    rows: pa.Table
    reports: pa.Table | None
    received_at: datetime
    name: str


def load_delivery(spec: ModelSpec) -> Delivery:
    """Read the source and the reports of a spec.

    Raises:
        ProblemsError: naming every file and column that cannot be used.
    """
    columns = spec.source.columns()
    if spec.labels.column is not None:
        columns[LABEL] = spec.labels.column
    address = spec.source.path
    raw, problems = _open(address, spec.source.format, key="source.path")
    rows, found = _canonical(raw, columns, kinds=_kinds(spec), address=address)
    problems += found
    reports = None
    if spec.labels.path is not None:
        raw_reports, found = _open(spec.labels.path, spec.source.format, key="labels.path")
        problems += found
        names = {
            TRANSACTION_ID: str(spec.labels.transaction_id),
            KNOWN_TIME: str(spec.labels.known_time),
        }
        kinds = {TRANSACTION_ID: "key", KNOWN_TIME: "time"}
        reports, found = _canonical(raw_reports, names, kinds=kinds, address=spec.labels.path)
        problems += found
    refuse_any(f"the source of {spec.name}", problems)
    if rows.num_rows == 0:
        raise InputError(
            f"{name_of(address)} holds no rows. Give source.path a file with transactions."
        )
    if KNOWN_TIME not in rows.column_names:
        rows = rows.append_column(KNOWN_TIME, rows[EVENT_TIME])
    return Delivery(rows, reports, _written_at(address), name_of(address))


def inspect_columns(address: str, form: str) -> pa.Schema:
    """Read the names and types of a source's columns.

    Raises:
        ProblemsError: when the file cannot be read.
    """
    raw, problems = _open(address, form, key="source.path")
    refuse_any(name_of(address), problems)
    return raw.schema


def name_of(address: str) -> str:
    """Return the last part of the address of a file or folder.

    >>> name_of("s3://bank/2025/cards.parquet")
    'cards.parquet'
    """
    return address.rstrip("/").rpartition("/")[2]


def _open(address: str, form: str, *, key: str) -> tuple[ds.Dataset, list[str]]:
    """Open the file or folder of an unexpanded address; an empty dataset with a problem if not."""
    nothing = ds.dataset(pa.table({}))
    try:
        filesystem, path = resolve(expand_address(address))
        found = filesystem.get_file_info(path)
    except (InputError, pa.ArrowException, ValueError, OSError) as error:
        reason = explain_unreadable(error, address)
        return nothing, [f"{key}: {address} cannot be reached: {reason}; correct the address"]
    if found.type == fs.FileType.NotFound:
        return nothing, [f"{key}: {address} does not exist; give the path of a {form} file"]
    if found.is_file and found.size == 0:
        return nothing, [f"{key}: {address} is empty (0 bytes); deliver it again"]
    try:
        if form == "csv":
            with filesystem.open_input_stream(path) as stream:
                return ds.dataset(pyarrow.csv.read_csv(stream)), []
        return ds.dataset(path, format=form, filesystem=filesystem), []
    except (pa.ArrowException, ValueError, OSError) as error:
        reason = explain_unreadable(error, address)
        return nothing, [f"{key}: {address} cannot be read as {form}: {reason}; deliver it again"]


def _kinds(spec: ModelSpec) -> dict[str, str]:
    kinds = {TRANSACTION_ID: "key", EVENT_TIME: "time", KNOWN_TIME: "time", AMOUNT: "number"}
    kinds |= dict.fromkeys(spec.source.entities, "key")
    kinds |= {
        name: "number" if kind == "numeric" else "text"
        for name, kind in spec.attribute_kinds().items()
    }
    return kinds | {LABEL: "number"}


def _canonical(
    raw: ds.Dataset, columns: Mapping[str, str], *, kinds: Mapping[str, str], address: str
) -> tuple[pa.Table, list[str]]:
    """Select, rename and cast; an absent or unusable column is a problem, with its role named."""
    if not raw.schema.names:
        return pa.table({}), []
    problems, cast, where = [], {}, name_of(address)
    present = [theirs for theirs in columns.values() if raw.schema.names.count(theirs) == 1]
    try:
        read = raw.to_table(columns=list(dict.fromkeys(present)))
    except (pa.ArrowException, ValueError, OSError) as error:
        reason = explain_unreadable(error, address)
        return pa.table({}), [f"{where}: cannot be read to its end: {reason}"]
    for name, theirs in columns.items():
        if raw.schema.names.count(theirs) > 1:
            problems.append(f"{where}: column {theirs!r} stands twice; deliver it once")
            continue
        if theirs not in raw.schema.names:
            has = ", ".join(shorten(name, LONGEST_NAME) for name in raw.schema.names[:20])
            problems.append(f"{where}: no column {theirs!r} for {name}; the file has {has}")
            continue
        try:
            cast[name] = _cast(read[theirs], kinds[name])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as error:
            reason = explain_unreadable(error, address)
            problems.append(f"{where}: column {theirs!r} cannot be {name}: {reason}")
    return pa.table(cast), problems


def _cast(values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    given = values.type
    if pa.types.is_null(given):  # an empty column of a text file has no type
        return values.cast(_TYPES[kind])
    if kind == "time":
        if not (pa.types.is_timestamp(given) or pa.types.is_date(given)):
            raise TypeError(f"it is {given} and has to be a timestamp{_unit_hint(values)}")
        return values.cast(TIMESTAMP, safe=False)  # nanoseconds are cut to microseconds
    if kind == "number":
        if not (pa.types.is_integer(given) or pa.types.is_floating(given) or _is_exact(given)):
            raise TypeError(f"it is {given} and has to be a number")
        return values.cast(pa.float64())
    if pa.types.is_dictionary(given):
        values, given = values.cast(given.value_type), given.value_type
    if kind == "key" and pa.types.is_integer(given):
        return values.cast(pa.int64())
    if not (pa.types.is_string(given) or pa.types.is_large_string(given) or kind == "text"):
        raise TypeError(f"it is {given} and has to be an integer or text")
    return values.cast(pa.string())


def _unit_hint(values: pa.ChunkedArray) -> str:
    """Describe the unit that whole numbers in place of times seem to have."""
    if not pa.types.is_integer(values.type):
        return ""
    numbers = values.drop_null().cast(pa.int64()).to_numpy()
    guess = guess_unit(numbers, earliest=EARLIEST, latest=LATEST, reads=["microseconds"])
    unit = "microseconds" if guess is None else guess[0]
    return f"; its values look like {unit} since 1970: deliver them as timestamps"


def _is_exact(given: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(given) or pa.types.is_boolean(given))


def _written_at(address: str) -> datetime:
    filesystem, path = resolve(expand_address(address))
    found = [filesystem.get_file_info(path)]
    if found[0].type == fs.FileType.Directory:
        found = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    latest: datetime = max(file.mtime for file in found if file.is_file)
    return latest.astimezone(UTC)


def only_known(rows: pa.Table, as_of: datetime) -> pa.Table:
    """Select the rows that became known before `as_of`."""
    return rows.filter(pc.less(rows[KNOWN_TIME], pa.scalar(as_of, type=TIMESTAMP)))


def with_day(rows: pa.Table) -> pa.Table:
    """Append the event day, `unknown` where there is no event time."""
    day = pc.strftime(rows[EVENT_TIME].cast(TIMESTAMP), format="%Y-%m-%d")
    return rows.append_column(EVENT_DAY, pc.fill_null(day.cast(pa.string()), NO_DAY))
