"""Joined attributes from ingestion to the training set, over nights of different dates."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from expectations.contract import TRANSACTION_ID
from pipelines.config import Snapshot
from pipelines.features.build import build_feature_version
from pipelines.features.training_set import assemble
from tests.pipelines.ingestion.joined.banks import Bank, customer, row

DAYS, AS_OF = 40, "2025-02-10"
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
FIRST: Known = [(2, "young", 1980), (25, "old", 1990)]


@pytest.fixture
def bank(home: Path) -> Bank:
    return Bank(home, contract=TRAINING)


def build(bank: Bank) -> dict[str, dict[str, object]]:
    """Build features and the training set from what is filed; return its rows by id."""
    found = bank.lake.latest("transactions"), bank.lake.latest("labels")
    assert found[0] is not None
    assert found[1] is not None
    snapshot = Snapshot(*found)
    features = build_feature_version(bank.spec, bank.lake, snapshot)
    version = assemble(
        bank.spec, bank.lake, "training_sets", as_of=AS_OF, pinned=snapshot, features=features
    )
    rows = bank.lake.read(version).to_pylist()
    assert len({r[TRANSACTION_ID] for r in rows}) == len(rows) > 0
    return {str(r[TRANSACTION_ID]): r for r in rows}


def refuse_other(found: dict[str, dict[str, object]], known: Known) -> None:
    """Compare segments, and means over the three days before, with those made by hand."""

    def then(day: int) -> tuple[str | None, int | None]:
        earlier = [(segment, born) for since, segment, born in sorted(known) if since <= day]
        return earlier[-1] if earlier else (None, None)

    for name, own in found.items():
        day = int(name[1:])
        # A transaction a day: of the three days before, those on two are inside of (t - 3d, t).
        before = [born for d in (day - 2, day - 1) if (born := then(d)[1]) is not None]
        assert own["segment"] == then(day)[0], name
        assert own["customer_id_born_prior_mean_3d"] == sum(before) / len(before), name


def test_a_training_set_has_what_was_known_on_each_of_its_days(bank: Bank) -> None:
    rows = [row(f"t{day:02}", day) for day in range(DAYS)]
    bank.deliver(rows, [customer(7, *known) for known in FIRST], day=40)
    first = build(bank)
    refuse_other(first, FIRST)
    assert {r["segment"] for r in first.values()} == {"young", "old"}
    # Known on the day of the training set, and after it: nothing changes.
    later = [(40, "new", 2000), (41.5, "newer", 2001)]
    bank.deliver(
        [row(f"t{day}", day) for day in range(40, 45)],
        [customer(7, *known) for known in later], day=45,
    )  # fmt: skip
    assert build(bank) == first
    assert [bank.segments()[f"t{day}"] for day in (40, 41, 42)] == ["new", "new", "newer"]
    # Known on a day of the training set, and delivered when its transactions were filed already.
    late = (22.5, "middle", 1985)
    bank.deliver([], [customer(7, *late)], day=46)
    followed = build(bank)
    refuse_other(followed, [*FIRST, *later, late])
    assert "middle" in {r["segment"] for r in followed.values()}
