"""The decision between an ingestion in this process and one divided among Spark's workers."""

import logging
import uuid
from collections.abc import Iterable, Sequence

import pyarrow.parquet as pq

from expectations.contract import digest_of
from feature_jobs.io import resolve
from infra.emr import Application
from pipelines.config import ModelSpec
from pipelines.config.installation import Settings
from pipelines.ingestion.filing.filing import TRANSACTIONS
from pipelines.ingestion.readers import SourceFile
from pipelines.ingestion.readers.formats.text_stream import open_bytes
from pipelines.lake import Lake

_SAMPLE_BYTES = 1 << 20
# Of compressed text, how many bytes one byte stands for, about.
_EXPANSION = 5
_FORMATS = ("parquet", "csv", "jsonl")

log = logging.getLogger(__name__)


def choose_folder(
    spec: ModelSpec, lake: Lake, files: Sequence[SourceFile], settings: Settings
) -> str | None:
    """Return the folder that an ingestion shares with Spark's workers; None: it needs none.

    Args:
        spec: names the source.
        lake: has the folder, beside its table of transactions.
        files: those to read.
        settings: say from how many rows on Spark is used.
    """
    least = settings.spark_from_rows
    if least is None or not files or not _has_rows(spec, files, least):
        return None
    reason = _why_not(spec, lake, files, settings)
    if reason:
        log.info("Not a Spark job, as %s", reason)
        return None
    name = uuid.uuid4().hex
    if isinstance(settings.spark, Application):
        # A rerun after a kill finds the job of the first run.
        listed = [(f.name, f.size, str(f.modified), f.etag) for f in files]
        name = digest_of({"spec": spec, "files": listed})[:20]
    return f"{lake.folder(TRANSACTIONS)}/.delivery-{name}"


def _why_not(
    spec: ModelSpec, lake: Lake, files: Sequence[SourceFile], settings: Settings
) -> str | None:
    """Return the reason why workers cannot read a delivery; None when they can."""
    if spec.source.tables:
        return "joined tables are read in one process"
    if spec.source.format not in _FORMATS:
        return f"a source of the format {spec.source.format} is no set of files"
    if any(own.severity == "quarantine" for own in spec.contract.expectations):
        return "workers have no Great Expectations, which its own expectations ask for"
    is_remote = lake.root.startswith("s3://")
    if isinstance(settings.spark, Application) and not is_remote:
        return "EMR Serverless does not see the lake, a folder"
    if is_remote and not all(file.address.startswith("s3://") for file in files):
        return "the source is a folder, and the lake is in S3"
    return None


def _has_rows(spec: ModelSpec, files: Iterable[SourceFile], least: int) -> bool:
    """Return True if files have about so many rows; only as many are looked at as it takes."""
    rows = 0
    if least == 0:
        return True
    for file in files:
        if spec.source.format == "parquet":
            rows += _count_rows(file)
        elif spec.source.format in _FORMATS:
            rows += _estimate_lines(file)
        if rows >= least:
            return True
    return False


def _count_rows(file: SourceFile) -> int:
    filesystem, path = resolve(file.address)
    with filesystem.open_input_file(path) as stream:
        return int(pq.ParquetFile(stream).metadata.num_rows)


def _estimate_lines(file: SourceFile) -> int:
    """Estimate the lines of a file from those of its first megabyte."""
    with open_bytes(file) as stream:
        sample = bytes(stream.read(_SAMPLE_BYTES))
    if len(sample) < _SAMPLE_BYTES:
        return sample.count(b"\n")
    is_compressed = file.name.lower().endswith((".gz", ".zst"))
    size = file.size * (_EXPANSION if is_compressed else 1)
    return size * sample.count(b"\n") // len(sample)
