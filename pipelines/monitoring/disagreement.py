"""Comparison of captured answers: of a shadow row by row, of an A/B test by rates.

The variants of an A/B test never score the same row, so only rates can be compared, with their
confidence intervals.
"""

from collections.abc import Iterator
from datetime import date, datetime

import numpy as np
from scipy.stats import binomtest

from expectations.contract import InputError
from infra.sagemaker import CANDIDATE, SHADOW, VARIANT, endpoint_name
from infra.sagemaker.control import capture_prefix
from infra.sagemaker.runtime import INFERENCE_ID, Answer, read_captured
from pipelines.config import Column, ModelSpec, format_table, load_registered
from pipelines.governance import open_decisions
from pipelines.tracking import open_registry

# The column of names.
LABEL = Column(at_least=15, gap=1)
LARGEST = 5
ALERT = "alert"


def describe_disagreements(reference: str, *, since: str, until: str) -> str:
    """Compare the captured answers of the second variant with the champion's."""
    spec = load_registered(reference)
    decision_log = open_decisions(spec, open_registry(spec)).load()
    begun = decision_log.last("shadow", "split")
    if begun is None:
        raise InputError(
            f"{spec.name} had no shadow and no A/B test yet. "
            f'Begin one: "overnight shadow {spec.name} VERSION".'
        )
    is_shadow = begun.kind == "shadow"
    days = _parse_day(since), _parse_day(until)
    # Before, the variants may have served other versions.
    served = decision_log.champion_at(begun)
    ours = _read(spec, VARIANT, days, version=served, since=begun.time)
    second = SHADOW if is_shadow else CANDIDATE
    theirs = _read(spec, second, days, version=begun.version, since=begun.time)
    if not ours or not theirs:
        raise InputError(
            f"Nothing was captured yet of {'the champion' if not ours else begun}: send requests, "
            "wait for the next file, or set [endpoint] capture_percent above 0."
        )
    lines = _rows(ours, theirs) if is_shadow else _rates(ours, theirs)
    return "\n".join([f"{spec.name}: version {begun.version} as {begun.kind}", *lines])


def _rows(ours: dict[str, Answer], theirs: dict[str, Answer]) -> Iterator[str]:
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        raise InputError("No captured row was answered by both. Send InferenceId with requests.")
    pairs = [(ours[key], theirs[key]) for key in both]
    first, second = pairs[0][0].version, pairs[0][1].version
    kinds = [(a.decision == ALERT, b.decision == ALERT) for a, b in pairs]
    apart = sum(a != b for a, b in kinds)
    gaps = np.array([b.probability - a.probability for a, b in pairs])
    low, middle, high = np.quantile(gaps, [0.01, 0.5, 0.99])
    spread = f"median {middle:+.6f}, 98 % in [{low:+.6f}, {high:+.6f}]"
    totals = [
        ("rows", f"{len(both):,} answered by {first} and by {second}"),
        ("both alert", f"{kinds.count((True, True)):,}"),
        ("both pass", f"{kinds.count((False, False)):,}"),
        (f"only {first:5} alerts", f"{kinds.count((True, False)):,}"),
        (f"only {second:5} alerts", f"{kinds.count((False, True)):,}"),
        ("disagreement", f"{apart / len(both):.4%}"),
        ("probability", f"{second} less {first}: {spread}"),
    ]
    yield format_table(totals, [LABEL], indent=2)
    rows = [("largest apart", first, second)]
    for at in np.argsort(-np.abs(gaps), kind="stable")[:LARGEST]:
        a, b = pairs[at]
        rows.append((both[at], f"{a.probability:.6f}", f"{b.probability:.6f}"))
    number = Column(at_least=10, is_right=True, gap=1)
    yield format_table(rows, [Column(at_least=20, is_right=True, gap=1), number, number], indent=2)
    alone = f"{len(ours) - len(both):,} and {len(theirs) - len(both):,}"
    yield format_table([("by one only", alone)], [LABEL], indent=2)


def _rates(ours: dict[str, Answer], theirs: dict[str, Answer]) -> Iterator[str]:
    table = []
    for name, side in (("AllTraffic", ours), ("Candidate", theirs)):
        answers = list(side.values())
        alerts = sum(a.decision == ALERT for a in answers)
        chance = binomtest(alerts, len(answers)).proportion_ci(method="wilson")
        mean = float(np.mean([a.probability for a in answers]))
        counts = f"version {answers[0].version}: {len(answers):,} rows, {alerts:,} alerts"
        share = f"{alerts / len(answers):.4%} [{chance.low:.4%}, {chance.high:.4%}]"
        table.append((name, f"{counts}, {share}, mean probability {mean:.6f}"))
    yield format_table(table, [Column(at_least=12, gap=1)], indent=2)


def _read(
    spec: ModelSpec, variant: str, days: tuple[date | None, date | None], *,
    version: int | None, since: datetime,
) -> dict[str, Answer]:  # fmt: skip
    """Read a version's answers to clients, by their ids; without those to verification requests."""
    found = read_captured(
        capture_prefix(spec.endpoint), endpoint=endpoint_name(spec.name), variant=variant,
        since=days[0], until=days[1],
    )  # fmt: skip
    return {
        answer.inference_id: answer for answer in found
        if answer.version == str(version) and answer.time >= since
        and not answer.inference_id.startswith(INFERENCE_ID)
    }  # fmt: skip


def _parse_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(f"{text!r} is no day: write it as 2018-08-08.") from error
