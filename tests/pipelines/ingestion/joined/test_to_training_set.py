"""Joined attributes from ingestion to the training set, over nights of different dates."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.contract import (
    AMOUNT,
    EVENT_DAY,
    EVENT_TIME,
    IS_FIRST,
    KNOWN_TIME,
    TRANSACTION_ID,
)
from pipelines.config import Snapshot, TableVersion
from pipelines.features.training_set import assemble
from tests.pipelines.ingestion.joined.banks import Bank, customer, row

DAYS, AS_OF = 40, "2025-02-10"
MEAN = "customer_born_prior_mean_3d"
TRAINING = """
[[features.windows]]
entity = "customer_id"
measure = "born"
aggregates = ["prior_mean"]
windows = ["3d"]
[training]
train_window = "10d"
gap = "7d"
test_window = "5d"
folds = 1
"""
Known = Sequence[tuple[float, str, int]]
FIRST: Known = [(0, "young", 1980), (25, "old", 1990)]


@pytest.fixture
def bank(home: Path) -> Bank:
    return Bank(home, contract=TRAINING)


Build = Callable[[Bank, Snapshot], TableVersion]


def oracle(bank: Bank, snapshot: Snapshot) -> TableVersion:
    """The features by going through all rows: what the engine's windows have to give."""
    rows = bank.lake.read(snapshot.transactions)
    first = rows.filter(rows[IS_FIRST])
    times, born = first[EVENT_TIME].to_pylist(), first["born"].to_pylist()
    means = []
    for time in times:
        near = [b for t, b in zip(times, born, strict=True) if t < time < t + timedelta(days=3)]
        values = [b for b in near if b is not None]
        means.append(sum(values) / len(values) if values else None)
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, AMOUNT, "customer_id", "segment", "born"]
    features = first.select([*columns, EVENT_DAY]).append_column(
        MEAN, pa.array(means, pa.float64())
    )
    return bank.lake.write_days("features", features, fingerprint=str(snapshot))


def build(bank: Bank, features: Build) -> dict[str, dict[str, object]]:
    """Build the training set from what is filed; return its rows by id."""
    found = bank.lake.latest("transactions"), bank.lake.latest("labels")
    assert found[0] is not None
    assert found[1] is not None
    snapshot = Snapshot(*found)
    version = assemble(
        bank.spec, bank.lake, "training_sets", as_of=AS_OF, pinned=snapshot,
        features=features(bank, snapshot),
    )  # fmt: skip
    rows = bank.lake.read(version).to_pylist()
    assert len({r[TRANSACTION_ID] for r in rows}) == len(rows) > 0
    return {str(r[TRANSACTION_ID]): r for r in rows}


def refuse_other(found: dict[str, dict[str, object]], known: Known) -> None:
    """Compare segments, and means over the three days before, with those made by hand."""

    def then(day: int) -> tuple[str, int]:
        return [(segment, born) for since, segment, born in sorted(known) if since <= day][-1]

    for name, own in found.items():
        day = int(name[1:])
        # A transaction a day: of the three days before, those on two are inside of (t - 3d, t).
        before = [then(d)[1] for d in (day - 2, day - 1) if d >= 0]
        assert own["segment"] == then(day)[0], name
        assert own[MEAN] == (sum(before) / len(before) if before else None), name


@pytest.mark.parametrize("features", [oracle])
def test_a_training_set_has_what_was_known_on_each_of_its_days(bank: Bank, features: Build) -> None:
    rows = [row(f"t{day:02}", day) for day in range(DAYS)]
    bank.deliver(rows, [customer(7, *known) for known in FIRST], day=40)
    first = build(bank, features)
    refuse_other(first, FIRST)
    assert {r["segment"] for r in first.values()} == {"young", "old"}
    # Known on the day of the training set, and after it: nothing changes.
    later = [(40, "new", 2000), (41.5, "newer", 2001)]
    bank.deliver(
        [row(f"t{day}", day) for day in range(40, 45)],
        [customer(7, *known) for known in later], day=45,
    )  # fmt: skip
    assert build(bank, features) == first
    assert [bank.segments()[f"t{day}"] for day in (40, 41, 42)] == ["new", "new", "newer"]
    # Known on a day of the training set, and delivered when its transactions were filed already.
    late = (22.5, "middle", 1985)
    bank.deliver([], [customer(7, *late)], day=46)
    followed = build(bank, features)
    refuse_other(followed, [*FIRST, *later, late])
    assert "middle" in {r["segment"] for r in followed.values()}
