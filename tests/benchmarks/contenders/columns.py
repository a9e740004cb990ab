"""The names that every contender gives its feature columns, and the bounds of the windows."""

from datetime import timedelta

from expectations.contract import AMOUNT, EVENT_TIME, TRANSACTION_ID, format_duration
from tests.benchmarks.data import ENTITIES

READ = (TRANSACTION_ID, EVENT_TIME, *ENTITIES, AMOUNT)


def count_name(entity: str, window: timedelta) -> str:
    """As the engine names it: `customer_transaction_count_7d`."""
    return f"{entity.removesuffix('_id')}_transaction_count_{format_duration(window)}"


def sum_name(entity: str, window: timedelta) -> str:
    """As the engine names it: `customer_amount_sum_7d`."""
    return f"{entity.removesuffix('_id')}_{AMOUNT}_sum_{format_duration(window)}"


def preceding(window: timedelta) -> int:
    """Microseconds that a RANGE frame, closed at both ends, reaches back for `(t - window, t]`."""
    return window // timedelta(microseconds=1) - 1
