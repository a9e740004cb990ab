"""Opening and creating one Delta table through delta-rs, and errors that name damaged logs."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from expectations.contract import OvernightError
from infra.files import link_decoded
from pipelines.lake.damage import DamagedError, remedy_for_log
from pipelines.lake.log_entries import entry_name, find_faults, read_entry

# By default delta-rs deletes log entries older than 30 days, at every hundredth commit; a training
# set of that age could not be rebuilt. The property has the same effect on other writers.
KEPT_LOG = {"delta.enableExpiredLogCleanup": "false"}


class ChangedSinceError(OvernightError):
    """Another writer committed to a table first."""


def create_table(folder: str, schema: pa.Schema, *, partition_by: Sequence[str]) -> DeltaTable:
    """Create a table without rows, unless it exists."""
    if "://" not in folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    link_decoded(folder)
    return DeltaTable.create(
        folder,
        schema=schema,
        mode="ignore",
        partition_by=list(partition_by),
        configuration=KEPT_LOG,
        storage_options=storage_options(),
    )


def find_table(folder: str) -> DeltaTable | None:
    """Open the table in a folder at its latest version; None when there is none.

    Raises:
        DamagedError: naming every damaged file of its log.
    """
    link_decoded(folder)
    return open_table(folder) if DeltaTable.is_deltatable(folder, storage_options()) else None


def open_table(folder: str, *, version: int | None = None) -> DeltaTable:
    """Open an existing table; None for `version` means the latest.

    Raises:
        DamagedError: naming every damaged file of its log.
    """
    link_decoded(folder)
    with naming_faults(folder, version=version):
        delta = DeltaTable(folder, version=version, storage_options=storage_options())
    # delta-rs reads an empty entry as one that changed nothing. A power failure leaves the last
    # entry empty, so that one is checked here; `overnight check-lake` checks all of them.
    found = delta.version()
    with contextlib.suppress(FileNotFoundError), naming_faults(folder, version=found):
        read_entry(folder, found)  # a checkpoint may replace it
    return delta


def read_notes(folder: str, version: int) -> Mapping[str, object]:
    """Read the notes of the writer of a version from its log entry, one small file.

    `DeltaTable.history` would not do: at an older version it begins with the latest commit, under
    the number of the older one.

    Raises:
        FileNotFoundError: when the log has no entry of that version.
        DamagedError: when it is not what was written.
    """
    with naming_faults(folder, version=version):
        return read_entry(folder, version).notes


def lost_entry(folder: str, version: int) -> DamagedError:
    """Build the error for a version that has a checkpoint but no log entry with its notes."""
    return _describe_faults(folder, [f"{entry_name(version)} is missing"])


@contextlib.contextmanager
def naming_faults(folder: str, *, version: int | None) -> Iterator[None]:
    """Turn errors about a log into one that names its damaged files and the remedy."""
    try:
        yield
    except (DeltaError, DamagedError) as error:
        try:
            faults = list(find_faults(folder, until=version))
        except OSError:
            faults = []  # the store does not answer; the error says so already
        if not faults:
            raise
        raise _describe_faults(folder, faults) from error


@contextlib.contextmanager
def committing_first(folder: str, version: int, message: str) -> Iterator[None]:
    """Raise ChangedSinceError if a commit in the block fails and another writer came first.

    Args:
        folder: of the table.
        version: the version that the commit is based on.
        message: of the error.
    """
    try:
        yield
    except DeltaError as error:
        if open_table(folder).version() == version:
            raise
        raise ChangedSinceError(message) from error


def _describe_faults(folder: str, faults: Sequence[str]) -> DamagedError:
    _, spec, table = f"/{folder}".rsplit("/", 2)
    listed = "\n".join(f"  - {fault}" for fault in faults)
    return DamagedError(
        f"The log of the table {folder} is damaged:\n{listed}\n"
        f"{remedy_for_log(table, spec, folder)}"
    )


def storage_options() -> dict[str, str]:
    """Return the storage options beside AWS's own variables: permission to use plain HTTP."""
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    return {"allow_http": "true"} if plain else {}
