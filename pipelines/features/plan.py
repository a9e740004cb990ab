"""What a feature build has to compute: days whose inputs changed, features whose definition did.

A version of the feature table notes the digest of each feature's definition and, for each day, of
the parts within its lookback. Comparing these with a spec and a snapshot gives the plan; nothing
is read but the tables' logs.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from expectations.contract import InputError, digest_of
from feature_jobs.declaration import lookback
from feature_jobs.engine_version import ENGINE_VERSION
from pipelines.config import ModelSpec
from pipelines.lake import Lake, Part, Snapshot, TableVersion

FEATURES = "features"
RECORD = "overnight.feature_record"


@dataclass(frozen=True, slots=True)
class Record:
    """What a version was made from.

    Attributes:
        rows: digest of the row columns and of the engine.
        reach: how many days before a day were read for it, and whether labels were.
        definitions: each feature's digest, in the order of the columns.
        days: each day's digest of the parts within that reach.
    """

    rows: str
    reach: tuple[int, bool]
    definitions: Mapping[str, str]
    days: Mapping[str, str]

    def to_json(self) -> str:
        """As it is noted beside a version."""
        return json.dumps([self.rows, self.reach, dict(self.definitions), dict(self.days)])

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a note."""
        rows, (span, reads_labels), definitions, days = json.loads(text)
        return cls(rows, (span, reads_labels), definitions, days)


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """What to compute, given the newest version.

    Attributes:
        record: what the new version is made from.
        days: days to compute all features of.
        kept_days: days whose rows and lookback are those of the newest version.
        changed: features to compute for the kept days too; they are new or defined anew.
        dropped: features of the newest version that the spec has no more.
        is_reordered: whether the columns stand in another order now.
        gone: days of the newest version that the snapshot has no more.
        held: the newest version.
    """

    record: Record
    days: tuple[str, ...]
    kept_days: tuple[str, ...]
    changed: tuple[str, ...]
    dropped: tuple[str, ...]
    is_reordered: bool
    gone: tuple[str, ...]
    held: TableVersion | None

    @property
    def rewrites_kept_days(self) -> bool:
        """Whether days that are kept get other columns."""
        return bool(self.kept_days and (self.changed or self.dropped or self.is_reordered))

    @property
    def is_done(self) -> bool:
        """Whether the newest version is what would be made."""
        return self.held is not None and not (self.days or self.rewrites_kept_days or self.gone)

    def describe(self) -> str:
        """For people, a line a fact."""
        total = len(self.record.definitions)
        if self.is_done:
            return f"{self.held} is what would be made; nothing would be computed."
        newest = f"against {self.held}" if self.held else "for the first version"
        lines = [f"{newest}: {len(self.days)} days would be computed whole"]
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
    """Compare a spec and a snapshot with the newest version of the feature table.

    Args:
        spec: the declarations.
        lake: of the spec.
        pinned: the snapshot.
        asked: days to compute whatever changed, and no others; None for what changed.
        damaged: days whose part of the newest version is not what was written: computed anew.
    """
    held = lake.newest(FEATURES)
    noted = None if held is None else lake.note(held, RECORD)
    nothing = Record("", (0, False), {}, {})
    before = nothing if noted is None else Record.from_json(noted)
    rows = digest_of({"columns": list(spec.row_columns().items()), "engine": ENGINE_VERSION})
    reach = (lookback_days(spec), spec.features.reads_labels)
    definitions = _definitions(spec)
    every = _day_digests(lake, pinned, reach)
    as_before = _day_digests(lake, pinned, before.reach)
    of_table = set() if held is None else {part.day for part in lake.parts(held)}
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
        if held is not None and before.rows != rows and of_table - set(asked):
            raise InputError(
                f"The engine or the columns of rows changed since {held}, and its days outside "
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
        held=held,
    )


def _definitions(spec: ModelSpec) -> dict[str, str]:
    """Digest of each feature's own definition, and of the conditions and features in it."""
    from feature_jobs.declaration import referenced_columns

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
    """For each day of the snapshot the digest of all parts that its features can read."""
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
    """Whole days before a day whose rows its features can read."""
    reach = lookback(spec.features)
    return reach.days + (1 if reach.seconds or reach.microseconds else 0)


def _by_day(parts: Sequence[Part]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in parts:
        found.setdefault(part.day, []).append(part.path)
    return found
