"""Compares captured answers: the shadow's with the champion's row by row, a split's by rate.

Both sides of a split never score the same row, so there only rates can be compared, with the
intervals that chance allows.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from expectations.contract import InputError
from pipelines.config import Column, ModelSpec, format_table, load_registered
from pipelines.governance import open_decisions
from pipelines.tracking import open_registry

if TYPE_CHECKING:
    from infra.sagemaker.runtime import Answer

# Names of what is told, beside it.
LABEL = Column(at_least=15, gap=1)
LARGEST = 5
ALERT = "alert"


def describe_disagreements(reference: str, *, since: str, until: str) -> str:
    """See `steps.disagreements`."""
    from infra.sagemaker.names import CANDIDATE, SHADOW, VARIANT

    spec = load_registered(reference)
    chain = open_decisions(spec, open_registry(spec)).load()
    begun = chain.last("shadow", "split")
    if begun is None:
        raise InputError(
            f"{spec.name} had no shadow and no split yet. "
            f'Begin one: "overnight shadow {spec.name} VERSION".'
        )
    is_shadow = begun.kind == "shadow"
    days = _parse_day(since), _parse_day(until)
    # The variants may have held other versions before, and the champion answered before, too.
    served = chain.champion_at(begun)
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


def _rows(ours: "dict[str, Answer]", theirs: "dict[str, Answer]") -> Iterator[str]:
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


def _rates(ours: "dict[str, Answer]", theirs: "dict[str, Answer]") -> Iterator[str]:
    for name, side in (("AllTraffic", ours), ("Candidate", theirs)):
        answers = list(side.values())
        alerts = sum(a.decision == ALERT for a in answers)
        low, high = _wilson(alerts, len(answers))
        mean = float(np.mean([a.probability for a in answers]))
        yield (
            f"  {name:12} version {answers[0].version}: {len(answers):,} rows, {alerts:,} alerts, "
            f"{alerts / len(answers):.4%} [{low:.4%}, {high:.4%}], mean probability {mean:.6f}"
        )


def _wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of Wilson (1927) for a share; 95 % by default."""
    share, square = count / total, z * z
    middle = share + square / (2 * total)
    spread = z * np.sqrt(share * (1 - share) / total + square / (4 * total * total))
    bottom = 1 + square / total
    return float((middle - spread) / bottom), float((middle + spread) / bottom)


def _read(
    spec: ModelSpec, variant: str, days: tuple[date | None, date | None], *,
    version: int | None, since: datetime,
) -> "dict[str, Answer]":  # fmt: skip
    """Answers of a version to clients, by their ids; not those to a deployment's questions."""
    from infra.sagemaker.control import capture_prefix
    from infra.sagemaker.names import endpoint_name
    from infra.sagemaker.runtime import INFERENCE_ID, read_captured

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
