"""A table whose rows belong to one transaction each, without times: known with the transaction."""

from pathlib import Path

import pytest

from pipelines.config import load_spec
from tests.pipelines.ingestion.joined.banks import Bank, at, row

IDENTITY = """
[[source.tables]]
name = "identity"
path = "{folder}/customers"
key = "transaction_id"
[source.tables.attributes]
segment = {{ column = "device", kind = "categorical" }}
"""
HEADER = "transaction_id,device"


@pytest.fixture(params=["", 'known_time = "at"'], ids=["happened", "known"])
def bank(tmp_path: Path, request: pytest.FixtureRequest) -> Bank:
    """A bank with and without known times of its own."""
    return Bank(tmp_path, IDENTITY.format(folder=tmp_path), roles=request.param)


def told(bank: Bank) -> list[tuple[object, ...]]:
    names = ("transaction_id", "known_time", "segment", "amount", "is_first")
    return sorted(tuple(version[name] for name in names) for version in bank.versions())


def test_a_row_of_the_same_delivery_is_known_with_its_transaction(bank: Bank) -> None:
    bank.deliver([row("a", 1), row("b", 2)], ["a,phone"], day=6, header=HEADER)
    assert told(bank) == [("a", at(1), "phone", 10.0, True), ("b", at(2), None, 10.0, True)]


def test_a_row_that_came_before_its_transaction_is_known_with_it(bank: Bank) -> None:
    bank.deliver([row("a", 1)], ["b,phone"], day=6, header=HEADER)
    bank.deliver([row("b", 7)], day=8)
    assert bank.segments() == {"a": None, "b": "phone"}


def test_a_row_that_comes_later_corrects_its_transaction_at_its_arrival(bank: Bank) -> None:
    bank.deliver([row("a", 1), row("b", 2)], ["b,phone"], day=6, header=HEADER)
    bank.deliver([], ["a,laptop"], day=7, header=HEADER)
    expected = [
        ("a", at(1), None, 10.0, True),
        ("a", at(7), "laptop", 10.0, False),
        ("b", at(2), "phone", 10.0, True),
    ]
    assert told(bank) == expected
    bank.night(8)
    assert told(bank) == expected


def test_a_transaction_that_comes_again_keeps_what_was_known_with_it(bank: Bank) -> None:
    bank.deliver([row("a", 1)], ["b,phone"], day=6, header=HEADER)
    bank.deliver([], ["a,laptop"], day=7, header=HEADER)
    before = told(bank)
    bank.deliver([row("a", 1)], day=8)
    # Every file is read again, as if the lake had been restored.
    text = (bank.folder / "bank.toml").read_text().replace("= 0.9", "= 0.8")
    (bank.folder / "bank.toml").write_text(text)
    bank.spec = load_spec(str(bank.folder / "bank.toml"))
    bank.night(9)
    assert told(bank) == before


def test_a_correction_of_a_transaction_has_what_came_later_too(bank: Bank) -> None:
    bank.deliver([row("a", 1)], ["b,phone"], day=6, header=HEADER)
    bank.deliver([], ["a,laptop"], day=7, header=HEADER)
    bank.write("rows/9.csv", "id,at,amount,customer", ["a,2025-01-02,11,7"], day=8)
    bank.night(9)
    assert told(bank) == [
        ("a", at(1), None, 10.0, True),
        ("a", at(7), "laptop", 10.0, False),
        ("a", at(8), "laptop", 11.0, False),
    ]


def test_a_moved_transaction_is_corrected_where_it_is(bank: Bank) -> None:
    bank.deliver([row("a", 1)], ["b,phone"], day=6, header=HEADER)
    moved = (
        "known_time" not in (bank.folder / "bank.toml").read_text().split("[source.entities]")[0]
    )
    bank.deliver([row("a", 3)], day=7)
    bank.deliver([], ["a,laptop"], day=8, header=HEADER)
    known = at(7) if moved else at(3)
    versions = bank.versions()
    held = sorted((v["known_time"], v["replaced_time"], v["segment"]) for v in versions)  # type: ignore[type-var]
    assert [v[:2] for v in held] == [(at(1), known), (known, at(8)), (at(8), None)]
    assert [v[2] for v in held] == [None, None, "laptop"]
    assert bank.segments() == {"a": None}
