"""Features as their definition reads: plain Python, every pair of rows compared."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from feature_jobs.declaration.features import Link, Window


@dataclass(frozen=True)
class Row:
    """One version of a transaction; versions of one transaction share its id.

    Attributes:
        replaced: when the version was replaced or withdrawn; None for one that still holds.
        is_first: True for the version that is scored; only it has features.
        labels: what became known of the transaction: (when, is it a fraud).
    """

    transaction_id: int
    event: datetime
    known: datetime
    entity: int | None = 1
    amount: float | None = 0.0
    device: int | None = None
    labels: tuple[tuple[datetime, int], ...] = field(default=())
    replaced: datetime | None = None
    is_first: bool = True

    @property
    def is_large(self) -> bool | None:
        """The condition `large`: amount > 1."""
        return None if self.amount is None else self.amount > 1


def window_values(rows: list[Row], window: Window) -> list[float | None]:
    """The feature of every first version, in the order of the rows given."""
    return [_window_value(now, rows, window) for now in rows if now.is_first]


def link_values(rows: list[Row], link: Link) -> list[int | None]:
    """The link feature of every first version: member = entity, thing = device."""
    return [_link_value(now, rows, link) for now in rows if now.is_first]


def holds(row: Row, now: Row) -> bool:
    """Whether a version is what was known of its transaction at another row's time."""
    return row.known <= now.event and not is_replaced(row, now)


def is_replaced(row: Row, now: Row) -> bool:
    """Whether a later version or a withdrawal was known at another row's time."""
    return row.replaced is not None and row.replaced <= now.event


def has_label(row: Row, now: Row) -> bool:
    """Whether the transaction's label belongs to this version at another row's time.

    Before anything is known of a transaction it belongs to the first version.
    """
    return not is_replaced(row, now) if row.is_first else holds(row, now)


def is_visible(row: Row, known: datetime, now: Row, delay: timedelta) -> bool:
    """Whether something of a row that was known at a time can be seen from another row."""
    visible = max(row.event + delay, known)
    if visible == now.event and visible == row.event:
        return (row.event, row.transaction_id) < (now.event, now.transaction_id)
    return visible <= now.event


def is_inside(row: Row, now: Row, window: Window | Link) -> bool:
    """Whether a row's event is not too old."""
    delay = getattr(window, "delay", None) or timedelta()
    return row.event > now.event - window.length - delay


def known_fraud(row: Row, now: Row, delay: timedelta) -> bool:
    """What the newest visible label says; of two at one time the one that says fraud."""
    seen = [(when, value) for when, value in row.labels if is_visible(row, when, now, delay)]
    return bool(seen) and max(seen)[1] == 1


def _window_value(  # noqa: PLR0911, PLR0912 -- one return a definition
    now: Row, rows: list[Row], window: Window
) -> float | None:
    if now.entity is None:
        return None
    delay = window.delay or timedelta()
    others = [
        row for row in rows
        if row.transaction_id != now.transaction_id and row.entity == now.entity
        and is_inside(row, now, window)
    ]  # fmt: skip
    seen = [row for row in others if holds(row, now) and is_visible(row, row.known, now, delay)]
    if window.measure == "is_genuine":
        return _seconds_since(
            window, [row for row in seen if not known_fraud(row, now, delay)], now
        )
    if window.measure == "is_fraud":
        frauds = [
            row for row in others if has_label(row, now) and known_fraud(row, now, delay)
        ]  # fmt: skip
        if window.where == "large":
            frauds = [row for row in frauds if row.is_large]
        if window.statistic == "count":
            return len(frauds)
        if window.statistic == "rate":
            return len(frauds) / len(seen) if seen else 0.0
        return _seconds_since(window, frauds, now)
    if window.statistic.startswith("time_since"):
        if window.measure == "large":
            seen = [row for row in seen if row.is_large]
        return _seconds_since(window, seen, now)
    if not window.is_prior and window.delay is None:
        seen.append(now)
    if window.where == "large":
        seen = [row for row in seen if row.is_large]
    if window.measure is None:
        return len(seen)
    if window.measure == "large":
        met = [row.is_large for row in seen if row.is_large is not None]
        if window.statistic == "count":
            return sum(met)
        return sum(met) / len(met) if met else None
    if window.measure == "device_id":
        return len({row.device for row in seen if row.device is not None})
    return _of_numbers(window.statistic, seen)


def _of_numbers(  # noqa: PLR0911 -- one return a definition
    statistic: str, seen: list[Row]
) -> float | None:
    ordered = sorted(seen, key=lambda row: (row.event, row.transaction_id))
    values = [row.amount for row in ordered if row.amount is not None]
    match statistic:
        case "count":
            return len(values)
        case "distinct":
            return len(set(values))
        case "sum":
            return _total(values)
        case "mean":
            total = _total(values)
            return total / len(values) if values and total is not None else None
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case "last":
            return values[-1] if values else None
        case "median":
            return _middle(values)
        case "std":
            return _deviation(values)
    raise AssertionError(statistic)


def _total(values: list[float]) -> float | None:
    infinite = {value for value in values if math.isinf(value)}
    if len(infinite) == 2:
        return None
    return infinite.pop() if infinite else math.fsum(values)


def _middle(values: list[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    half = len(ordered) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return None if math.isnan(middle) else middle


def _deviation(values: list[float]) -> float | None:
    if len(values) < 2 or any(math.isinf(value) for value in values):
        return None
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / (len(exact) - 1)
    if not variance:
        return 0.0
    # Scaled to about 480 bits before the root, so that the smallest and largest keep theirs.
    shift = variance.denominator.bit_length() - variance.numerator.bit_length() + 480
    half = shift // 2
    root = math.isqrt(int(variance * Fraction(2) ** (2 * half)))
    return float(Fraction(root) / Fraction(2) ** half)


def _seconds_since(window: Window, seen: list[Row], now: Row) -> float | None:
    if not seen:
        return None
    find = min if window.statistic == "time_since_first" else max
    return (now.event - find(row.event for row in seen)).total_seconds()


def _link_value(now: Row, rows: list[Row], link: Link) -> int | None:
    if now.entity is None:
        return None
    inside = [row for row in rows if is_inside(row, now, link)]
    others = [row for row in inside if row.transaction_id != now.transaction_id]
    seen = [
        row for row in others if holds(row, now) and is_visible(row, row.known, now, timedelta())
    ] + [now]  # fmt: skip
    pairs = {
        (row.entity, row.device) for row in seen
        if row.entity is not None and row.device is not None
    }  # fmt: skip
    things = {thing for member, thing in pairs if member == now.entity}
    if len(things) > link.max_degree:
        return None
    neighbours: set[int] = set()
    for thing in things:
        members = {member for member, used in pairs if used == thing}
        if len(members) <= link.max_degree:
            neighbours |= {member for member in members if member is not None}
    neighbours.discard(now.entity)
    if link.statistic == "neighbours":
        return len(neighbours)
    return sum(
        row.entity in neighbours and has_label(row, now) and known_fraud(row, now, timedelta())
        for row in others
    )  # fmt: skip
