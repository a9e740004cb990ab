from datetime import UTC, datetime

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.simulation.delivery import simulate_files

START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    return simulate_files(folder, start=START, days=30, customers=400, seed=3)


def test_the_same_seed_gives_the_same_bytes(simulated, tmp_path):
    again = simulate_files(tmp_path, start=START, days=30, customers=400, seed=3)
    assert again.transactions.read_bytes() == simulated.transactions.read_bytes()
    assert again.reports.read_bytes() == simulated.reports.read_bytes()


def test_another_seed_gives_other_transactions(simulated, tmp_path):
    other = simulate_files(tmp_path, start=START, days=30, customers=400, seed=4)
    assert other.transactions.read_bytes() != simulated.transactions.read_bytes()


def test_simulating_again_leaves_the_delivery_untouched(tmp_path):
    first = simulate_files(tmp_path, start=START, days=5, customers=50, seed=3)
    written = first.transactions.stat().st_mtime_ns
    simulate_files(tmp_path, start=START, days=5, customers=50, seed=3)
    assert first.transactions.stat().st_mtime_ns == written


def test_every_time_lies_in_the_simulated_days_and_arrival_is_later(simulated):
    rows = pq.read_table(simulated.transactions)
    assert rows.num_rows == simulated.rows
    assert pc.min(rows["tx_time"]).as_py() >= START
    assert pc.max(rows["tx_time"]).as_py() < datetime(2025, 1, 31, tzinfo=UTC)
    assert pc.all(pc.less(rows["tx_time"], rows["arrived_at"])).as_py()
    assert pc.count_distinct(rows["tx_id"]).as_py() == simulated.rows


def test_reports_come_after_their_transaction_and_only_for_frauds(simulated):
    rows = pq.read_table(simulated.transactions, columns=["tx_id", "tx_time"])
    reports = pq.read_table(simulated.reports).join(rows, "tx_id", join_type="inner")
    assert reports.num_rows == simulated.reported <= simulated.frauds
    assert pc.all(pc.less(reports["tx_time"], reports["reported_at"])).as_py()
    assert 0.003 < simulated.frauds / simulated.rows < 0.03
