"""The work of a task that reads files: rows are checked and put by day into the shared folder."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from expectations.contract import TRANSACTION_ID, InputError, OvernightError
from feature_jobs.io import replace
from feature_jobs.stages import encode_error
from pipelines.ingestion.arrivals import Arrived
from pipelines.ingestion.cluster.messages import (
    VERSION,
    FileRead,
    FilesRead,
    FilesToRead,
    FileToRead,
    Reading,
    decode_schema,
    encode_schema,
)
from pipelines.ingestion.delivery import Delivery, read_transactions
from pipelines.ingestion.filing.day_rows import DayRows
from pipelines.ingestion.filing.filing import TRANSACTIONS
from pipelines.ingestion.filing.spilled_rows import SpilledRows, spill_rows
from pipelines.ingestion.manifest import hash_file
from pipelines.ingestion.readers import open_transactions

# A task's rows in memory; several tasks share the memory of an executor.
HELD_BYTES = 128 << 20


def read_files(common: str, item: str) -> str:
    """Read the files of one task.

    Args:
        common: a `Reading` as JSON.
        item: a `FilesToRead` as JSON.

    Returns:
        A `FilesRead` as JSON. An error of ours is in it, so that of several tasks that fail the
        first one in the order of files is raised, as by an ingestion in one process.
    """
    asked = Reading.model_validate_json(common)
    refuse_other_version(asked.version)
    return _read(asked, FilesToRead.model_validate_json(item)).model_dump_json()


def refuse_other_version(version: int) -> None:
    """Refuse a message of other code.

    Raises:
        InputError: naming both versions.
    """
    if version != VERSION:
        raise InputError(
            f"The ingestion asks for version {version} of its tasks and the workers have "
            f'{VERSION}. Run "make dist" and put dist/environment.tar.gz where '
            "OVERNIGHT_SPARK_ARCHIVE points."
        )


def _read(asked: Reading, item: FilesToRead) -> FilesRead:
    # No context: what it puts into the shared folder stays.
    rows = DayRows(asked.folder, limit=HELD_BYTES, name=f"rows-{item.first:07d}")
    delivery = Delivery("", rows)
    try:
        read = read_transactions(
            asked.spec, open_transactions(asked.spec, filed=decode_schema(asked.types)),
            _arrive(item.files), delivery,
            since=asked.since, remember=asked.remember, first=item.first,
        )  # fmt: skip
        rows.spill()
        return _answer(asked, item, read, delivery)
    except OvernightError as error:
        return FilesRead(problem=encode_error(error))
    finally:
        rows.ids.close()


def _answer(
    asked: Reading, item: FilesToRead, read: Sequence[Arrived], delivery: Delivery
) -> FilesRead:
    """Put what does not fit into a message into the shared folder."""
    rows, name = delivery.rows, f"{item.first:07d}"
    address = f"{asked.folder}/ids-{name}.bin" if rows.num_rows else ""
    if address:
        replace(address, rows.ids.to_bytes())
    faulty = [(str(at), own) for at, own in enumerate(delivery.quarantined)]
    ids = [
        (file, pa.table({TRANSACTION_ID: pa.chunked_array([c for x in own for c in x.chunks])}))
        for file, own in delivery.ids.items()
        if sum(map(len, own))
    ]
    return FilesRead(
        files=tuple(FileRead(sha256=e.sha256, arrival=e.arrival, rows=e.rows) for e in read),
        read=delivery.read,
        warned=delivery.warned,
        schema_=encode_schema(rows.schema) if rows.schema.names else "",
        days={day: tuple(spilled) for day, spilled in rows.spilled.items()},
        counts=dict(rows.counts),
        entries=address,
        faulty=_spill(f"{asked.folder}/faulty-{name}.arrow", faulty),
        ids=_spill(f"{asked.folder}/all-ids-{name}.arrow", ids),
    )


def _spill(address: str, tables: Sequence[tuple[str, pa.Table]]) -> dict[str, SpilledRows]:
    return spill_rows(address, tables) if tables else {}


def _arrive(files: tuple[FileToRead, ...]) -> Iterator[Arrived]:
    for each in files:
        file = each.file
        try:
            sha256 = hash_file(file.address)
        except FileNotFoundError as error:
            raise InputError(
                f"A Spark worker does not find {file.address}. Put the source where every worker "
                "reaches it, or let OVERNIGHT_SPARK_FROM_ROWS be more rows than it has: they are "
                "then read in one process."
            ) from error
        is_recorded = sha256 == each.recorded_sha256 and each.recorded_arrival is not None
        arrival = each.recorded_arrival if is_recorded else each.arrival
        yield Arrived(TRANSACTIONS, file, arrival or each.arrival, sha256)
