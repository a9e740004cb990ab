"""The training set: features joined with what was known of their labels at the knowledge time."""

import logging
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
    Interval,
    digest_of,
)
from pipelines.config import ModelSpec, Snapshot, TableVersion, load_spec
from pipelines.config.installation import Settings, load_settings
from pipelines.ingestion import TIMESTAMP
from pipelines.lake import Lake, parse_as_of
from pipelines.validation import validate_training_set
from training.data import holdout, validation_folds

TRAINING_SETS = "training_sets"

# Raise it when equal features and labels give another training set.
TRAINING_SET_VERSION = 1

log = logging.getLogger(__name__)


def build_training_table(
    reference: str, as_of: str, *, snapshot: Snapshot, features: TableVersion
) -> TableVersion:
    """Join features with mature labels into the table of training sets; return its version."""
    spec, settings = load_spec(reference), load_settings()
    return build_training_version(
        spec, Lake(settings.lake, spec=spec.name), TRAINING_SETS, as_of=as_of,
        pinned=snapshot, features=features, settings=settings,
    )  # fmt: skip


def build_training_version(
    spec: ModelSpec, lake: Lake, table: str, *, as_of: str, pinned: Snapshot,
    features: TableVersion, settings: Settings,
) -> TableVersion:  # fmt: skip
    """Build the training set of a knowledge time, unless the table's latest version is the same.

    Args:
        spec: defines the days and the rules of labels.
        lake: has the tables and receives the training set.
        table: the name of the training set's table.
        as_of: the knowledge time.
        pinned: the snapshot with the labels.
        features: built of the same snapshot.
        settings: name the folder of the checks' page.

    Raises:
        InputError: when no row is mature, or a data check has a critical finding.
    """
    at, known_at = features, parse_as_of(as_of)
    span = needed_span(spec, known_at)
    fingerprint = digest_of(
        {
            "features": lake.content_hash(at),
            "labels": lake.content_hash(pinned.labels),
            "as_of": known_at.isoformat(),
            "span": str(span),
            "rules": [spec.labels, spec.contract],
            "version": TRAINING_SET_VERSION,
        }
    )
    current = lake.latest(table)
    if (
        current is not None
        and lake.fingerprint(current) == fingerprint
        and not lake.find_lost(current)
    ):
        log.info("Kept %s: features, labels, date and rules are unchanged", current)
        return current
    inside = [part.day for part in lake.parts(at) if _touches(span, part.day)]
    rows = label_rows(
        lake.read(at, where=_within(span), days=inside),
        lake.read(pinned.labels, columns=[TRANSACTION_ID, KNOWN_TIME, LABEL]),
        spec=spec,
        as_of=known_at,
    )
    if rows.num_rows == 0:
        raise InputError(
            f"No matured transaction in {span} for as_of {as_of} in {at}. "
            "Ingest those days, or choose another as_of."
        )
    validate_training_set(rows, spec, as_of=as_of, settings=settings)
    days = set() if current is None else {part.day for part in lake.parts(current)}
    version = lake.write_days(table, rows, fingerprint=fingerprint, empty_days=days)
    log.info(
        "Built %s for as_of %s: %s rows of %s, %s frauds",
        version, as_of, f"{rows.num_rows:,}", span, f"{pc.sum(rows[LABEL]).as_py():,}",
    )  # fmt: skip
    return version


def needed_span(spec: ModelSpec, as_of: datetime) -> Interval:
    """Return the span from the first training day of any fold to the end of the test window."""
    last = holdout(as_of, spec.training, maturity=spec.labels.maturity)
    folds = [last, *validation_folds(last, spec.training)]
    return Interval(start=min(fold.train.start for fold in folds), end=last.test.end)


def label_rows(
    features: pa.Table, labels: pa.Table, *, spec: ModelSpec, as_of: datetime
) -> pa.Table:
    """Attach the label as it was known at `as_of`; rows with an unknown label are left out.

    With a label column, a row's own label counts once its `known_time` has come. With a table of
    fraud reports, a row without a report known by then is legitimate once it is mature.

    Args:
        features: rows before `as_of - maturity` only.
        labels: `transaction_id`, `known_time`, `is_fraud`.
        spec: defines which of the two forms the labels have.
        as_of: the knowledge time; labels and rows known at or after it are ignored.
    """
    cutoff = pa.scalar(as_of, type=TIMESTAMP)
    known = labels.filter(pc.less(labels[KNOWN_TIME], cutoff))
    position = pc.index_in(
        features[TRANSACTION_ID], value_set=known[TRANSACTION_ID].combine_chunks()
    )
    label = known[LABEL].combine_chunks().take(position.combine_chunks())
    mature = as_of - spec.labels.maturity
    old = pc.less(features[EVENT_TIME], pa.scalar(mature, type=TIMESTAMP))
    if spec.labels.column is None:
        label = pc.fill_null(label, 0)
    arrived = pc.less(features[KNOWN_TIME], cutoff)
    keep = pc.and_(label.is_valid(), pc.and_(old, arrived).combine_chunks())
    filled = pc.fill_null(label, 0).cast(pa.int8())
    return features.append_column(LABEL, filled).filter(keep)


def _touches(span: Interval, day: str) -> bool:
    return f"{span.start:%F}" <= day <= f"{span.end:%F}"


def _within(span: Interval) -> pc.Expression:
    start, end = (pa.scalar(t, type=TIMESTAMP) for t in (span.start, span.end))
    return (pc.field(EVENT_TIME) >= start) & (pc.field(EVENT_TIME) < end)
