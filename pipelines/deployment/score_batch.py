"""Batch scores of a day of the lake, equal bit by bit to the scores of the endpoint."""

import logging
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import (
    EVENT_DAY,
    EVENT_TIME,
    KNOWN_TIME,
    TRANSACTION_ID,
    InputError,
    digest_of,
)
from pipelines.config import PROBABILITY, SCORE, TableVersion, load_registered
from pipelines.config.installation import load_settings
from pipelines.features import FEATURES
from pipelines.lake import DamagedError, Lake
from pipelines.modelling import fetch_verified
from pipelines.tracking import open_registry
from pipelines.validation import validate_scores
from training.bundle import load_bundle
from training.data import gather_rows

SCORES = "scores"
VERSION, MODEL = "model_version", "model_digest"
DECISION, THRESHOLD = "decision", "threshold"
ALERT, PASS = "alert", "pass"

log = logging.getLogger(__name__)


def score_day(reference: str, day: str, *, version: str) -> TableVersion:
    """Score the rows of a day with a version's bundle; return the version of the table `scores`."""
    spec = load_registered(reference)
    registry = open_registry(spec)
    scored = registry.get(version)
    lake = Lake(load_settings().lake, spec=spec.name)
    rows, fingerprint = _read_day(lake, spec.name, day)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = load_bundle(fetch_verified(registry, scored, target=Path(scratch)))
    names = bundle.model.encoding.names
    missing = [name for name in names if name not in rows.column_names]
    if missing:
        raise InputError(
            f"The features of {spec.name} have no {', '.join(missing)}, which {scored} reads. "
            "Build them with a spec that declares them, or score with another version."
        )
    read = gather_rows([rows], bundle.model.encoding, count=rows.num_rows)
    raw = bundle.model.predict(read)
    probabilities = bundle.calibrate(raw)
    # In the order of `read`; the rows of the lake usually have it, but that is not guaranteed.
    order = [(EVENT_TIME, "ascending"), (TRANSACTION_ID, "ascending")]
    ordered = rows.sort_by(order)
    answered = {SCORE: pa.array(raw), PROBABILITY: pa.array(probabilities)}
    judged = pa.table({**{n: ordered[n] for n in ordered.column_names}, **answered})
    validate_scores(judged, spec, as_of=str(date.fromisoformat(day) + timedelta(days=1)))
    alerts = probabilities >= bundle.threshold
    ids = (TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, EVENT_DAY)
    own = pa.table(
        {
            **{name: ordered[name] for name in ids},
            **answered,
            DECISION: [ALERT if alert else PASS for alert in alerts.tolist()],
            THRESHOLD: pa.array([bundle.threshold] * len(alerts), pa.float64()),
            VERSION: pa.array([scored.number] * len(alerts), pa.int64()),
            MODEL: [bundle.digest] * len(alerts),
        }
    )
    kept = _others(lake, day, number=scored.number)
    written = own if kept is None else pa.concat_tables([kept, own.select(kept.column_names)])
    models = sorted(set(written[MODEL].to_pylist()))
    at = lake.write_days(
        SCORES,
        written.sort_by(VERSION),
        fingerprint=digest_of({"rows": fingerprint, "models": models}),
    )
    log.info(
        "Scored %s of %s with %s: %s rows, %s alerts", day, spec.name, scored,
        f"{own.num_rows:,}", f"{int(alerts.sum()):,}",
    )  # fmt: skip
    return at


def _read_day(lake: Lake, spec: str, day: str) -> tuple[pa.Table, list[str]]:
    """Read the feature rows of a day, and the names of their files, which are content hashes."""
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise InputError(f"{day!r} is no day: write it as 2018-08-08.") from error
    at = lake.latest(FEATURES)
    if at is None:
        raise InputError(f'{spec} has no features. Run "overnight run {spec} --as-of DATE" first.')
    parts = lake.parts(at)
    days = sorted({part.day for part in parts})
    if day not in days:
        raise InputError(
            f"{at} has no rows of {day}; it has {days[0]} to {days[-1]}. Choose another day, or "
            f'run "overnight run {spec} --as-of DATE" with a later date.'
        )
    return lake.read(at, days=[day]), sorted(part.path for part in parts if part.day == day)


def _others(lake: Lake, day: str, *, number: int) -> pa.Table | None:
    """Return the scores of other versions for the day; None when there are none."""
    at = lake.latest(SCORES)
    if at is None:
        return None
    try:
        current = lake.read(at, days=[day])
    except DamagedError as error:
        log.warning(
            "The scores of other versions for %s are lost; score with each again. %s", day, error
        )
        return None
    others = current.filter(pc.not_equal(current[VERSION], number))
    return others if others.num_rows else None
