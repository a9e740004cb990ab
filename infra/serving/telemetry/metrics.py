"""CloudWatch metrics of a worker: counts of scored rows, written as one line an interval.

The line is Embedded Metric Format: whatever collects stdout makes metrics from it, so the
container needs neither credentials nor a connection.
"""

import time
from bisect import bisect_right
from collections.abc import Callable

import msgspec

from infra.serving.model import Bundle, Prediction, Row
from infra.serving.telemetry.drift import missing_excess, population_stability_index, rate_factor

NAMESPACE = "Overnight"
DIGEST_LENGTH = 12
# Of fewer rows a shift says nothing.
MIN_ROWS = 200


class Metrics:
    """The counts of one worker since its last line, and since the last that carried shifts.

    Args:
        bundle: the model, with what training saw.
        endpoint: which endpoint this is.
        write: receives each line, with its line end.
    """

    def __init__(self, bundle: Bundle, *, endpoint: str, write: Callable[[bytes], None]) -> None:
        reference = bundle.reference
        self._reference = reference
        self._missing_shares = [reference.missing.get(f.name, 0.0) for f in bundle.features]
        self._edges = reference.score_edges
        self._dimensions = {"Endpoint": endpoint, "Model": bundle.digest[:DIGEST_LENGTH]}
        self._write = write
        self._rows = self._alerts = 0
        self._gather_anew()

    def count(self, rows: list[Row], predictions: list[Prediction]) -> None:
        """Count scored rows; takes a microsecond each."""
        bins, missing, edges = self._bins, self._missing, self._edges
        self._rows += len(rows)
        self._gathered += len(rows)
        for row, prediction in zip(rows, predictions, strict=True):
            bins[bisect_right(edges, prediction.score)] += 1
            if prediction.decision == "alert":
                self._alerts += 1
                self._gathered_alerts += 1
            for at in row.missing:
                missing[at] += 1

    def flush(self) -> None:
        """Write the line of the interval that ends now; none when nothing was scored in it."""
        if not self._rows:
            return
        values: dict[str, float] = {"Rows": self._rows, "Alerts": self._alerts}
        if self._gathered >= MIN_ROWS:
            values |= self._shifts()
            self._gather_anew()
        self._rows = self._alerts = 0
        self._write(self._line(values))

    def _shifts(self) -> dict[str, float]:
        count, reference = self._gathered, self._reference
        return {
            "ScoreShift": population_stability_index(self._bins, reference.score_shares),
            "AlertRateShift": rate_factor(
                self._gathered_alerts, count, reference=reference.alert_rate
            ),
            "MissingShift": missing_excess(self._missing, count, reference=self._missing_shares),
        }

    def _gather_anew(self) -> None:
        self._gathered = self._gathered_alerts = 0
        self._bins = [0] * (len(self._edges) + 1)
        self._missing = [0] * len(self._missing_shares)

    def _line(self, values: dict[str, float]) -> bytes:
        counts = ("Rows", "Alerts")
        described = [
            {"Name": name, "Unit": "Count" if name in counts else "None"} for name in values
        ]
        metrics = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(self._dimensions)],
            "Metrics": described,
        }
        about = {"Timestamp": int(time.time() * 1_000), "CloudWatchMetrics": [metrics]}
        return msgspec.json.encode({"_aws": about, **self._dimensions, **values}) + b"\n"
