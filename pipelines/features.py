"""The feature step: a pinned snapshot through Spark into one commit of the feature table."""

import hashlib
import logging
import time
from pathlib import Path

import pyarrow.parquet as pq

from expectations.contract import InputError
from pipelines.lake import Lake, Part, TableVersion, digest_of
from pipelines.settings import load_settings
from pipelines.snapshot import Snapshot
from pipelines.spec import ModelSpec, load_spec

FEATURES = "features"

log = logging.getLogger(__name__)


def build_feature_table(reference: str, as_of: str, *, snapshot: str) -> str:
    """See `steps.build_features`. Features are point-in-time, so they do not depend on `as_of`."""
    settings = load_settings()
    spec = load_spec(reference)
    lake = Lake(settings.lake, spec=spec.name)
    pinned = Snapshot.parse(snapshot)
    inputs = feature_inputs(spec, lake, pinned)
    newest = lake.newest(FEATURES)
    if newest is not None and lake.inputs(newest) == inputs:
        log.info("Kept %s: snapshot, declarations and engine are unchanged", newest)
        return str(newest)
    began = time.monotonic()
    at = build_feature_version(spec, lake, pinned, inputs=inputs)
    log.info(
        "Built %s for as_of %s: %s rows, %d columns in %.1f s",
        at,
        as_of,
        f"{lake.row_count(at):,}",
        len(lake.schema(at)),
        time.monotonic() - began,
    )
    return str(at)


def feature_inputs(spec: ModelSpec, lake: Lake, pinned: Snapshot) -> str:
    """Digest of what the feature table is made from: rows, labels, declarations, engine."""
    import feature_jobs

    folder = Path(feature_jobs.__file__).parent
    engine = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(folder.glob("*.py"))))
    return digest_of(
        {
            "transactions": lake.content_hash(pinned.transactions),
            "labels": lake.content_hash(pinned.labels),
            "features": spec.features.model_dump(mode="json"),
            "entities": sorted(spec.source.entities),
            "attributes": spec.attribute_kinds(),
            "engine": engine.hexdigest(),
        }
    )


def build_feature_version(
    spec: ModelSpec, lake: Lake, pinned: Snapshot, *, inputs: str
) -> TableVersion:
    """Run the Spark job on a snapshot and commit what it wrote."""
    from feature_jobs.job import build_features
    from feature_jobs.session import open_session

    settings = load_settings()
    target = Path(lake.folder(FEATURES))
    with open_session(settings.spark, scratch=settings.scratch) as session:
        written = build_features(
            session,
            transactions=lake.files(pinned.transactions),
            labels=lake.files(pinned.labels),
            features=spec.features,
            entities=list(spec.source.entities),
            attributes=spec.attribute_kinds(),
            interval=None,
            target=target,
        )
    if not written:
        raise InputError(f"{pinned} holds no rows to build features from. Ingest some first.")
    parts = [Part(str(w.path), w.day, w.rows, w.size_bytes) for w in written]
    schema = pq.read_schema(target / parts[0].path).remove_metadata()
    return lake.commit(FEATURES, parts, schema=schema, days=None, inputs=inputs)
