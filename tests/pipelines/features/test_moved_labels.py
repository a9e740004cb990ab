"""Labels of transactions that a correction moved to a day far from that of their first version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_jobs.declaration.features import FeatureSet
from pipelines.config.installation import settings
from pipelines.features.build import build_feature_version
from pipelines.lake.tables import Lake
from tests.feature_jobs import oracle
from tests.pipelines.features.test_changed_days import declare
from tests.pipelines.versions import History, at, day

pytestmark = pytest.mark.usefixtures("one_spark")

FRAUDS = """
[[features.windows]]
entity = "customer_id"
measure = "is_fraud"
aggregates = ["count", "rate"]
windows = ["3d", "7d"]
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OVERNIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVERNIGHT_SPARK", "local[2]")
    settings.load_settings.cache_clear()
    yield tmp_path
    settings.load_settings.cache_clear()


class Builds:
    """Features of a history as they are built, and as their definition reads."""

    def __init__(self, folder: Path) -> None:
        self.spec = declare(folder, FRAUDS)
        self.lake = Lake(str(folder / "lake"), spec="cards")

    def build(self, history: History) -> dict[int, dict[str, Any]]:
        version = build_feature_version(self.spec, self.lake, history.write(self.lake))
        names = self.spec.features.feature_names()
        rows = self.lake.read(version).to_pylist()
        return {row["transaction_id"]: {name: row[name] for name in names} for row in rows}

    def expected(self, history: History) -> dict[int, dict[str, Any]]:
        return expected_features(self.spec.features, history)


def expected_features(features: FeatureSet, history: History) -> dict[int, dict[str, Any]]:
    labels: dict[int, list[tuple[Any, int]]] = {}
    for label in history.reports():
        own = labels.setdefault(label["transaction_id"], [])
        own.append((label["known_time"], label["is_fraud"] or 0))
    rows = [
        oracle.Row(
            version["transaction_id"],
            version["event_time"],
            version["known_time"],
            amount=version["amount"],
            labels=tuple(labels.get(version["transaction_id"], ())),
            replaced=version["replaced_time"],
            is_first=version["is_first"],
        )
        for version in history.versions()
        if version["replaced_time"] != version["known_time"]
    ]
    firsts = [row.transaction_id for row in rows if row.is_first]
    values = {w.name: oracle.window_values(rows, w) for w in features.expand()}
    return {
        number: {name: own[place] for name, own in values.items()}
        for place, number in enumerate(firsts)
    }


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def moved_fraud() -> History:
    """A fraud of day 0 whose event a correction moves to day 100; rows of its customer after."""
    history = History({(number, number + 0.5): (number + 0.25, 5.0) for number in range(4)})
    history.labels[0, 3.0] = 1
    history.rows |= {(number, number + 0.5): (number + 0.25, 5.0) for number in range(98, 102)}
    history.rows[0, 100.5] = (100.0, 5.0)
    return history


def test_a_moved_fraud_is_seen_by_the_windows_of_its_new_day(builds: Builds) -> None:
    history = moved_fraud()
    found = builds.build(history)
    assert found == builds.expected(history)
    # The row of day 101 sees it, that of day 100 came before the correction was known.
    counts = {number: row["customer_fraud_count_7d"] for number, row in found.items()}
    assert [counts[number] for number in (3, 99, 100, 101)] == [1, 0, 0, 1]


def test_a_night_after_the_correction_reads_the_label_of_the_first_day(builds: Builds) -> None:
    history = moved_fraud()
    late = {key: history.rows.pop(key) for key in [*history.rows] if key[1] > 100.4}
    assert builds.build(history) == builds.expected(history)
    history.rows |= late
    assert builds.build(history) == builds.expected(history)


def test_labels_that_come_after_the_correction_change_the_days_that_see_it(
    builds: Builds,
) -> None:
    history = moved_fraud()
    history.rows |= {(number, number + 0.5): (number + 0.25, 5.0) for number in range(102, 110)}
    del history.labels[0, 3.0]
    before = builds.build(history)
    assert before[103]["customer_fraud_count_7d"] == 0
    history.labels[0, 102.5] = 1
    assert builds.build(history) == builds.expected(history)
    history.labels[0, 104.5] = None
    found = builds.build(history)
    assert found == builds.expected(history)
    assert [found[number]["customer_fraud_count_7d"] for number in (102, 103, 104, 105)] == [
        0, 1, 1, 0,
    ]  # fmt: skip


def test_a_build_reads_no_day_before_its_lookback_but_those_of_moved_transactions(
    builds: Builds,
) -> None:
    history = moved_fraud()
    builds.build(history)
    history.rows[200, 101.9] = (101.8, 5.0)
    snapshot = history.write(builds.lake)
    for part in builds.lake.parts(snapshot.transactions):
        if day(0) < part.day < day(90):
            Path(builds.lake.folder("transactions"), part.path).write_bytes(b"not to be read")
    version = build_feature_version(builds.spec, builds.lake, snapshot)
    rows = {row["transaction_id"]: row for row in builds.lake.read(version).to_pylist()}
    assert rows[200]["event_time"] == at(101.8)
    assert rows[200]["customer_fraud_count_7d"] == 1
