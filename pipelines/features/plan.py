"""The plan of a feature build: days whose inputs changed, features whose definition changed.

A version of the feature table notes the digest of each feature's definition and, for each day, of
the parts within its lookback. The plan is their comparison with a spec and a snapshot; only the
logs of the tables are read.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from expectations.contract import InputError, digest_of
from feature_jobs.declaration import lookback, referenced_columns
from feature_jobs.engine_version import ENGINE_VERSION
from feature_jobs.io import DataFile
from pipelines.config import ModelSpec, Snapshot, TableVersion
from pipelines.lake import Lake

FEATURES = "features"
RECORD = "overnight.feature_record"


@dataclass(frozen=True, slots=True)
class Record:
    """The inputs of a version.

    Attributes:
        rows: digest of the row columns and of the engine.
        reach: the lookback in days, and True if labels were read.
        definitions: each feature's digest, in the order of the columns.
        days: each day's digest of the parts within its lookback.
    """

    rows: str
    reach: tuple[int, bool]
    definitions: Mapping[str, str]
    days: Mapping[str, str]

    def to_json(self) -> str:
        """Write the record as the note of a version."""
        return json.dumps([self.rows, self.reach, dict(self.definitions), dict(self.days)])

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Parse the note of a version."""
        rows, (span, reads_labels), definitions, days = json.loads(text)
        return cls(rows, (span, reads_labels), definitions, days)


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """The work of a build, given the current version of the table.

    Attributes:
        record: the inputs of the new version.
        days: days to compute all features of.
        kept_days: days whose rows and lookback are those of the current version.
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
    noted = None if current is None else lake.note(current, RECORD)
    nothing = Record("", (0, False), {}, {})
    before = nothing if noted is None else Record.from_json(noted)
    rows = digest_of({"columns": list(spec.row_columns().items()), "engine": ENGINE_VERSION})
    reach = (lookback_days(spec), spec.features.reads_labels)
    definitions = _definitions(spec)
    every = _day_digests(lake, pinned, reach)
    as_before = _day_digests(lake, pinned, before.reach)
    of_table = set() if current is None else {part.day for part in lake.parts(current)}
    same = {
        day for day in of_table & every.keys()
        if before.rows == rows and before.days.get(day) == as_before[day]
    }.difference(damaged)  # fmt: skip
    changed = tuple(n for n, digest in definitions.items() if before.definitions.get(n) != digest)
    dropped = tuple(n for n in before.definitions if n not in definitions)
    is_reordered = [n for n in before.definitions if n in definitions] != [
        n for n in definitions if n in before.definitions
    ]
    touched = bool(changed or dropped or is_reordered)
    days, gone = every.keys() - same, of_table - every.keys()
    if asked is not None:
        if current is not None and before.rows != rows and of_table - set(asked):
            raise InputError(
                f"The engine or the columns of rows changed since {current}, and its days outside "
                "the ones asked for would be of another making. Run build-features without "
                "--from and --to first."
            )
        stale = (of_table & every.keys()) - same if touched else set()
        stale |= every.keys() & set(damaged)
        days, gone = set(asked) | stale, gone if touched else set()
    kept = (of_table & every.keys()) - days
    made = {day: every[day] for day in days}
    stay = {day: every[day] if day in same else before.days[day] for day in kept
            if day in before.days}  # fmt: skip
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


def _day_digests(lake: Lake, pinned: Snapshot, reach: tuple[int, bool]) -> dict[str, str]:
    """Compute for each day of the snapshot the digest of all parts that its features can read."""
    span, reads_labels = reach
    rows = _by_day(lake.parts(pinned.transactions))
    labels = _by_day(lake.parts(pinned.labels)) if reads_labels else {}
    days = sorted(rows)
    numbers = [date.fromisoformat(day).toordinal() for day in days]
    found, first = {}, 0
    for at, day in enumerate(days):
        while numbers[first] < numbers[at] - span:
            first += 1
        inside = days[first : at + 1]
        parts = [rows[d] for d in inside] + [labels.get(d, []) for d in inside]
        found[day] = digest_of({"parts": parts})[:16]
    return found


def lookback_days(spec: ModelSpec) -> int:
    """Count the days before a day whose rows its features can read."""
    reach = lookback(spec.features)
    return reach.days + (1 if reach.seconds or reach.microseconds else 0)


def _by_day(parts: Sequence[DataFile]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in parts:
        found.setdefault(part.day, []).append(part.path)
    return found
