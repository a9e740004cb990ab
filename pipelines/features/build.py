"""The step `build-features`: computes features of a pinned snapshot and commits them at once."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, timedelta
from functools import partial

from expectations.contract import InputError, digest_of, refuse_any
from feature_jobs.engine_version import ENGINE_VERSION
from feature_jobs.executors.spark import Build, Request
from feature_jobs.io import DataFile, read_schema
from feature_jobs.stages import Day
from pipelines.config import ModelSpec, Snapshot, TableVersion, load_spec
from pipelines.config.installation import load_settings
from pipelines.features.execution import build_parts, forget_job
from pipelines.features.moved_labels import COLUMNS, find_label_days
from pipelines.features.plan import (
    FEATURES,
    RECORD,
    FeaturePlan,
    lookback_days,
    plan_features,
    read_columns,
)
from pipelines.ingestion import TRANSACTIONS
from pipelines.lake import Lake
from pipelines.validation import validate_features

Validation = Callable[[list[DataFile], set[str]], None]

log = logging.getLogger(__name__)


def build_feature_table(
    reference: str, as_of: str, *, snapshot: Snapshot, since: str = "", until: str = ""
) -> TableVersion:
    """Build the features that a snapshot and a spec ask for; return the version of the table.

    Features are point-in-time, so they do not depend on `as_of`, which names the checks' page.
    """
    spec, settings = load_spec(reference), load_settings()
    lake = Lake(settings.lake, spec=spec.name)
    pinned = snapshot
    asked = _asked_days(lake, pinned, since, until) if since or until else None
    plan = plan_features(spec, lake, pinned, asked=asked, damaged=_damaged_days(lake))
    if plan.is_done and plan.current is not None and asked is None:
        log.info("Kept %s: snapshot, declarations and engine are unchanged", plan.current)
        return plan.current
    if not plan.record.days:
        raise InputError(f"{pinned} holds no rows to build features from. Ingest some first.")
    began = time.monotonic()
    at = carry_out(
        plan,
        spec,
        lake,
        pinned,
        validate=lambda parts, built: validate_features(
            spec, lake, parts, built=built, as_of=as_of, settings=settings
        ),
    )
    changed = (
        f", {len(plan.changed)} features of {len(plan.kept_days)} more" if plan.changed else ""
    )
    log.info(
        "Built %s for as_of %s: %s rows, %d columns in %.1f s; %d days whole%s",
        at, as_of, f"{lake.row_count(at):,}", len(lake.schema(at)), time.monotonic() - began,
        len(plan.days), changed,
    )  # fmt: skip
    return at


def build_feature_version(spec: ModelSpec, lake: Lake, pinned: Snapshot) -> TableVersion:
    """Build and commit the features that a spec and a snapshot ask for, without data checks."""
    return carry_out(plan_features(spec, lake, pinned), spec, lake, pinned)


def plan_feature_table(reference: str) -> str:
    """Describe what a build of features on the latest snapshot would compute."""
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    rows, labels = lake.latest("transactions"), lake.latest("labels")
    if rows is None or labels is None:
        raise InputError(f'{spec.name} has no data yet. Run "overnight ingest" first.')
    damaged = _damaged_days(lake)
    return plan_features(spec, lake, Snapshot(rows, labels), damaged=damaged).describe()


def carry_out(
    plan: FeaturePlan,
    spec: ModelSpec,
    lake: Lake,
    pinned: Snapshot,
    *,
    validate: Validation = lambda parts, built: None,  # noqa: ARG005 -- accepts everything
) -> TableVersion:
    """Compute what a plan names and commit it with its record, all in one transaction.

    Args:
        plan: what to compute.
        spec: declares the features.
        lake: receives them.
        pinned: the versions that they are computed from.
        validate: called before the commit with all parts of the coming table and the days that are
            new in it; raises to refuse the commit.
    """
    _refuse_damage(plan, spec, lake, pinned)
    request = _request(plan, spec, lake, pinned)
    parts = build_parts(request, load_settings()) if request.builds else []
    replaced = {*plan.days, *plan.gone, *(plan.kept_days if plan.rewrites_kept_days else ())}
    whole = (
        []
        if plan.current is None
        else [p for p in lake.parts(plan.current) if p.day not in replaced]
    )
    if parts:
        validate([*whole, *parts], {part.day for part in parts})
    made = f"{lake.folder(FEATURES)}/{parts[0].path}" if parts else None
    schema = lake.schema(_current(plan)) if made is None else read_schema(made)
    at = lake.commit(
        FEATURES,
        parts,
        schema=schema.remove_metadata(),
        days=replaced,
        fingerprint=digest_of({"record": plan.record.to_json()}),
        notes={RECORD: plan.record.to_json()},
    )
    forget_job(request)
    return at


def _damaged_days(lake: Lake) -> set[str]:
    """Find days of the latest version whose parts are missing or known to be damaged."""
    current = lake.latest(FEATURES)
    damages = [] if current is None else lake.find_lost(current)
    if damages:
        log.warning("%d days of %s are damaged and computed anew", len(damages), current)
    return {damage.day for damage in damages}


def _refuse_damage(plan: FeaturePlan, spec: ModelSpec, lake: Lake, pinned: Snapshot) -> None:
    """Raise an error if rows or labels that Spark would read are damaged.

    Not left to Spark's workers, which stop at the first damaged file and know no versions. It takes
    a second for a GB, little beside the build.
    """
    wanted = [*plan.days, *(plan.kept_days if plan.rewrites_kept_days else ())]
    if wanted:
        first = date.fromisoformat(min(wanted)) - timedelta(days=lookback_days(spec))
        for at in (pinned.transactions, pinned.labels):
            days = {part.day for part in lake.parts(at)}
            lake.refuse_damage(at, days=[d for d in days if str(first) <= d <= max(wanted)])


def _request(plan: FeaturePlan, spec: ModelSpec, lake: Lake, pinned: Snapshot) -> Request:
    """Build the request to Spark: new days in groups, and changed features of the kept days."""
    builds = [
        _build(spec, lake, pinned, days=days, plan=None)
        for days in _runs(plan.days, lookback_days(spec))
    ]
    if plan.rewrites_kept_days:
        builds.append(_build(spec, lake, pinned, days=plan.kept_days, plan=plan))
    return Request(
        builds=tuple(builds),
        features=spec.features,
        entities=tuple(spec.source.entities),
        attributes=spec.attribute_kinds(),
        target=lake.folder(FEATURES),
        engine=ENGINE_VERSION,
    )


def _build(
    spec: ModelSpec, lake: Lake, pinned: Snapshot, *, days: Sequence[str], plan: FeaturePlan | None
) -> Build:
    """Build every feature of some days, or with a plan the changed features of kept days."""
    first = str(date.fromisoformat(min(days)) - timedelta(days=lookback_days(spec)))
    last = max(days)
    parts = lake.parts(pinned.labels)
    inside = [part for part in parts if first <= part.day <= last]
    if spec.features.reads_labels:
        read = partial(read_columns, lake, TRANSACTIONS, COLUMNS)
        homes = find_label_days(lake, pinned, first=first, last=last, read=read)
        lake.refuse_damage(pinned.labels, days=homes)
        inside = [part for part in parts if part.day in homes] + inside
    return Build(
        days=tuple(_days(lake, pinned, plan, wanted=set(days), first=first)),
        labels=tuple(f"{lake.folder(pinned.labels.name)}/{part.path}" for part in inside),
        compute=None if plan is None else tuple(plan.changed),
    )


def _days(
    lake: Lake, pinned: Snapshot, plan: FeaturePlan | None, *, wanted: Collection[str], first: str
) -> Iterator[Day]:
    """Yield the wanted days and, from `first` on, those in their lookback."""
    current: dict[str, str] = {}
    if plan is not None and plan.current is not None:
        folder = lake.folder(FEATURES)
        current = {part.day: f"{folder}/{part.path}" for part in lake.parts(plan.current)}
    grouped: dict[str, list[DataFile]] = {}
    for part in lake.parts(pinned.transactions):
        grouped.setdefault(part.day, []).append(part)
    for day, parts in sorted(grouped.items()):
        if first <= day <= max(wanted):
            files = tuple(f"{lake.folder(pinned.transactions.name)}/{p.path}" for p in parts)
            yield Day(day, files, sum(p.rows for p in parts), day in wanted, current.get(day))


def _runs(days: Sequence[str], gap_days: int) -> Iterator[list[str]]:
    """Group days, so that those further apart than one lookback are in different groups."""
    run: list[str] = []
    for day in days:
        if run and (date.fromisoformat(day) - date.fromisoformat(run[-1])).days > gap_days + 1:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _asked_days(lake: Lake, pinned: Snapshot, since: str, until: str) -> list[str]:
    """List the days of a snapshot in `[since, until)`.

    Raises:
        ProblemsError: when one is not a date, or no day of the snapshot is between them.
    """
    days = sorted({part.day for part in lake.parts(pinned.transactions)})
    problems, bounds = [], []
    for option, text in (("--from", since or "0001-01-01"), ("--to", until or "9999-12-31")):
        try:
            bounds.append(date.fromisoformat(text).isoformat())
        except ValueError:
            problems.append(f"{option}: {text!r} is not a date; write it as 2018-08-08")
    found = [] if problems else [day for day in days if bounds[0] <= day < bounds[1]]
    if not problems and not found:
        span = f"{days[0]} to {days[-1]}" if days else "no day"
        problems.append(f"--from {since or '…'} --to {until or '…'}: {pinned} holds {span}")
    refuse_any("the days to build", problems)
    return found


def _current(plan: FeaturePlan) -> TableVersion:
    if plan.current is None:
        raise InputError("There are no rows to build features from. Ingest some first.")
    return plan.current
