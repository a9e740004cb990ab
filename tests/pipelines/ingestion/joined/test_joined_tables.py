"""A joined table gives each transaction what was known at its time: examples made by hand."""

from pathlib import Path

import pytest

from expectations.contract import InputError, ProblemsError
from pipelines.ingestion.quarantine_replay import replay_rows
from pipelines.ingestion.repair import repair_lake
from pipelines.ingestion.whole_delivery import survey_delivery
from tests.pipelines.ingestion.joined.banks import (
    CUSTOMERS,
    KNOWN,
    Bank,
    at,
    customer,
    row,
)


def test_a_transaction_gets_the_newest_row_of_its_key_that_was_known(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver(
        [row("a", 1), row("b", 3), row("c", 5), row("d", 5, 8), row("e", 5, "")],
        [customer(7, 2, "young"), customer(7, 4, "old")],
        day=6,
    )
    assert bank.segments() == {"a": None, "b": "young", "c": "old", "d": None}


def test_a_row_known_at_exactly_the_time_of_a_transaction_counts(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 2)], [customer(7, 2, "young")], day=6)
    assert bank.segments() == {"a": "young"}


def test_the_newest_row_counts_with_its_missing_values(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 5)], [customer(7, 2, "young"), customer(7, 4, "")], day=6)
    assert bank.segments() == {"a": None}


def test_a_row_counts_no_longer_than_its_limit(tmp_path: Path) -> None:
    bank = Bank(tmp_path, more=f'{KNOWN}\nmax_age = "2d"')
    bank.deliver(
        [row("a", 2), row("b", 3.999), row("c", 4), row("d", 9)], [customer(7, 2, "young")], day=10
    )
    assert bank.segments() == {"a": "young", "b": "young", "c": None, "d": None}


def test_a_row_of_a_later_time_changes_no_earlier_transaction(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3)], [customer(7, 2, "young")], day=4)
    before = bank.lake.latest("transactions")
    bank.deliver([], [customer(7, 3.5, "old")], day=5)
    assert bank.lake.latest("transactions") == before
    bank.deliver([row("b", 5)], day=6)
    assert bank.segments() == {"a": "young", "b": "old"}


def test_a_row_that_was_known_then_counts_though_it_is_delivered_later(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 1), row("b", 3), row("c", 5)], [customer(7, 4, "old")], day=6)
    assert bank.segments() == {"a": None, "b": None, "c": "old"}
    bank.deliver([], [customer(7, 2, "young")], day=7)
    assert bank.segments() == {"a": None, "b": "young", "c": "old"}
    assert len(bank.versions()) == 3


def test_without_a_known_time_a_row_is_known_when_its_file_arrives(tmp_path: Path) -> None:
    bank, header = Bank(tmp_path, more=""), "number,segment,born"
    bank.deliver([row("a", 1)], ["7,young,1980"], day=2, header=header)
    bank.deliver([row("b", 3)], ["7,old,1980"], day=4, header=header)
    bank.deliver([row("c", 4), row("d", 5)], day=6)
    assert bank.segments() == {"a": None, "b": "young", "c": "old", "d": "old"}


def test_a_whole_table_that_comes_again_is_nothing_new(tmp_path: Path) -> None:
    bank, header = Bank(tmp_path, more=""), "number,segment,born"
    bank.deliver([row("a", 1)], ["7,young,1980", "8,old,"], day=2, header=header)
    before = bank.lake.latest("joined_customers")
    bank.deliver([row("b", 3)], ["8,old,", "7,young,1980"], day=4, header=header)
    assert bank.lake.latest("joined_customers") == before


def test_other_content_with_the_same_known_time_is_known_from_its_arrival(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3)], [customer(7, 2, "young")], day=4)
    bank.deliver([row("b", 5)], [customer(7, 2, "old")], day=6)
    bank.deliver([row("c", 7)], day=8)
    assert bank.segments() == {"a": "young", "b": "young", "c": "old"}


def test_of_rows_of_one_file_with_the_same_known_time_the_last_counts(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3)], [customer(7, 2, "young"), customer(7, 2, "old")], day=4)
    assert bank.segments() == {"a": "old"}


def test_rows_without_a_key_or_known_time_belong_to_no_transaction(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3)], [customer("", 2, "young"), "7,,old,1980"], day=4)
    assert bank.segments() == {"a": None}


def test_a_correction_of_a_transaction_has_what_was_known_at_its_own_time(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    customers = [customer(7, 2, "young"), customer(8, 2, "old")]
    bank.deliver([row("a", 3)], customers, day=4)
    bank.deliver([row("a", 3, 8)], day=5)
    found = [(r["customer_id"], r["segment"], r["is_first"]) for r in bank.versions()]
    assert found == [("7", "young", True), ("8", "old", False)]


def test_the_types_of_transactions_decide_those_of_the_key(tmp_path: Path) -> None:
    tables = CUSTOMERS.format(folder=tmp_path, more=KNOWN)
    bank = Bank(tmp_path, f'[source.types]\ncustomer_id = "integer"\n{tables}')
    bank.deliver([row("a", 3, "7")], [customer("007", 2, "young")], day=4)
    assert bank.segments() == {"a": "young"}
    with pytest.raises(ProblemsError, match=r"column 'number' cannot be customer_id"):
        bank.deliver([], [customer("seven", 3, "old")], day=5)


def test_a_rule_of_the_contract_sees_joined_attributes(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract='allowed = { segment = ["old"] }')
    done = bank.deliver([row("a", 3), row("b", 3, 8)], [customer(7, 2, "young")], day=4)
    assert (done.kept, done.quarantined) == (1, 1)


def test_a_table_that_is_declared_later_is_joined_to_all_that_is_filed(tmp_path: Path) -> None:
    bank = Bank(tmp_path, "# none yet")
    bank.deliver([row("a", 1)], [customer(7, 2, "young")], day=3)
    bank.deliver([row("b", 3)], day=4)
    (tmp_path / "rows" / "00003.000.csv").unlink()
    bank.declare(CUSTOMERS.format(folder=tmp_path, more=KNOWN))
    bank.night(5)
    assert bank.segments() == {"a": None, "b": "young"}


def test_a_further_attribute_is_filled_for_all_that_is_filed(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    header = "number,updated,segment,born,city"
    lines = [f"{customer(7, 2, 'young')},Bonn", f"{customer(7, 4, 'old')},Rome"]
    bank.deliver([row("a", 3), row("b", 5)], lines, day=6, header=header)
    tables = CUSTOMERS.format(folder=tmp_path, more=KNOWN)
    bank.declare(f'{tables}city = {{ column = "city", kind = "categorical" }}\n')
    bank.night(7)
    assert [(r["segment"], r["city"]) for r in bank.versions()] == [
        ("young", "Bonn"),
        ("old", "Rome"),
    ]


def test_a_night_without_anything_new_commits_nothing(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3)], [customer(7, 2, "young")], day=4)
    names = ("transactions", "labels", "joined_customers")
    before = [bank.lake.latest(name) for name in names]
    bank.night(5)
    assert [bank.lake.latest(name) for name in names] == before


def test_another_key_than_the_stored_one_is_refused(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.deliver([row("a", 3)], [customer(7, 2, "young")], day=4)
    tables = CUSTOMERS.format(folder=tmp_path, more=KNOWN)
    bank.declare(tables.replace("customer_id =", "transaction_id ="))
    with pytest.raises(InputError, match=r"transaction_id is new in its key.*another name"):
        bank.night(5)


def test_a_refused_delivery_leaves_the_joined_table_as_it_was(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract='severities = { amount_above_maximum = "stop" }')
    bank.deliver([row("a", 3)], [customer(7, 2, "young")], day=4)
    before = bank.lake.latest("joined_customers")
    with pytest.raises(InputError, match="amount_above_maximum"):
        bank.deliver(["b,2025-01-05,1e30,7"], [customer(7, 3, "old")], day=5)
    assert bank.lake.latest("joined_customers") == before


@pytest.mark.parametrize("more", [KNOWN, ""], ids=["known", "arrived"])
def test_rows_of_a_table_have_two_times_and_their_month(tmp_path: Path, more: str) -> None:
    bank = Bank(tmp_path, more=more)
    bank.deliver([row("a", 3)], [customer(7, 40, "young")], day=35)
    found = bank.lake.latest("joined_customers")
    assert found is not None
    known, stated = (at(40), at(40)) if more else (at(35), None)
    assert bank.lake.read(found).to_pylist() == [
        {
            "customer_id": "7", "segment": "young", "born": 1980.0, "known_time": known,
            "source_time": stated, "event_day": "2025-02-01",
        }
    ]  # fmt: skip


def test_a_replay_of_the_quarantine_joins_again(tmp_path: Path) -> None:
    bank = Bank(tmp_path, contract='allowed = { segment = ["old"] }')
    bank.deliver([row("a", 3), row("b", 3, 8)], [customer(7, 2, "young")], day=4)
    bank.deliver([], [customer(7, 2.5, "old")], day=5)
    done = replay_rows(bank.spec, bank.lake)
    assert done is not None
    assert (done.kept, bank.segments()) == (1, {"a": "old", "b": None})


@pytest.mark.parametrize("more", [KNOWN, ""], ids=["known", "arrived"])
@pytest.mark.parametrize("table", ["joined_customers", "transactions"])
def test_damaged_files_are_written_again(tmp_path: Path, table: str, more: str) -> None:
    bank = Bank(tmp_path, more=more)
    header = "number,updated,segment,born" if more else "number,segment,born"
    for night, (name, number) in enumerate([("young", 7), ("old", 7), ("old", 8)], 1):
        line = customer(number, night, name) if more else f"{number},{name},1980"
        bank.deliver([row(f"t{night}", night)], [line], day=night + 0.5, header=header)
    before, found = bank.versions(), bank.lake.latest(table)
    assert found is not None
    parts = bank.lake.parts(found)
    for part in parts:
        Path(bank.lake.folder(table), part.path).unlink()
    assert repair_lake(bank.spec, bank.lake) == (len(parts), len(parts))
    assert bank.versions() == before


def test_an_examination_joins_as_a_night_does(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    customers = [customer(7, 2, "young"), customer(7, 4, "old")]
    bank.deliver([row("a", 3), row("b", 5)], customers, day=6)
    contract = bank.spec.contract.model_copy(update={"allowed": {"segment": ("young",)}})
    found = survey_delivery(bank.spec.model_copy(update={"contract": contract}))
    assert (found.rows, [each.num_rows for each in found.faulty]) == (2, [1])


def test_problems_of_all_tables_are_told_at_once(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    bank.write("rows/1.csv", "id,at,customer", ["a,2025-01-01,7"], day=1)
    bank.write("customers/1.csv", "number,segment,born", ["7,young,1980"], day=1)
    for examine in (lambda: bank.night(1), lambda: survey_delivery(bank.spec)):
        with pytest.raises(ProblemsError) as caught:
            examine()
        text = "\n".join(caught.value.problems)
        assert "no column 'amount' for amount" in text
        assert "no column 'updated' for known_time" in text
