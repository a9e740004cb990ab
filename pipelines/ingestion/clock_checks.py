"""Checks for deliveries with a wrong clock: times in another unit, or of another time zone."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations import EARLIEST, guess_unit
from expectations.contract import EVENT_TIME, KNOWN_TIME, InputError

HOUR = 3_600_000_000
MICROSECONDS_A_YEAR = 365.2425 * 24 * HOUR
HALF, QUICKEST, ROUNDING = 0.5, 0.99, 0.25


def refuse_wrong_clock(rows: pa.Table, *, where: str, received_at: datetime) -> None:
    """Raise an error on times in a wrong unit or of a wrong time zone.

    Args:
        rows: of transactions, or of fraud reports, which have no event time.
        where: name of the file.
        received_at: when it was written.

    Raises:
        InputError: when most rows are wrong in the same way.
    """
    if EVENT_TIME not in rows.column_names:
        _refuse_wrong_unit(rows[KNOWN_TIME], "known_time of the reports", received_at)
        return
    _refuse_wrong_unit(rows[EVENT_TIME], f"event_time of {where}", received_at)
    ahead = hours_ahead(rows)
    if ahead is not None:
        raise InputError(
            f"event_time of {where} runs {ahead} h ahead of known_time: one of the two is "
            "local time, not UTC. Deliver both in UTC."
        )


def _refuse_wrong_unit(times: pa.ChunkedArray, what: str, received_at: datetime) -> None:
    numbers = times.drop_null().cast(pa.int64()).to_numpy()
    latest = received_at + timedelta(days=366)
    guess = guess_unit(numbers, earliest=EARLIEST, latest=_micros(latest))
    if guess is not None:
        meant, read = guess
        raise InputError(
            f"{what} lies around {_year(numbers)}: the values are {meant} and were read as {read}. "
            "Deliver timestamps in UTC, or correct the unit."
        )


def hours_ahead(rows: pa.Table) -> int | None:
    """Return by how many hours most events lie after their known time; None if they do not."""
    both = rows.filter(pc.and_(rows[EVENT_TIME].is_valid(), rows[KNOWN_TIME].is_valid()))
    if both.num_rows == 0:
        return None
    micros = [both[c].cast(pa.int64()).to_numpy() for c in (EVENT_TIME, KNOWN_TIME)]
    lead = (micros[0] - micros[1]) / HOUR
    if np.mean(lead > 0) <= HALF:
        return None
    # The fastest arrivals have a delay of about 0, so their lead is the shift of the clock.
    return int(np.ceil(np.quantile(lead, QUICKEST) - ROUNDING)) or None


def _micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _year(events: npt.NDArray[np.int64]) -> str:
    return f"the year {int(1970 + float(np.median(events)) / MICROSECONDS_A_YEAR)}"
