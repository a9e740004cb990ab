"""The training set: features joined with what was known of their labels at the knowledge time.

It is made day by day. A day that would be the same as in the latest version keeps its file.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    TRANSACTION_ID,
    InputError,
    Interval,
    UndeclaredError,
    digest_of,
)
from feature_jobs.io import DataFile
from pipelines.config import ModelSpec, Snapshot, TableVersion, load_spec
from pipelines.config.installation import Settings, load_settings
from pipelines.features.training_days import MadeDay, make_day, read_note, write_note
from pipelines.ingestion import TIMESTAMP
from pipelines.lake import DamagedError, Lake, parse_as_of, write_rows
from pipelines.validation import validate_training_set
from training.data import holdout, validation_folds

TRAINING_SETS = "training_sets"
MADE_OF = "overnight.training_days"

# Raise it when equal features and labels give another training set.
TRAINING_SET_VERSION = 1

Kept = Mapping[str, tuple[MadeDay, DataFile | None]]
Validation = Callable[[Sequence[DataFile]], None]

log = logging.getLogger(__name__)


class NoMatureRowsError(InputError):
    """A training set would have no row."""


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
    """Build the training set of a knowledge time as `assemble` does, with the data checks.

    The settings name the folder of the checks' page.

    Raises:
        UndeclaredError: when the spec declares no labels.
        InputError: when no row is mature, or a data check has a critical finding.
    """
    return assemble(
        spec, lake, table, as_of=as_of, pinned=pinned, features=features,
        validate=lambda parts: validate_training_set(
            spec, lake, parts, name=table, as_of=as_of, settings=settings
        ),
    )  # fmt: skip


def assemble(
    spec: ModelSpec, lake: Lake, table: str, *, as_of: str, pinned: Snapshot,
    features: TableVersion,
    validate: Validation = lambda parts: None,  # noqa: ARG005 -- accepts everything
) -> TableVersion:  # fmt: skip
    """Make the training set of a knowledge time, unless the table's latest version is the same.

    Args:
        spec: defines the days and the rules of labels.
        lake: has the tables and receives the training set.
        table: the name of the training set's table.
        as_of: the knowledge time.
        pinned: the snapshot with the labels.
        features: built of the same snapshot.
        validate: called before the commit with all parts of the coming version; raises to refuse
            the commit.

    Raises:
        UndeclaredError: when the spec declares no labels.
        NoMatureRowsError: when no row is mature.
    """
    if not spec.labels.is_declared:
        raise UndeclaredError(
            f"{spec.name} declares no labels, and a model is trained on them. What was ingested, "
            f"and the features up to {features}, stay. Once there are labels, declare [labels] in "
            f"{spec.name}.toml (column, delay and maturity; or path, transaction_id, known_time, "
            "maturity) and run the same night again."
        )
    known_at = parse_as_of(as_of)
    span = needed_span(spec, known_at)
    fingerprint = digest_of(
        {
            "features": lake.content_hash(features),
            "labels": lake.content_hash(pinned.labels),
            "as_of": known_at.isoformat(),
            "span": str(span),
            "rules": [spec.labels, spec.contract],
            "version": TRAINING_SET_VERSION,
        }
    )
    current = lake.latest(table)
    damaged = set() if current is None else {each.day for each in lake.find_lost(current)}
    if current is not None and lake.fingerprint(current) == fingerprint and not damaged:
        log.info("Kept %s: features, labels, date and rules are unchanged", current)
        return current
    rules = digest_of({"labels": spec.labels, "version": TRAINING_SET_VERSION})[:16]
    days = _Days(spec, lake, table, features, pinned.labels, span, known_at)
    kept = _days_of(lake, current, days.schema, rules=rules, damaged=damaged)
    parts, made = days.write(kept)
    count = sum(part.rows for part in parts)
    if count == 0:
        raise NoMatureRowsError(
            f"No matured transaction in {span} for as_of {as_of} in {features}. "
            "Ingest those days, or choose another as_of."
        )
    validate(parts)
    before = set() if current is None else {part.day for part in lake.parts(current)}
    version = lake.commit(
        table, parts, schema=days.schema, days=before | {part.day for part in parts},
        fingerprint=fingerprint, notes={MADE_OF: write_note(rules, made)},
    )  # fmt: skip
    same = sum(kept[day][0] is each for day, each in made.items() if day in kept)
    log.info(
        "Built %s for as_of %s: %s rows of %s, %s frauds; %d of %d days kept",
        version, as_of, f"{count:,}", span, f"{sum(each.frauds for each in made.values()):,}",
        same, len(made),
    )  # fmt: skip
    return version


def needed_span(spec: ModelSpec, as_of: datetime) -> Interval:
    """Return the span from the first training day of any fold to the end of the test window."""
    last = holdout(as_of, spec.training, maturity=spec.labels.maturity)
    folds = [last, *validation_folds(last, spec.training)]
    return Interval(start=min(fold.train.start for fold in folds), end=last.test.end)


@dataclass(frozen=True)
class _Days:
    """The days of one training set, written where they change."""

    spec: ModelSpec
    lake: Lake
    table: str
    features: TableVersion
    labels: TableVersion
    span: Interval
    as_of: datetime

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of the features, and the label."""
        return self._features.append(pa.field(LABEL, pa.int8()))

    @cached_property
    def _features(self) -> pa.Schema:
        return self.lake.schema(self.features).remove_metadata()

    def write(self, kept: Kept) -> tuple[list[DataFile], dict[str, MadeDay]]:
        """Write the days that change; list the parts of all days, and what each was made of.

        The labels of a transaction are filed under the day of its first version, which is the day
        of its features.

        Args:
            kept: days of the latest version with their parts; None: a day without a row.
        """
        features, labels = (_by_day(self.lake.parts(at)) for at in (self.features, self.labels))
        parts: list[DataFile] = []
        made: dict[str, MadeDay] = {}
        for day in sorted(features):
            taken = _take_of(day, self.span)
            if taken is None:
                continue
            both = features[day], labels.get(day, [])
            paths = [[part.path for part in each] for each in both]
            clipped = [] if _is_whole(taken) else [str(taken.start), str(taken.end)]
            inputs = digest_of([*paths, clipped])[:16]
            own, part = kept.get(day, (None, None))
            if own is None or not own.is_made_of(inputs, self.as_of):
                rows, own = self._make(*both, taken=taken, inputs=inputs)
                part = (
                    write_rows(self.lake.folder(self.table), day, rows) if rows.num_rows else None
                )
            made[day] = own
            if part is not None:
                parts.append(part)
        return parts, made

    def _make(
        self, features: Sequence[DataFile], labels: Sequence[DataFile], *, taken: Interval,
        inputs: str,
    ) -> tuple[pa.Table, MadeDay]:  # fmt: skip
        own = self._read_all(self.features, features, self._features)
        if not _is_whole(taken):
            own = own.filter(_within(taken))
        columns = (TRANSACTION_ID, KNOWN_TIME, LABEL)
        schema = self.lake.schema(self.labels)
        known = self._read_all(self.labels, labels, pa.schema([schema.field(c) for c in columns]))
        rows, made = make_day(own, known, spec=self.spec, as_of=self.as_of, inputs=inputs)
        return rows.sort_by([(c, "ascending") for c in (EVENT_TIME, TRANSACTION_ID)]), made

    def _read_all(self, at: TableVersion, parts: Sequence[DataFile], schema: pa.Schema) -> pa.Table:
        """Read columns of some parts of a version.

        Raises:
            DamagedError: naming every part of the version that is missing or was changed.
        """
        try:
            found = [_read_part(self.lake, at.name, part, schema) for part in parts]
        except DamagedError:
            self.lake.refuse_damage(at)
            raise
        return pa.concat_tables([schema.empty_table(), *found]).combine_chunks()


def _days_of(
    lake: Lake, current: TableVersion | None, schema: pa.Schema, *, rules: str, damaged: set[str]
) -> Kept:
    """Return the undamaged days of a version; none if its columns or rules are others."""
    if current is None or set(lake.schema(current)) != set(schema):
        return {}
    parts = {part.day: part for part in lake.parts(current)}
    noted = read_note(lake.note(current, MADE_OF), rules=rules)
    return {day: (made, parts.get(day)) for day, made in noted.items() if day not in damaged}


def _read_part(lake: Lake, table: str, part: DataFile, schema: pa.Schema) -> pa.Table:
    """Read the columns of a schema; the event day is in the part's name, not always in the part."""
    rows = lake.read_part(table, part, columns=schema.names)
    if EVENT_DAY in schema.names and EVENT_DAY not in rows.column_names:
        rows = rows.append_column(EVENT_DAY, pa.repeat(pa.scalar(part.day), rows.num_rows))
    return rows.select(schema.names).cast(schema)


def _by_day(parts: Sequence[DataFile]) -> Mapping[str, list[DataFile]]:
    found: dict[str, list[DataFile]] = {}
    for part in parts:
        found.setdefault(part.day, []).append(part)
    return found


def _take_of(day: str, span: Interval) -> Interval | None:
    """Return the part of a day that lies in a span; None if none does."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    start, end = max(start, span.start), min(start + timedelta(days=1), span.end)
    return Interval(start=start, end=end) if start < end else None


def _is_whole(taken: Interval) -> bool:
    return taken.end - taken.start == timedelta(days=1)


def _within(span: Interval) -> pc.Expression:
    start, end = (pa.scalar(t, type=TIMESTAMP) for t in (span.start, span.end))
    return (pc.field(EVENT_TIME) >= start) & (pc.field(EVENT_TIME) < end)
