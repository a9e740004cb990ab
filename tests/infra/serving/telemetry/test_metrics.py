"""The metrics of a container: lines of Embedded Metric Format on standard output, nothing else."""

import json
import math

import pytest

from infra.serving.model.scorer import load_scorer
from infra.serving.telemetry.metrics import Metrics
from tests.infra.bundles import make_instances
from tests.infra.embedded_server import wait_for
from tests.infra.serving.container import Container

SHIFTS = ["ScoreShift", "AlertRateShift", "MissingShift"]


class Written:
    """A worker's metrics over a real model, and the lines it wrote."""

    def __init__(self, folder):
        self.lines = []
        self.scorer = load_scorer(folder)
        self.metrics = Metrics(self.scorer.bundle, endpoint="cards", write=self.lines.append)

    def score(self, instances):
        rows = self.scorer.signature.rows(instances, unknown_categories="missing")
        predictions = self.scorer.predict(rows, reasons="none")
        self.metrics.count(rows, predictions)
        return predictions

    def flush(self):
        self.metrics.flush()
        return json.loads(self.lines[-1])


@pytest.fixture
def written(bundles):
    return Written(bundles["v1"].folder)


def test_a_line_is_what_cloudwatch_reads(written, bundles):
    predictions = written.score(make_instances(20, seed=1))
    line = written.flush()
    assert written.lines[0].endswith(b"}\n")
    about = line.pop("_aws")
    assert about["Timestamp"] > 1_700_000_000_000
    assert about["CloudWatchMetrics"] == [
        {
            "Namespace": "Overnight",
            "Dimensions": [["Endpoint", "Model"]],
            "Metrics": [{"Name": n, "Unit": "Count"} for n in ("Rows", "Alerts")],
        }
    ]
    alerts = sum(p.decision == "alert" for p in predictions)
    assert line == {
        "Endpoint": "cards", "Model": bundles["v1"].digest[:12], "Rows": 20, "Alerts": alerts,
    }  # fmt: skip


def test_an_interval_without_rows_writes_nothing(written):
    written.metrics.flush()
    assert written.lines == []


def test_shifts_are_told_from_200_gathered_rows_on_and_then_gathered_anew(written):
    rows = make_instances(150, seed=1)
    written.score(rows)
    assert not set(SHIFTS) & written.flush().keys()
    written.score(rows)
    line = written.flush()
    assert set(SHIFTS) <= line.keys()
    assert line["Rows"] == 150
    written.score(rows)
    assert not set(SHIFTS) & written.flush().keys()


def test_scores_are_compared_with_the_bins_of_training(written):
    predictions = written.score(make_instances(2_000, seed=5))
    line = written.flush()
    low = sum(p.score < 0.5 for p in predictions) / 2_000
    expected = (low - 0.5) * math.log(low / 0.5) + (0.5 - low) * math.log((1 - low) / 0.5)
    assert line["ScoreShift"] == pytest.approx(expected)
    assert line["MissingShift"] < 0.02


def test_a_feature_that_goes_missing_shows(written):
    written.score([{**i, "amount": None} for i in make_instances(500, seed=5)])
    # All of 500 rows: the lower end of Wilson's interval is 500 / 509; in training it was 0.1.
    assert written.flush()["MissingShift"] == pytest.approx(500 / 509 - 0.1)


def test_the_container_writes_metrics_alone_to_standard_output(bundles, tmp_path):
    output = tmp_path / "stdout"
    container = Container(
        bundles["v1"].folder,
        output=output,
        OVERNIGHT_WORKERS="1",
        OVERNIGHT_ENDPOINT="cards",
        OVERNIGHT_METRICS_SECONDS="0.2",
        OVERNIGHT_MODEL_VERSION="7",
    )
    try:
        for _ in range(3):
            _, body = container.invoke(make_instances(100, seed=5), unknown_categories="missing")
        assert body["model"]["version"] == "7"
        assert wait_for(lambda: rows_of(output) == 300)
        container.invoke(make_instances(7, seed=5), unknown_categories="missing")
        container.process.terminate()
        assert container.process.wait(timeout=30) == 0
    finally:
        container.close()
    # What the last interval held goes out with the end.
    assert rows_of(output) == 307


def rows_of(output):
    return sum(json.loads(line)["Rows"] for line in output.read_text().splitlines())
