"""The feature step: a pinned snapshot through Spark into one commit of the feature table."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from expectations.contract import InputError, digest_of, refuse_any
from pipelines.config import ModelSpec, load_spec
from pipelines.config.installation import load_settings
from pipelines.features.execution import build_parts, forget_job
from pipelines.features.plan import FEATURES, RECORD, FeaturePlan, lookback_days, plan_features
from pipelines.lake import Lake, Part, Snapshot, TableVersion
from pipelines.validation import validate_features

if TYPE_CHECKING:
    from feature_jobs.executors.spark import Build, Request
    from feature_jobs.stages import Day

Gate = Callable[[list[Part], set[str]], None]

log = logging.getLogger(__name__)


def build_feature_table(
    reference: str, as_of: str, *, snapshot: str, since: str = "", until: str = ""
) -> str:
    """See `steps.build_features`. Features are point-in-time, so they do not depend on `as_of`."""
    spec, settings = load_spec(reference), load_settings()
    lake = Lake(settings.lake, spec=spec.name)
    pinned = Snapshot.parse(snapshot)
    asked = _asked_days(lake, pinned, since, until) if since or until else None
    plan = plan_features(spec, lake, pinned, asked=asked, damaged=_damaged_days(lake))
    if plan.is_done and asked is None:
        log.info("Kept %s: snapshot, declarations and engine are unchanged", plan.held)
        return str(plan.held)
    if not plan.record.days:
        raise InputError(f"{pinned} holds no rows to build features from. Ingest some first.")
    began = time.monotonic()
    at = carry_out(
        plan,
        spec,
        lake,
        pinned,
        gate=lambda parts, built: validate_features(
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
    return str(at)


def build_feature_version(spec: ModelSpec, lake: Lake, pinned: Snapshot) -> TableVersion:
    """Build whatever a spec and a snapshot ask for and commit it."""
    return carry_out(plan_features(spec, lake, pinned), spec, lake, pinned)


def plan_feature_table(reference: str) -> str:
    """See `overnight features --plan`."""
    spec = load_spec(reference)
    lake = Lake(load_settings().lake, spec=spec.name)
    rows, labels = lake.newest("transactions"), lake.newest("labels")
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
    gate: Gate = lambda parts, built: None,  # noqa: ARG005 -- nothing stands in the way
) -> TableVersion:
    """Compute what a plan names and commit it with its record, all in one transaction.

    Args:
        plan: what to compute.
        spec: declares the features.
        lake: receives them.
        pinned: the versions they are computed from.
        gate: sees all parts of the table as it would be, and the days that are new in it, and
            raises when it must not be.
    """
    from feature_jobs.io import read_schema

    _refuse_damage(plan, spec, lake, pinned)
    request = _request(plan, spec, lake, pinned)
    parts = build_parts(request, load_settings()) if request.builds else []
    replaced = {*plan.days, *plan.gone, *(plan.kept_days if plan.rewrites_kept_days else ())}
    whole = [] if plan.held is None else [p for p in lake.parts(plan.held) if p.day not in replaced]
    if parts:
        gate([*whole, *parts], {part.day for part in parts})
    made = f"{lake.folder(FEATURES)}/{parts[0].path}" if parts else None
    schema = lake.schema(_held(plan)) if made is None else read_schema(made)
    at = lake.commit(
        FEATURES,
        parts,
        schema=schema.remove_metadata(),
        days=replaced,
        inputs=digest_of({"record": plan.record.to_json()}),
        notes={RECORD: plan.record.to_json()},
    )
    forget_job(request)
    return at


def _damaged_days(lake: Lake) -> set[str]:
    """Days of the newest version whose parts are missing or were changed."""
    held = lake.newest(FEATURES)
    damages = [] if held is None else lake.find_damage(held)
    if damages:
        log.warning("%d days of %s are damaged and computed anew", len(damages), held)
    return {damage.day for damage in damages}


def _refuse_damage(plan: FeaturePlan, spec: ModelSpec, lake: Lake, pinned: Snapshot) -> None:
    """Stop before Spark reads rows or labels that are not what was written.

    Here and not in Spark's workers: they end at the first damaged file, and know no versions. It
    takes a second for a GB, which is little beside what a build of as much takes.
    """
    wanted = [*plan.days, *(plan.kept_days if plan.rewrites_kept_days else ())]
    if wanted:
        first = date.fromisoformat(min(wanted)) - timedelta(days=lookback_days(spec))
        for at in (pinned.transactions, pinned.labels):
            days = {part.day for part in lake.parts(at)}
            lake.refuse_damage(at, days=[d for d in days if str(first) <= d <= max(wanted)])


def _request(plan: FeaturePlan, spec: ModelSpec, lake: Lake, pinned: Snapshot) -> "Request":
    """What a plan asks of Spark: days in groups, and the changed features of the days it keeps."""
    from feature_jobs.engine_version import ENGINE_VERSION
    from feature_jobs.executors.spark import Request

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
) -> "Build":
    """Every feature of days, or with a plan the changed ones beside what is held."""
    from feature_jobs.executors.spark import Build

    first = str(date.fromisoformat(min(days)) - timedelta(days=lookback_days(spec)))
    inside = [part for part in lake.parts(pinned.labels) if first <= part.day <= max(days)]
    return Build(
        days=tuple(_days(lake, pinned, plan, wanted=set(days), first=first)),
        labels=tuple(f"{lake.folder(pinned.labels.name)}/{part.path}" for part in inside),
        compute=None if plan is None else tuple(plan.changed),
    )


def _days(
    lake: Lake, pinned: Snapshot, plan: FeaturePlan | None, *, wanted: Collection[str], first: str
) -> "Iterator[Day]":
    """The wanted days and, from `first` on, those that they can look back to."""
    from feature_jobs.stages import Day

    held: dict[str, str] = {}
    if plan is not None and plan.held is not None:
        folder = lake.folder(FEATURES)
        held = {part.day: f"{folder}/{part.path}" for part in lake.parts(plan.held)}
    grouped: dict[str, list[Part]] = {}
    for part in lake.parts(pinned.transactions):
        grouped.setdefault(part.day, []).append(part)
    for day, parts in sorted(grouped.items()):
        if first <= day <= max(wanted):
            files = tuple(f"{lake.folder(pinned.transactions.name)}/{p.path}" for p in parts)
            yield Day(day, files, sum(p.rows for p in parts), day in wanted, held.get(day))


def _runs(days: Sequence[str], gap_days: int) -> Iterator[list[str]]:
    """Days in groups: what lies further apart than one lookback is computed by itself."""
    run: list[str] = []
    for day in days:
        if run and (date.fromisoformat(day) - date.fromisoformat(run[-1])).days > gap_days + 1:
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _asked_days(lake: Lake, pinned: Snapshot, since: str, until: str) -> list[str]:
    """Days of a snapshot in `[since, until)`.

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


def _held(plan: FeaturePlan) -> TableVersion:
    if plan.held is None:
        raise InputError("There are no rows to build features from. Ingest some first.")
    return plan.held
