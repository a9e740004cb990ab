"""The plan of a feature build: days whose inputs changed, features whose definition changed.

A version of the feature table notes the digest of each feature's definition and the snapshot that
each day was computed from. The plan is their comparison with a spec and a snapshot. Of the days
whose parts differ, the rows that differ say which days of features they change.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial

import pyarrow as pa

from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    LABEL,
    REPLACED_TIME,
    TRANSACTION_ID,
    InputError,
    digest_of,
)
from feature_jobs.declaration import lookback, referenced_columns
from feature_jobs.engine_version import ENGINE_VERSION
from feature_jobs.io import DataFile
from pipelines.config import ModelSpec, Snapshot, TableVersion
from pipelines.features.changed_rows import find_changed_days
from pipelines.features.moved_labels import COLUMNS, find_moved_days
from pipelines.features.record import Record, SnapshotParts, Source, find_parts, list_parts
from pipelines.ingestion import LABELS, TIMESTAMP, TRANSACTIONS
from pipelines.lake import Lake

FEATURES = "features"
RECORD = "overnight.feature_record"
_IDS = (TRANSACTION_ID, EVENT_TIME, KNOWN_TIME)
_UNVERSIONED = {REPLACED_TIME: pa.scalar(None, TIMESTAMP), IS_FIRST: pa.scalar(value=True)}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """The work of a build, given the current version of the table.

    Attributes:
        record: the inputs of the new version.
        days: days to compute all features of.
        kept_days: days whose features are those of the current version.
        changed: features to compute for the kept days too: new ones, and changed definitions.
        dropped: features of the current version that the spec does not have any more.
        is_reordered: True if the order of the columns changed.
        gone: days of the current version that the snapshot does not have any more.
        current: the latest version; None when there is none.
    """

    record: Record
    days: tuple[str, ...]
    kept_days: tuple[str, ...]
    changed: tuple[str, ...]
    dropped: tuple[str, ...]
    is_reordered: bool
    gone: tuple[str, ...]
    current: TableVersion | None

    @property
    def rewrites_kept_days(self) -> bool:
        """True if kept days get other columns."""
        return bool(self.kept_days and (self.changed or self.dropped or self.is_reordered))

    @property
    def is_done(self) -> bool:
        """True if the current version is up to date."""
        return self.current is not None and not (self.days or self.rewrites_kept_days or self.gone)

    def describe(self) -> str:
        """Describe the plan in lines of text."""
        total = len(self.record.definitions)
        if self.is_done:
            return f"{self.current} is what would be made; nothing would be computed."
        latest = f"against {self.current}" if self.current else "for the first version"
        lines = [f"{latest}: {len(self.days)} days would be computed whole"]
        if self.days:
            lines[0] += f" ({self.days[0]} to {self.days[-1]})"
        if self.kept_days and self.changed:
            lines.append(
                f"{len(self.changed)} of {total} features would be computed for the other "
                f"{len(self.kept_days)} days, {total - len(self.changed)} kept:"
            )
            lines += [f"  {name}" for name in self.changed]
        lines += [f"  {name} would be dropped" for name in self.dropped]
        if self.is_reordered:
            lines.append("the columns would be put into the order of the spec")
        if self.gone:
            lines.append(f"{len(self.gone)} days would go ({self.gone[0]} to {self.gone[-1]})")
        return "\n".join(lines)


def plan_features(
    spec: ModelSpec,
    lake: Lake,
    pinned: Snapshot,
    *,
    asked: Sequence[str] | None = None,
    damaged: Collection[str] = (),
) -> FeaturePlan:
    """Compare a spec and a snapshot with the current version of the feature table.

    Args:
        spec: declares the features.
        lake: of the spec.
        pinned: the snapshot.
        asked: the days to compute, changed or not; None: those that changed.
        damaged: days whose part of the current version is damaged; they are computed again.
    """
    current = lake.latest(FEATURES)
    before = _record_of(lake, current)
    rows = digest_of({"columns": list(spec.row_columns().items()), "engine": ENGINE_VERSION})
    reach = (lookback_days(spec), spec.features.reads_labels)
    definitions = _definitions(spec)
    parts = list_parts(lake, pinned)
    source = Source(pinned, parts.digest)
    every = {part.day for part in parts.transactions}
    of_table = set() if current is None else {part.day for part in lake.parts(current)}
    same: set[str] = set()
    if before.rows == rows:
        same = _unchanged_days(spec, lake, before, source, parts).difference(damaged)
    changed = tuple(n for n, digest in definitions.items() if before.definitions.get(n) != digest)
    dropped = tuple(n for n in before.definitions if n not in definitions)
    is_reordered = [n for n in before.definitions if n in definitions] != [
        n for n in definitions if n in before.definitions
    ]
    touched = bool(changed or dropped or is_reordered)
    days, gone = every - same, of_table - every
    if asked is not None:
        if current is not None and before.rows != rows and of_table - set(asked):
            raise InputError(
                f"The engine or the columns of rows changed since {current}, and its days outside "
                "the ones asked for would be of another making. Run build-features without "
                "--from and --to first."
            )
        stale = (of_table & every) - same if touched else set()
        stale |= every & set(damaged)
        days, gone = set(asked) | stale, gone if touched else set()
    kept = (of_table & every) - days
    made = dict.fromkeys(days, source)
    stay = {
        day: source if day in same else earlier
        for day, earlier in before.days.items()
        if day in every - days
    }
    return FeaturePlan(
        record=Record(rows, reach, definitions, dict(sorted((made | stay).items()))),
        days=tuple(sorted(days)),
        kept_days=tuple(sorted(kept)),
        changed=changed if kept else (),
        dropped=dropped if kept else (),
        is_reordered=is_reordered and bool(kept),
        gone=tuple(sorted(gone)),
        current=current,
    )


def _definitions(spec: ModelSpec) -> dict[str, str]:
    """Compute the digest of each feature's definition, with the conditions and features in it."""
    features = spec.features
    spelled = {name.lower(): name for name in features.feature_names()}
    conditions = {c.name: c.sql for c in features.conditions}
    windows = {w.name: w for w in features.expand()}
    links = {link.name: link for link in features.expand_links()}
    derived = {d.name: d.sql for d in features.derived}

    def expression(sql: str) -> dict[str, object]:
        read = [spelled[c.lower()] for c in referenced_columns(sql) if c.lower() in spelled]
        return {"sql": sql, "of": [definition(name) for name in read]}

    @cache
    def definition(name: str) -> str:
        if name in derived:
            return digest_of(expression(derived[name]))
        if name in links:
            return digest_of({"link": str(links[name])})
        window = windows[name]
        named = [conditions.get(c or "") for c in (window.measure, window.where)]
        return digest_of(
            {"window": str(window), "where": [expression(sql) for sql in named if sql]}
        )

    return {name: definition(name) for name in features.feature_names()}


def _record_of(lake: Lake, current: TableVersion | None) -> Record:
    """Read the record of the current version; an empty one if there is none to compare with."""
    noted = None if current is None else lake.note(current, RECORD)
    record = None if noted is None else Record.from_json(noted)
    if noted is not None and record is None:
        log.info("Planning every day anew: the record of %s is an earlier release's", current)
    return record or Record("", (0, False), {}, {})


def _unchanged_days(
    spec: ModelSpec, lake: Lake, before: Record, source: Source, parts: SnapshotParts
) -> set[str]:
    """Find the days of a record whose features a snapshot does not change.

    Their lookback is that of the record, whose definitions they were computed by.
    """
    span, reads_labels = before.reach
    rows = [*_IDS, AMOUNT, *spec.row_columns(), REPLACED_TIME, IS_FIRST]
    labels = [*_IDS, LABEL]
    every = {part.day for part in parts.transactions}
    found: set[str] = set()
    for earlier in set(before.days.values()):
        days = {day for day, own in before.days.items() if own == earlier and day in every}
        old = parts if earlier.digest == source.digest else find_parts(lake, earlier)
        if old is None:
            log.info("Planning %d days anew: %s is not in the lake", len(days), earlier.snapshot)
            continue
        tables = [(source.snapshot.transactions, old.transactions, parts.transactions, rows)]
        if reads_labels:
            tables.append((source.snapshot.labels, old.labels, parts.labels, labels))
        for at, one, other, columns in tables:
            read = partial(read_columns, lake, at.name, columns)
            days -= find_changed_days(days, one, other, read=read, lookback_days=span)
        if reads_labels:
            days -= find_moved_days(
                days, old, parts, lake=lake, lookback_days=span,
                read_rows=partial(read_columns, lake, TRANSACTIONS, COLUMNS),
                read_labels=partial(read_columns, lake, LABELS, labels),
            )  # fmt: skip
        found |= days
    return found


def lookback_days(spec: ModelSpec) -> int:
    """Count the days before a day whose rows its features can read."""
    reach = lookback(spec.features)
    return reach.days + (1 if reach.seconds or reach.microseconds else 0)


def read_columns(lake: Lake, table: str, columns: Sequence[str], part: DataFile) -> pa.Table:
    """Read columns of a part; one of an earlier release holds a first version a row."""
    rows = lake.read_part(table, part, columns=columns)
    for name in columns:
        if name not in rows.column_names:
            filled = _UNVERSIONED.get(name, pa.scalar(None))
            rows = rows.append_column(name, pa.repeat(filled, rows.num_rows))
    return rows.select(columns)
