"""The chain on transactions that nobody here made: a slice of the Handbook's."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Installation
from tests.handbook import PATH, needs_handbook

pytestmark = needs_handbook

AS_OF = "2018-08-08"
SPEC = "handbook?training.trials=2&training.folds=1&contract.min_rows_per_day=100"
FIRST, LAST = (datetime(2018, m, d, tzinfo=UTC).replace(tzinfo=None) for m, d in ((5, 20), (8, 10)))


@pytest.fixture(scope="module")
def slice_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slice") / "transactions.parquet"
    time = pc.field("TX_DATETIME")
    kept = (pc.field("CUSTOMER_ID") < 800) & (time >= FIRST) & (time < LAST)
    pq.write_table(pq.read_table(PATH, filters=kept), path)
    return path


@pytest.fixture(scope="module")
def handbook(make_installation, slice_path: Path) -> tuple[Installation, str]:
    installation = make_installation("handbook", OVERNIGHT_HANDBOOK=str(slice_path))
    return installation, installation.overnight("run", SPEC, "--as-of", AS_OF, "--register")


def published_test_rows(path: Path) -> tuple[int, int]:
    """The Handbook's own exclusion rule in pandas: test week 07-25, train days 07-11 .. 07-17."""
    rows = pd.read_parquet(path)
    day = (rows["TX_DATETIME"] - pd.Timestamp("2018-07-11")).dt.days
    fraud = rows["TX_FRAUD"] == 1
    known = set(rows["CUSTOMER_ID"][fraud & (day >= 0) & (day < 7)])
    count = frauds = 0
    for number in range(7):
        known |= set(rows["CUSTOMER_ID"][fraud & (day == 7 + number - 1)])
        tested = (day == 14 + number) & ~rows["CUSTOMER_ID"].isin(known)
        count += int(tested.sum())
        frauds += int((tested & fraud).sum())
    return count, frauds


def test_a_challenger_is_registered_with_its_metrics(handbook, slice_path: Path) -> None:
    installation, text = handbook
    assert "models:/handbook/1" in text
    review = installation.overnight("review", "handbook", "challenger")
    shown = [line.split() for line in review.splitlines() if line]
    metrics = {
        words[0]: float(words[1])
        for words in shown
        if words[0].startswith(("test_", "baseline_")) and re.fullmatch(r"[\d.]+", words[1])
    }
    assert (metrics["test_rows"], metrics["test_frauds"]) == published_test_rows(slice_path)
    assert metrics["test_average_precision"] > 0.3
    assert 0 < metrics["test_card_precision_at_100"] <= 1
    assert np.isfinite(list(metrics.values())).all()


def test_an_identical_run_adds_no_rows_and_no_version(handbook) -> None:
    installation, first = handbook
    before = installation.status("handbook")
    second = installation.overnight("run", SPEC, "--as-of", AS_OF, "--register")
    assert installation.status("handbook") == before
    references = [[line.split()[1] for line in text.splitlines()] for text in (first, second)]
    assert references[0] == references[1]


def test_what_was_known_later_is_no_training_row(handbook) -> None:
    from pipelines.lake.tables import Lake

    lake = Lake(str(handbook[0].home / "lake"), spec="handbook")
    rows = lake.read(lake.latest("training_sets"))
    assert pc.max(rows["event_time"]).as_py() < datetime(2018, 8, 1, tzinfo=UTC)


def test_features_do_not_change_with_what_became_known_later(handbook) -> None:
    text = handbook[0].overnight("prove-no-leak", SPEC, "--as-of", "2018-06-15")
    assert text.startswith("No leak in handbook as of 2018-06-15")
