"""A training set is rebuilt from the versions it names, whatever was corrected since."""

import re
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
    OvernightError,
    UndeclaredError,
)
from pipelines.config.references import Snapshot, TableVersion
from pipelines.config.spec import load_spec
from pipelines.features.training_set import build_training_table
from pipelines.lake.tables import Lake
from tests.pipelines.banks import Bank, change, delivery, hour
from tests.pipelines.forgery import rewrite_in_place, tenfold

AS_OF = "2025-02-20"
TRAINING = """
[training]
train_window = "14d"
gap = "7d"
test_window = "7d"
folds = 1
"""


@pytest.fixture
def bank(home: Path) -> Bank:
    return Bank(home, contract=TRAINING, known='known_time = "seen"')


def features_of(lake: Lake, snapshot: Snapshot) -> TableVersion:
    """The first versions themselves in the place of features."""
    columns = [TRANSACTION_ID, EVENT_TIME, KNOWN_TIME, AMOUNT, "customer_id", "channel", EVENT_DAY]
    rows = lake.read(snapshot.transactions)
    first = rows.filter(rows[IS_FIRST]).select(columns)
    return lake.write_days("features", first, fingerprint=str(snapshot))


def test_a_training_set_is_the_same_before_and_after_a_correction(bank: Bank) -> None:
    def build() -> tuple[str, pa.Table]:
        snapshot = Snapshot(done.transactions, done.labels)
        version = build_training_table(
            bank.toml, AS_OF, snapshot=snapshot, features=features_of(bank.lake, snapshot)
        )
        return bank.lake.content_hash(version), bank.lake.read(version)

    done = bank.deliver(delivery(400))
    old, rows = build()
    done = bank.deliver(change(delivery(400).slice(200, 1), amt={0: 1.5}, seen={0: hour(900)}))
    ids = rows[TRANSACTION_ID].to_pylist()
    assert rows[AMOUNT][ids.index(200)].as_py() == 210.0
    assert build()[0] == old


def test_without_labels_the_step_says_what_to_declare_and_writes_nothing(bank: Bank) -> None:
    declared = Path(bank.toml).read_text()
    without = re.sub(r"\[labels\]\n(.*\n){3}", "", declared)
    assert "[labels]" not in without
    Path(bank.toml).write_text(without)
    bank.spec = load_spec(bank.toml)
    done = bank.deliver(delivery(400))
    snapshot = Snapshot(done.transactions, done.labels)
    features = features_of(bank.lake, snapshot)
    with pytest.raises(
        UndeclaredError, match=r"cards declares no labels.*\[labels\] in cards\.toml"
    ):
        build_training_table(bank.toml, AS_OF, snapshot=snapshot, features=features)
    assert bank.lake.latest("training_sets") is None


def test_an_old_training_set_is_rebuilt_from_its_pinned_versions(bank: Bank) -> None:
    def build(snapshot: Snapshot, features: TableVersion) -> tuple[str, list[int]]:
        version = build_training_table(bank.toml, AS_OF, snapshot=snapshot, features=features)
        rows = bank.lake.read(version, columns=[TRANSACTION_ID])
        return bank.lake.content_hash(version), rows[TRANSACTION_ID].to_pylist()

    every, late = delivery(400), change(delivery(400).slice(200, 1), seen={0: hour(900)})
    done = bank.deliver(pa.concat_tables([every.slice(0, 200), every.slice(201)]))
    first = Snapshot(done.transactions, done.labels)
    pinned = features_of(bank.lake, first)
    old, ids = build(first, pinned)
    assert 200 not in ids
    done = bank.deliver(late)
    second = Snapshot(done.transactions, done.labels)
    new, ids = build(second, features_of(bank.lake, second))
    assert 200 in ids
    assert new != old
    assert build(first, pinned)[0] == old


def test_damaged_files_of_a_training_set_are_written_again_by_its_step(bank: Bank) -> None:
    done = bank.deliver(delivery(400))
    snapshot = Snapshot(done.transactions, done.labels)
    features = features_of(bank.lake, snapshot)

    def build(as_of: str) -> TableVersion:
        return build_training_table(bank.toml, as_of, snapshot=snapshot, features=features)

    first = build(AS_OF)
    path, lost = (Path(name) for name in bank.lake.files(first)[:2])
    contents = [each.read_bytes() for each in (path, lost)]
    rewrite_in_place(path, tenfold)
    lost.unlink()
    assert build(AS_OF) == first
    assert [each.read_bytes() for each in (path, lost)] == contents
    # Those of an older version too, when it is built as it was then.
    second = build("2025-02-21")
    assert second != first
    rewrite_in_place(path, tenfold)
    assert bank.lake.find_damage(first) != []
    assert bank.lake.content_hash(build(AS_OF)) == bank.lake.content_hash(first)
    assert bank.lake.find_damage(first) == []


def test_nothing_is_assembled_from_features_or_labels_that_were_changed(bank: Bank) -> None:
    done = bank.deliver(delivery(400))
    snapshot = Snapshot(done.transactions, done.labels)
    features = features_of(bank.lake, snapshot)
    for at in (features, snapshot.labels):
        path = Path(bank.lake.files(at)[20])
        content = path.read_bytes()
        rewrite_in_place(path, tenfold)
        with pytest.raises(OvernightError, match=rf"{at}: .*{path.name} was changed"):
            build_training_table(bank.toml, AS_OF, snapshot=snapshot, features=features)
        path.write_bytes(content)
    assert bank.lake.latest("training_sets") is None
