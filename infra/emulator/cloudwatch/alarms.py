"""Evaluation of CloudWatch alarms on real metrics; moto stores alarms and evaluates none.

The rules for missing data are those of the CloudWatch guide's tables: the latest data points of a
range somewhat longer than the evaluation range count, and missing ones are filled in.
"""

import asyncio
import logging
import operator
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.emulator.cloudwatch.metrics import Metrics, load_cloudwatch, read_dimensions
from infra.emulator.cloudwatch.series import read_statistic
from infra.emulator.faults import Faults

if TYPE_CHECKING:
    from moto.cloudwatch.models import Alarm

log = logging.getLogger(__name__)

UNCHECKED = "Unchecked: Initial alarm creation"
# Periods before the evaluation range in which CloudWatch still looks for data points.
EXTRA_PERIODS = 2
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def find_state(
    breaches: Sequence[bool | None], *, periods: int, needed: int, missing: str, state: str
) -> str:
    """Return the state of an alarm.

    Args:
        breaches: for each period of the range, newest first; None where data is missing.
        periods: number of data points that count.
        needed: how many of them must breach.
        missing: how missing ones are treated: `missing`, `ignore`, `breaching`, `notBreaching`.
        state: the present one.

    >>> find_state([None, None, True], periods=1, needed=1, missing="missing", state="OK")
    'ALARM'
    """
    real = [breach for breach in breaches if breach is not None][:periods]
    lacking = periods - len(real)
    count = sum(real)
    if missing == "breaching":
        count += lacking
    if count >= needed:
        return "ALARM"
    if missing in ("breaching", "notBreaching") or not lacking or not all(real):
        return "OK"
    if missing == "ignore":
        return state
    return "ALARM" if real else "INSUFFICIENT_DATA"


class Alarms:
    """Evaluation of all alarms of moto's CloudWatch; used on the event loop only."""

    def __init__(self, metrics: Metrics, faults: Faults, *, time_scale: float) -> None:
        self._metrics = metrics
        self._faults = faults
        self._time_scale = time_scale
        self._set: dict[str, tuple[Alarm, datetime]] = {}
        self._set_at: dict[str, float] = {}
        self._forced: dict[str, str] = {}

    async def keep_evaluating(self, *, every_seconds: float) -> None:
        """Evaluate periodically until cancelled."""
        while True:
            try:
                self.evaluate()
            except Exception:
                # One alarm that cannot be evaluated must not end the evaluation of the others.
                log.exception("The alarms were not evaluated")
            await asyncio.sleep(every_seconds)

    def in_alarm(self, names: Sequence[str]) -> list[str]:
        """Return the names of those alarms that are in ALARM now."""
        self.evaluate()
        alarms = load_cloudwatch().alarms
        return [name for name in names if name in alarms and alarms[name].state_value == "ALARM"]

    def evaluate(self) -> None:
        """Bring the metrics up to date and set the state of every alarm."""
        self._metrics.flush()
        now = time.time()
        # moto's threads may add and remove alarms meanwhile.
        for alarm in list(load_cloudwatch().alarms.values()):
            if not self._is_forced(alarm) and _is_judged_here(alarm):
                self._evaluate(alarm, now)

    def _is_forced(self, alarm: "Alarm") -> bool:
        values = [value for _, value in read_dimensions(alarm.dimensions)]
        if self._faults.take_alarm_fault(alarm.name, values):
            self._forced.setdefault(alarm.name, alarm.state_value)
            self._change(alarm, "ALARM", "An armed fault holds it in ALARM.")
            return True
        before = self._forced.pop(alarm.name, None)
        if before is not None:
            self._change(alarm, before, "The fault that forced it to ALARM is over.")
        return False

    def _evaluate(self, alarm: "Alarm", now: float) -> None:
        dimensions = read_dimensions(alarm.dimensions)
        series = self._metrics.series(alarm.namespace, alarm.metric_name, dimensions)
        if series.latest <= self._set_by_hand_at(alarm):
            return
        periods = int(alarm.evaluation_periods)
        range_periods = periods + EXTRA_PERIODS
        seconds = float(alarm.period) * self._time_scale
        points = series.periods(end=now, seconds=seconds, count=range_periods)
        statistic = alarm.extended_statistic or alarm.statistic
        compare = COMPARISONS[alarm.comparison_operator]
        values = [None if step is None else read_statistic(step, statistic) for step in points]
        threshold = float(alarm.threshold)
        state = find_state(
            [None if value is None else compare(value, threshold) for value in values],
            periods=periods,
            needed=int(alarm.datapoints_to_alarm or periods),
            missing=alarm.treat_missing_data or "missing",
            state=alarm.state_value,
        )
        seen = ", ".join(f"{value:.6g}" for value in values if value is not None) or "none"
        reason = f"{statistic} of the data points, newest first: {seen}; threshold {threshold:.6g}"
        self._change(alarm, state, reason)

    def _set_by_hand_at(self, alarm: "Alarm") -> float:
        """Return the time at which the state was set by hand; -1 if it was not."""
        known = self._set.get(alarm.name)
        stamp = alarm.state_updated_timestamp
        is_fresh = known is None or known[0] is not alarm
        if is_fresh and alarm.state_reason == UNCHECKED:
            self._set_at.pop(alarm.name, None)
            # CloudWatch creates an alarm without data, moto creates it as OK.
            self._change(alarm, "INSUFFICIENT_DATA", UNCHECKED)
        elif is_fresh or (known is not None and known[1] != stamp):
            self._set_at[alarm.name] = _seconds(stamp)
            self._set[alarm.name] = (alarm, stamp)
        return self._set_at.get(alarm.name, -1.0)

    def _change(self, alarm: "Alarm", state: str, reason: str) -> None:
        if state != alarm.state_value:
            alarm.update_state(reason, "{}", state)
        self._set[alarm.name] = (alarm, alarm.state_updated_timestamp)


def _is_judged_here(alarm: "Alarm") -> bool:
    """Return True for a plain metric alarm: not composite, no metric math, no anomaly band."""
    has_metric = bool(alarm.metric_name) and bool(alarm.statistic or alarm.extended_statistic)
    return has_metric and alarm.comparison_operator in COMPARISONS


def _seconds(stamp: datetime) -> float:
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
