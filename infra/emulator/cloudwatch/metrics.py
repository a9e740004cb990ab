"""Metrics of endpoints and containers: kept for the alarms, and put into moto's CloudWatch.

moto keeps every datum forever and has no percentiles, so it gets sums per moment; the values that
an alarm needs stay here, bounded.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.emulator.cloudwatch.emf import Dimensions, Sample
from infra.emulator.cloudwatch.series import Series, Step
from infra.emulator.resources import ACCOUNT, REGION

if TYPE_CHECKING:
    from moto.cloudwatch.models import CloudWatchBackend, Dimension

PLATFORM = "AWS/SageMaker"
MAX_MOTO_DATA = 200_000
FIRST_CLIENT_ERROR, FIRST_SERVER_ERROR = 400, 500

Key = tuple[str, str, Dimensions]


@dataclass(slots=True)
class Tally:
    """Invocations of a variant since the last flush.

    Attributes:
        model: microseconds of each in the container.
        overhead: microseconds of each outside of it.
    """

    model: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)
    client_errors: int = 0
    server_errors: int = 0

    def add(self, status: int, *, model_seconds: float, overhead_seconds: float) -> None:
        """Record an invocation; a container that gave no answer counts as status 503."""
        self.model.append(1e6 * model_seconds)
        self.overhead.append(1e6 * overhead_seconds)
        if status >= FIRST_SERVER_ERROR:
            self.server_errors += 1
        elif status >= FIRST_CLIENT_ERROR:
            self.client_errors += 1


class Metrics:
    """All series; used on the event loop only."""

    def __init__(self, *, step_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._series: dict[Key, Series] = {}
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._pending: dict[Key, Step] = {}
        self._read_of_moto = 0
        self._written: set[int] = set()

    def tally(self, endpoint: str, variant: str) -> Tally:
        """Return the tally of a variant's invocations since the last flush."""
        found = self._tallies.get((endpoint, variant))
        if found is None:
            found = self._tallies[endpoint, variant] = Tally()
        return found

    def add(self, samples: Iterable[Sample]) -> None:
        """Record the metrics of a container."""
        now = time.time()
        for sample in samples:
            key = (sample.namespace, sample.name, sample.dimensions)
            for value in sample.values:
                self._add(key, value, now=now)

    def series(self, namespace: str, name: str, dimensions: Dimensions) -> Series:
        """Return the series of a metric, empty if nothing ever came."""
        key = (namespace, name, dimensions)
        if key not in self._series:
            self._series[key] = Series(self._step_seconds)
        return self._series[key]

    def flush(self) -> None:
        """Bring the series up to date with the tallies and with what users put into moto."""
        now = time.time()
        tallies, self._tallies = self._tallies, {}
        for (endpoint, variant), tally in tallies.items():
            self._add_tally(endpoint, variant, tally, now=now)
        self._read_moto(now)
        self._write_moto()

    def _add_tally(self, endpoint: str, variant: str, tally: Tally, *, now: float) -> None:
        dimensions = (("EndpointName", endpoint), ("VariantName", variant))
        for name, values in (("ModelLatency", tally.model), ("OverheadLatency", tally.overhead)):
            for value in values:
                self._add((PLATFORM, name, dimensions), value, now=now)
        requests = len(tally.model)
        failed = tally.client_errors + tally.server_errors
        # One value for each request, so that an average is a rate.
        for name, ones in (
            ("Invocations", requests),
            ("Invocation4XXErrors", tally.client_errors),
            ("Invocation5XXErrors", tally.server_errors),
            ("InvocationModelErrors", failed),
        ):
            for value, times in ((1.0, ones), (0.0, requests - ones)):
                if times:
                    self._add((PLATFORM, name, dimensions), value, now=now, times=times)

    def _add(self, key: Key, value: float, *, now: float, times: float = 1.0) -> None:
        self.series(*key).add(value, time=now, times=times)
        if key not in self._pending:
            self._pending[key] = Step(now)
        self._pending[key].add(value, times)

    def _read_moto(self, now: float) -> None:
        from moto.cloudwatch.models import MetricAggregatedDatum, MetricDatum

        data = load_cloudwatch().metric_data
        if len(data) < self._read_of_moto:
            # Somebody reset moto.
            self._read_of_moto = 0
        # Read by position: moto's threads only ever append.
        fresh = data[self._read_of_moto :]
        self._read_of_moto += len(fresh)
        for datum in fresh:
            if id(datum) in self._written:
                continue
            series = self.series(datum.namespace, datum.name, read_dimensions(datum.dimensions))
            if isinstance(datum, MetricDatum):
                series.add(datum.value, time=now)
            elif isinstance(datum, MetricAggregatedDatum) and datum.sample_count:
                series.add(datum.sum / datum.sample_count, time=now, times=datum.sample_count)
        self._written = set()

    def _write_moto(self) -> None:
        from moto.cloudwatch.models import MetricAggregatedDatum

        data = load_cloudwatch().metric_data
        for (namespace, name, dimensions), step in self._pending.items():
            datum = MetricAggregatedDatum(
                namespace=namespace,
                name=name,
                min_stat=step.low,
                max_stat=step.high,
                sample_count=step.count,
                sum_stat=step.total,
                dimensions=[{"Name": key, "Value": value} for key, value in dimensions],
                timestamp=datetime.fromtimestamp(step.begin, tz=UTC).replace(tzinfo=None),
            )
            # The next reading must not take our own for a user's.
            self._written.add(id(datum))
            data.append(datum)
        self._pending = {}
        if len(data) > MAX_MOTO_DATA and self._read_of_moto > MAX_MOTO_DATA // 2:
            del data[: MAX_MOTO_DATA // 2]
            self._read_of_moto -= MAX_MOTO_DATA // 2


def read_dimensions(dimensions: Iterable["Dimension"]) -> Dimensions:
    """Convert moto's dimensions."""
    return tuple(sorted((str(one.name), str(one.value)) for one in dimensions))


def load_cloudwatch() -> "CloudWatchBackend":
    """Return moto's CloudWatch in this process, for the endpoints' account and region."""
    from moto.backends import get_backend

    return get_backend("cloudwatch")[ACCOUNT][REGION]
