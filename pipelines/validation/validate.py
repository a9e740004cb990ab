"""Data checks: every table of a spec against its suites, from one pass over its parts."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from expectations import (
    ROWS,
    Profile,
    Profiler,
    TableName,
    Validated,
    kept_columns,
    quiet_great_expectations,
)
from expectations.contract import EVENT_DAY, KNOWN_TIME, LABEL, InputError
from feature_jobs.io import DataFile
from pipelines.config import ModelSpec, Snapshot, load_spec, table_columns
from pipelines.config.installation import Settings, load_settings
from pipelines.lake import Lake, parse_as_of, split_days
from pipelines.validation.data_docs import docs_address, docs_folder, keep_summary
from pipelines.validation.table_profile import profile_parts, profile_version

FEATURES = "features"
_DAY = timedelta(days=1)

Days = Iterable[tuple[str, pa.Table]]

log = logging.getLogger(__name__)


def validate_snapshot(reference: str, as_of: str, *, snapshot: Snapshot) -> Snapshot:
    """Check a snapshot against the contract; return it.

    Raises:
        InputError: with every finding, when one is critical.
    """
    spec, settings = load_spec(reference), load_settings()
    lake = Lake(settings.lake, spec=spec.name)
    check_snapshot(spec, lake, snapshot, as_of=as_of, settings=settings)
    return snapshot


def check_snapshot(
    spec: ModelSpec, lake: Lake, pinned: Snapshot, *, as_of: str, settings: Settings
) -> None:
    """Check both tables of a snapshot.

    Args:
        spec: declares the columns.
        lake: holds the tables.
        pinned: their versions.
        as_of: the knowledge time; names the page.
        settings: say where the pages go.

    Raises:
        InputError: with every finding, when one is critical.
    """
    known_at = parse_as_of(as_of)
    yesterday = str((known_at - _DAY).date())
    rows = profile_version(spec, lake, pinned.transactions, as_of=known_at, last=yesterday)
    if rows.rows == 0:
        raise InputError(
            f"{pinned.transactions} holds no transaction known before {as_of}. "
            "Ingest earlier days, or choose a later as_of."
        )
    checks = _DataChecks(spec, as_of, settings)
    found = [checks.check("transactions", rows, at=str(pinned.transactions))]
    if not spec.labels.is_declared:
        log.info("%s declares no labels: they are not checked", spec.name)
        checks.report(*found)
        return
    mature = _latest_mature_day(spec, known_at)
    labels = profile_version(spec, lake, pinned.labels, as_of=known_at, last=mature)
    if labels.rows:
        compared = compare_with_transactions(labels, rows, spec, mature=mature)
        found.append(checks.check("labels", compared, at=str(pinned.labels)))
    else:
        log.warning("%s holds no label known before %s", pinned.labels, as_of)
    checks.report(*found)


def validate_features(
    spec: ModelSpec,
    lake: Lake,
    parts: Iterable[DataFile],
    *,
    built: set[str],
    as_of: str,
    settings: Settings,
) -> None:
    """Check a feature table before it is committed: the new days, and the days before them.

    Args:
        spec: declares the features.
        lake: holds the parts, committed or not.
        parts: all parts of the coming table.
        built: days that are new in it.
        as_of: names the page.
        settings: say where the page goes.

    Raises:
        InputError: with every finding, when one is critical.
    """
    trailing = spec.contract.trailing
    ordered = sorted(parts, key=lambda part: part.day)
    latest = date.fromisoformat(ordered[-1].day)
    since = str(latest - (trailing.days + trailing.judged) * _DAY)
    chosen = [part for part in ordered if part.day in built or part.day >= since]
    end = datetime.combine(latest + _DAY, datetime.min.time(), tzinfo=UTC)
    profile = profile_parts(
        spec, lake, "features", chosen, name=FEATURES, as_of=end, is_whole=False
    )
    name = f"the features of {spec.name}"
    checks = _DataChecks(spec, as_of, settings)
    checks.report(checks.check("features", profile, at=name))


def validate_training_set(
    spec: ModelSpec, lake: Lake, parts: Iterable[DataFile], *, name: str, as_of: str,
    settings: Settings,
) -> None:  # fmt: skip
    """Check a training set before it is committed.

    Args:
        spec: declares the columns.
        lake: holds the parts, committed or not.
        parts: all parts of the coming version, by day.
        name: of the training set's table.
        as_of: the knowledge time; names the page.
        settings: say where the page goes.

    Raises:
        InputError: with every finding, when one is critical.
    """
    known_at = parse_as_of(as_of)
    profile = profile_parts(
        spec,
        lake,
        "training_set",
        list(parts),
        name=name,
        as_of=known_at,
        happened_before=known_at - spec.labels.maturity,
        last=_latest_mature_day(spec, known_at),
    )
    checks = _DataChecks(spec, as_of, settings)
    at = f"the training set of {spec.name} as of {as_of}"
    checks.report(checks.check("training_set", profile, at=at))


def validate_scores(rows: pa.Table, spec: ModelSpec, *, as_of: str) -> None:
    """Check captured scores with their requests: a row a transaction, with `event_day`.

    Raises:
        InputError: with every finding, when one is critical.
    """
    profile = profile_table(
        spec, "scores", split_days(rows.sort_by(EVENT_DAY)), as_of=parse_as_of(as_of)
    )
    name = f"the scores of {spec.name} as of {as_of}"
    checks = _DataChecks(spec, as_of, load_settings())
    checks.report(checks.check("scores", profile, at=name))


def profile_table(
    spec: ModelSpec,
    table: TableName,
    days: Days,
    *,
    as_of: datetime,
    happened_before: datetime | None = None,
    last: str | None = None,
) -> Profile:
    """Profile a table in one pass.

    Args:
        spec: declares the columns.
        table: the name of the table.
        days: each day with its rows; iterated once.
        as_of: the knowledge time.
        happened_before: no event may lie at or after it; None: the knowledge time.
        last: a day that should be there.
    """
    profiler = Profiler(
        columns=table_columns(spec)[table],
        as_of=as_of,
        happened_before=happened_before,
        keep=kept_columns(spec.contract.expectations, table),
        trailing=spec.contract.trailing.days,
        judged=spec.contract.trailing.judged,
    )
    for day, rows in days:
        if rows.num_rows:
            profiler.add(day, rows)
    return profiler.finish(last=last)


def compare_with_transactions(
    labels: Profile, transactions: Profile, spec: ModelSpec, *, mature: str
) -> Profile:
    """Add the fraud rate, the coverage and the reporting delay of each mature day, NaN for others.

    Args:
        labels: profile of the labels, up to the latest mature day at least.
        transactions: profile of the transactions, of the same knowledge time.
        spec: defines which of the two forms the labels have.
        mature: the latest day whose labels should be known.
    """
    from expectations import COVERAGE, DELAY, FRAUD_RATE, FRAUDS, MATURE

    days = transactions.days[EVENT_DAY].to_pylist()
    count = dict(zip(days, transactions.values(ROWS), strict=True))
    own = labels.days[EVENT_DAY].to_pylist()
    is_mature = np.array([day <= mature for day in own])
    rows = np.array([count.get(day, 0.0) for day in own])
    rows[(rows == 0) | ~is_mature] = np.nan
    frauds = np.nan_to_num(labels.values(f"{LABEL}.sum"))
    due = np.where(np.isnan(rows), np.nan, frauds)
    coverage = np.nan_to_num(labels.values(ROWS)) / rows
    if spec.labels.column is None:  # a table of reports names the frauds only
        coverage = np.full(len(own), np.nan)
    delay = np.where(is_mature, labels.values(f"{KNOWN_TIME}.delay_days"), np.nan)
    added = {FRAUD_RATE: frauds / rows, COVERAGE: coverage, DELAY: delay, FRAUDS: due, MATURE: rows}
    for name, values in added.items():
        labels = labels.with_metric(name, values)
    return labels


def _latest_mature_day(spec: ModelSpec, as_of: datetime) -> str:
    wait = max(spec.labels.maturity, spec.labels.delay or timedelta())
    return str((as_of - wait - _DAY).date())


@dataclass(frozen=True, slots=True)
class _DataChecks:
    """The data checks of one spec and knowledge time."""

    spec: ModelSpec
    as_of: str
    settings: Settings

    def report(self, *found: Validated) -> None:
        """Log the findings and the address of the pages, and raise an error on a critical finding.

        Raises:
            InputError: for the first table with a critical finding, with all of that table.
        """
        for validated in found:
            log.info("%s", validated.summary())
            for finding in validated.findings:
                log.warning("%s: %s", finding.severity, finding.text)
        log.info("Data Docs: %s", docs_address(self.settings, self.spec.name, self.as_of))
        for validated in found:
            validated.refuse_critical()

    def check(self, table: TableName, profile: Profile, *, at: str) -> Validated:
        """Check a profile against its suite, and write the page and the summary."""
        quiet_great_expectations()
        from expectations import build_custom_suite, suites, validate_profile

        spec, contract = self.spec, self.spec.contract
        columns = table_columns(spec)[table]
        match table:
            case "transactions":
                suite = suites.build_transaction_suite(columns, contract)
            case "labels":
                latest = _latest_mature_day(spec, parse_as_of(self.as_of))
                immature = sum(day > latest for day in profile.days[EVENT_DAY].to_pylist())
                suite = suites.build_label_suite(columns, contract, immature=immature)
            case "features":
                suite = suites.build_feature_suite(columns, contract)
            case "training_set":
                suite = suites.build_training_suite(
                    columns,
                    contract,
                    rows=profile.rows,
                    maturity=spec.labels.maturity,
                    reports_frauds_only=spec.labels.column is None,
                )
            case "scores":
                suite = suites.build_score_suite(columns, contract)
        custom = build_custom_suite(contract.expectations, table, columns=[c.name for c in columns])
        folder = docs_folder(self.settings, spec.name, self.as_of, table)
        found = validate_profile(profile, suite, table=at, custom=custom, docs=folder)
        # The library gives the address of a file, which a browser elsewhere cannot open.
        address = docs_address(self.settings, spec.name, self.as_of)
        found = replace(found, docs=f"{address}{table}/index.html")
        keep_summary(folder, found)
        return found
