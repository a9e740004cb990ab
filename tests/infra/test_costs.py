"""The estimate: its constants against the committed results, its sums by hand, the page's table."""

import csv
from pathlib import Path

import pytest

from expectations.contract import ProblemsError
from infra.costs import measured
from infra.costs.__main__ import PRICES, describe, read_prices
from infra.costs.estimate import Plan, estimate, instances, night_hours

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "tests/benchmarks/results"
CORES = 2


def results(name: str, **wanted: str) -> dict[str, str]:
    """The one line of a file of results that has these values."""
    with (RESULTS / name).open() as file:
        (found,) = [line for line in csv.DictReader(file) if wanted.items() <= line.items()]
    return found


def test_what_a_row_of_features_takes_is_what_was_measured() -> None:
    table = {"series": "table", "distribution": "uniform", "contender": "engine"}
    few, many = (
        float(results("features.csv", rows=rows, **table)["seconds"])
        for rows in ("5000000", "20000000")
    )
    at_no_rows = few - (many - few) / 3
    handbook = results("features.csv", series="handbook")
    slope = (float(handbook["seconds"]) - at_no_rows) / (int(handbook["rows"]) / 1e6)
    assert pytest.approx(slope * CORES, rel=0.05) == measured.FEATURE_CORE_SECONDS


def test_what_training_and_a_request_take_is_what_was_measured() -> None:
    tuned, trained = (results("training.csv", step=step) for step in ("tune", "train"))
    rows = 1.389650
    assert float(tuned["seconds"]) * CORES / 6 / rows == pytest.approx(
        measured.TRIAL_CORE_SECONDS, rel=0.05
    )
    assert float(trained["seconds"]) * CORES / rows == pytest.approx(
        measured.FIT_CORE_SECONDS, rel=0.05
    )
    beyond = (int(tuned["peak_mib"]) - int(tuned["imports_mib"])) * 2**20
    assert beyond / 1_389_650 == pytest.approx(measured.TRAINING_BYTES, rel=0.05)
    served = results("serving.csv", server="overnight")
    assert float(served["cpu_us"]) / 1e6 == pytest.approx(measured.REQUEST_CORE_SECONDS, rel=0.05)


def test_a_month_of_365_million_rows_by_hand() -> None:
    plan = Plan(
        365e6, lookback_days=9, window_days=10, trials=0, rebuilds=0, captured_days=30,
        captured_share=0.5, training_vcpus=10,
    )  # fmt: skip
    used = {use.driver: use.quantity for use in estimate(plan)}
    # A night reads one day and nine before it: 10 million rows.
    assert used["features"] == pytest.approx(30.4 * 10 * 39.9 / 3600)
    assert used["captured requests"] == pytest.approx(15e6 * 1662 / 2**30)
    assert used["the lake"] == pytest.approx((365e6 * (23 + 14 + 92) + 10e6 * 118) / 2**30)
    assert used["tuning and training"] == pytest.approx(30.4 * 10 * 886.6 / 3600)
    assert night_hours(plan) == pytest.approx(886.6 / 3600)
    assert used["the endpoint"] == 2 * 730


def test_an_endpoint_grows_when_its_busiest_second_fills_more_than_half_of_it() -> None:
    # A billion a day: 11,574 a second, five times that at the peak, 65.66 us each: 3.8 cores.
    assert instances(Plan(365e9)) == 4
    assert instances(Plan(1e6)) == 2


def test_the_page_shows_what_the_program_prints() -> None:
    printed = describe([Plan(n * 1e6) for n in (1, 100, 10_000)], read_prices(PRICES))
    assert printed in (ROOT / "docs/costs.md").read_text(encoding="utf-8")


def test_everything_wrong_with_a_file_of_prices_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    kept = [line for line in PRICES.read_text().splitlines() if not line.startswith("log_gib")]
    path.write_text("\n".join(kept).replace("key_month = 1.0", "key_month = -1") + "\ngold = 1\n")
    with pytest.raises(ProblemsError) as caught:
        read_prices(path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "log_gib", "gold", "key_month",
    ]  # fmt: skip
