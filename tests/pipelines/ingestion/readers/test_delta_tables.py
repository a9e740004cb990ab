"""A night reads what changed in a Delta table since the last one, and nothing else."""

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from expectations.contract import ProblemsError
from pipelines.ingestion.readers import open_transactions
from pipelines.ingestion.repair import repair_lake
from tests.infra.object_store import running_store
from tests.pipelines.ingestion.tables_of_others import (
    CHANGE_FEED,
    Nights,
    Table,
    hour,
    rows,
)

FIRST = rows((1, 10.0), (2, 20.0), (3, 30.0))


def bank(folder: Path, *, has_feed: bool = True, **declared: str) -> tuple[Nights, Table]:
    table = Table(folder / "cards", FIRST, has_feed=has_feed)
    source = f'format = "delta"\npath = "{folder / "cards"}"\n' + declared.pop("source", "")
    return Nights(folder, source, **declared), table


@pytest.mark.parametrize("has_feed", [True, False])
def test_an_append_reads_the_new_rows_only(tmp_path: Path, *, has_feed: bool) -> None:
    nights, table = bank(tmp_path, has_feed=has_feed)
    assert nights.read().read == 3
    assert nights.read().read == 0
    table.append(rows((4, 40.0)))
    table.append(rows((5, 50.0), (6, 60.0)))
    assert nights.read().read == 3
    before = nights.state()
    assert nights.read().read == 0
    assert nights.state() == before
    assert [nights.versions(number) for number in (1, 4, 6)] == [[10.0], [40.0], [60.0]]
    entries = {row["name"]: (row["kind"], row["rows"]) for row in nights.listed("manifest")}
    assert entries == {"cards@v0": ("delta", 3), "cards@v1..v2": ("delta", 3)}


@pytest.mark.parametrize("has_feed", [True, False])
def test_rewritten_files_make_versions_of_changed_rows_only(
    tmp_path: Path, *, has_feed: bool
) -> None:
    nights, table = bank(tmp_path, has_feed=has_feed)
    nights.read()
    table.delta.update(predicate="id = 2", updates={"amt": "21.0"})
    merged = table.delta.merge(rows((3, 30.0), (4, 40.0)), "t.id = s.id", "s", "t")
    merged.when_matched_update_all().when_not_matched_insert_all().execute()
    done = nights.read()
    assert (done.kept, done.read) == ((3, 3) if has_feed else (done.read, done.read))
    assert nights.versions(1) == [10.0]
    assert nights.versions(2) == [20.0, 21.0]
    assert nights.versions(3) == [30.0]
    assert nights.versions(4) == [40.0]
    table.append(rows((5, 50.0)))
    nights.read()
    before = nights.state()
    assert table.delta.optimize.compact()["numFilesRemoved"] > 1
    assert nights.read().read == 0
    assert nights.state() == before


def test_a_changed_row_is_known_when_its_commit_was_made(tmp_path: Path) -> None:
    nights, table = bank(tmp_path)
    nights.read()
    table.delta.update(predicate="id = 2", updates={"amt": "21.0"})
    (commit,) = table.delta.history(1)
    nights.read()
    (own,) = [row for row in nights.listed("transactions") if row["amount"] == 21.0]
    assert int(own["known_time"].timestamp() * 1000) == commit["timestamp"]


def test_every_state_between_two_nights_is_a_version(tmp_path: Path) -> None:
    nights, table = bank(tmp_path)
    nights.read()
    for amount in (21.0, 22.0, 23.0):
        table.delta.update(predicate="id = 2", updates={"amt": str(amount)})
    nights.read()
    assert nights.versions(2) == [20.0, 21.0, 22.0, 23.0]


def test_a_deleted_row_is_withdrawn_where_the_table_says_so(tmp_path: Path) -> None:
    nights, table = bank(tmp_path)
    nights.read()
    table.delta.delete("id = 2")
    nights.read()
    assert nights.versions(2) == [20.0, None]
    assert nights.versions(1) == [10.0]
    table.delta.delete()  # of whole files there are no change files
    table.append(rows((2, 20.0)))
    nights.read()
    assert nights.versions(1) == [10.0, None]
    assert nights.versions(2) == [20.0, None, 20.0]


def test_without_a_change_feed_a_deleted_row_stays_unless_deliveries_are_full(
    tmp_path: Path,
) -> None:
    for source, expected in (("", [20.0]), ("is_full = true\n", [20.0, None])):
        folder = tmp_path / str(len(source))
        folder.mkdir()
        nights, table = bank(folder, has_feed=False, source=source)
        nights.read()
        table.delta.delete("id = 2")
        nights.read()
        assert nights.versions(2) == expected
        assert nights.versions(3) == [30.0]


def test_a_table_that_is_overwritten_withdraws_what_it_has_no_more(tmp_path: Path) -> None:
    nights, table = bank(tmp_path)
    nights.read()
    table.overwrite(rows((1, 10.0), (3, 33.0)))
    nights.read()
    assert [nights.versions(n) for n in (1, 2, 3)] == [[10.0], [20.0, None], [30.0, 33.0]]


def test_a_change_feed_counts_from_the_version_that_turned_it_on(tmp_path: Path) -> None:
    nights, table = bank(tmp_path, has_feed=False)
    nights.read()
    table.delta.delete("id = 1")
    table.delta.alter.set_table_properties(CHANGE_FEED)
    table.delta.delete("id = 2")
    nights.read()
    assert [nights.versions(n) for n in (1, 2, 3)] == [[10.0], [20.0, None], [30.0]]


def test_the_changes_are_those_that_the_change_feed_of_delta_rs_has(tmp_path: Path) -> None:
    nights, table = bank(tmp_path)
    table.delta.update(predicate="id > 1", updates={"amt": "amt + 1"})
    table.delta.delete("id = 3")
    nights.read()
    since = table.delta.version() + 1
    table.append(rows((7, 70.0)))
    table.delta.update(predicate="id = 7 or id = 2", updates={"amt": "amt * 2"})
    table.delta.delete("id = 7")
    feed = pa.table(table.delta.load_cdf(starting_version=since).read_all())
    kinds = feed["_change_type"].cast(pa.string()).to_pylist()
    done = nights.read()
    assert sorted(kinds) == [
        "delete", "insert", "update_postimage", "update_postimage", "update_preimage",
        "update_preimage",
    ]  # fmt: skip
    assert done.read == len(kinds) - kinds.count("update_preimage")
    assert nights.versions(7) == [70.0, 140.0, None]
    assert nights.versions(2) == [21.0, 42.0]


def test_one_wrong_row_in_a_commit_is_quarantined_and_no_wrong_clock(tmp_path: Path) -> None:
    def seen(given: pa.Table, hours_later: float) -> pa.Table:
        times = [at + (hour(hours_later) - hour(0)) for at in given["at"].to_pylist()]
        return given.append_column("seen", pa.array(times, given["at"].type))

    table = Table(tmp_path / "cards", seen(FIRST, 1))
    source = f'format = "delta"\npath = "{table.path}"'
    nights = Nights(tmp_path, source, known='known_time = "seen"')
    nights.read()
    table.append(seen(rows((4, 40.0)), 1))
    table.append(seen(rows((5, 50.0)), -5))
    done = nights.read()
    assert (done.read, done.kept, done.quarantined) == (2, 1, 1)


def test_a_restored_table_says_again_what_it_said(tmp_path: Path) -> None:
    nights, table = bank(tmp_path)
    nights.read()
    table.delta.update(predicate="id = 1", updates={"amt": "11.0"})
    table.append(rows((4, 40.0)))
    nights.read()
    table.delta.restore(0)
    nights.read()
    assert nights.versions(1) == [10.0, 11.0, 10.0]
    assert nights.versions(2) == [20.0]
    assert nights.versions(4) == [40.0, None]


def vacuumed(table: Table) -> None:
    table.append(rows((4, 40.0)))
    table.delta.optimize.compact()
    table.delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def cleaned(table: Table) -> None:
    table.append(rows((4, 40.0)))
    table.append(rows((5, 50.0)))
    table.delta.create_checkpoint()
    Path(table.path, "_delta_log", f"{1:020}.json").unlink()


def created_again(table: Table) -> None:
    Path(table.path).rename(f"{table.path}.old")
    Table(table.path, rows((1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0)))


def rolled_back(table: Table) -> None:
    """A backup from before the night that read the table is put in its place."""
    Path(table.path, "_delta_log", f"{0:020}.json").write_text(
        Path(table.path, "_delta_log", f"{0:020}.json").read_text() + "\n"
    )
    table.append(rows((4, 40.0)))


@pytest.mark.parametrize("harm", [vacuumed, cleaned, created_again, rolled_back])
def test_after_a_gap_the_whole_table_is_read_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: object
) -> None:
    nights, table = bank(tmp_path, has_feed=False)
    nights.read()
    harm(table)
    with caplog.at_level(logging.WARNING):
        done = nights.read()
    assert done.read >= 4
    assert "All of its rows are read again" in caplog.text
    assert [nights.versions(n) for n in (1, 2, 3, 4)] == [[10.0], [20.0], [30.0], [40.0]]
    assert nights.read().read == 0


def test_columns_that_come_later_are_missing_before(tmp_path: Path) -> None:
    table = Table(tmp_path / "cards", FIRST)
    source = f'format = "delta"\npath = "{table.path}"'
    nights = Nights(tmp_path, source)
    nights.read()
    table.append(rows((4, 40.0)).append_column("channel", pa.array(["web"])), schema_mode="merge")
    nights.redeclare(
        "[labels]",
        '[source.attributes]\nchannel = { column = "channel", kind = "categorical" }\n[labels]',
    )
    found = nights.examine()
    ids, channels = (found[name].to_pylist() for name in ("transaction_id", "channel"))
    assert dict(zip(ids, channels, strict=True)) == {1: None, 2: None, 3: None, 4: "web"}


def test_partitions_of_every_sign_are_columns(tmp_path: Path) -> None:
    table = FIRST.append_column("day", pa.array(["a b", "ü:%", None])).drop_columns(["cust"])
    write_deltalake(str(tmp_path / "cards"), table, partition_by=["day"])
    source = f'format = "delta"\npath = "{tmp_path / "cards"}"'
    nights = Nights(tmp_path, source)
    nights.redeclare('"cust"', '"day"')
    found = nights.examine()
    ids, days = (found[name].to_pylist() for name in ("transaction_id", "customer_id"))
    assert dict(zip(ids, days, strict=True)) == {1: "a b", 2: "ü:%", 3: None}


def with_vectors(path: Path) -> None:
    log = path / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["deletionVector"] = {
                "storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4,
                "sizeInBytes": 40, "cardinality": 1,
            }  # fmt: skip
    log.write_text("\n".join(json.dumps(action) for action in actions))


@pytest.mark.parametrize(
    ("configuration", "harm", "said"),
    [
        ({"delta.enableDeletionVectors": "true"}, with_vectors, "REORG TABLE"),
        ({"delta.columnMapping.mode": "name"}, lambda _: None, "delta.columnMapping.mode"),
        ({}, lambda p: (p / "_delta_log" / f"{0:020}.json").write_text("{"), "repair the table"),
        ({}, lambda p: (p / "_delta_log").rename(p / "log"), "there is no Delta table"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_with_the_remedy(
    tmp_path: Path, configuration: dict[str, str], harm: object, said: str
) -> None:
    write_deltalake(str(tmp_path / "cards"), FIRST, configuration=configuration)
    harm(tmp_path / "cards")
    nights = Nights(tmp_path, f'format = "delta"\npath = "{tmp_path / "cards"}"')
    with pytest.raises(ProblemsError) as caught:
        nights.read()
    (problem,) = caught.value.problems
    assert problem.startswith(f"source.path: {tmp_path / 'cards'} cannot be read as delta: ")
    assert said in problem
    assert nights.state() == {}


def test_a_delta_table_is_not_read_as_the_parquet_files_in_its_folder(tmp_path: Path) -> None:
    Table(tmp_path / "cards", FIRST)
    reader = open_transactions(Nights(tmp_path, f'path = "{tmp_path / "cards"}"').spec, filed=None)
    (problem,) = reader.problems(reader.files())
    assert problem.endswith('is a Delta table; state source.format = "delta"')


def test_reports_come_of_a_delta_table_beside_transactions_of_files(tmp_path: Path) -> None:
    pq.write_table(FIRST, tmp_path / "cards.parquet")
    said = pa.table({"id": [1, 2], "seen": pa.array([hour(50), hour(60)], FIRST["at"].type)})
    reports = Table(tmp_path / "reports", said)
    labels = (
        f'format = "delta"\npath = "{reports.path}"\ntransaction_id = "id"\nknown_time = "seen"'
    )
    nights = Nights(tmp_path, f'path = "{tmp_path / "cards.parquet"}"', labels=labels)
    nights.read()
    assert {r["transaction_id"]: r["is_fraud"] for r in nights.listed("labels")} == {1: 1, 2: 1}
    reports.append(pa.table({"id": [3], "seen": pa.array([hour(70)], FIRST["at"].type)}))
    reports.delta.delete("id = 2")
    nights.read()
    newest = {}
    for row in sorted(nights.listed("labels"), key=lambda row: row["known_time"]):
        newest[row["transaction_id"]] = row["is_fraud"]
    assert newest == {1: 1, 2: None, 3: 1}


def test_damaged_parts_are_written_again_from_the_table(tmp_path: Path) -> None:
    nights, table = bank(tmp_path, known='known_time = "at"')
    nights.read()
    table.append(rows((4, 40.0)))
    nights.read()
    before = nights.state()
    at = nights.lake.latest("transactions")
    (part,) = nights.lake.parts(at)
    path = Path(nights.lake.folder("transactions"), part.path)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4])
    assert repair_lake(nights.spec, nights.lake) == (1, 1)
    assert list(nights.state().values()) == list(before.values())


def test_a_table_in_s3_is_read_as_one_in_a_folder(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_store(tmp_path_factory.mktemp("store")) as store:
        options = {"allow_http": "true", "aws_s3_allow_unsafe_rename": "true"}
        address = f"{store}/bank/cards"
        write_deltalake(address, FIRST, storage_options=options, configuration=CHANGE_FEED)
        nights = Nights(tmp_path, f'format = "delta"\npath = "{address}"')
        assert nights.read().read == 3
        DeltaTable(address, storage_options=options).delete("id = 2")
        assert nights.read().read == 1
        assert nights.versions(2) == [20.0, None]
        assert nights.read().read == 0
