"""Nights over a source that changes give the versions that one night at its end gives.

The oracle is a dictionary of what the source said of each transaction, in order.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.ingestion.tables_of_others import QUERY, Database, Nights, Table, rows

IDS = st.integers(1, 5)
AMOUNTS = st.sampled_from([10.0, 20.0, 30.0])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, AMOUNTS),
        st.tuples(st.just("delete"), IDS, st.just(0.0)),
        st.tuples(st.just("compact"), st.just(0), st.just(0.0)),
        st.tuples(st.just("read"), st.just(0), st.just(0.0)),
    ),
    min_size=1,
    max_size=10,
)
Said = dict[int, list[float | None]]


def say(said: Said, number: int, amount: float | None) -> None:
    """Note what the source says now, unless it said so before."""
    before = said.setdefault(number, [])
    if (before or amount is not None) and before[-1:] != [amount]:
        before.append(amount)


def content(nights: Nights) -> tuple[list[str], list[str]]:
    tables = ("transactions", "labels")
    first, second = (sorted(map(str, nights.listed(table))) for table in tables)
    return first, second


def change(table: Table, action: str, number: int, amount: float) -> None:
    if action == "put":
        given_rows = rows((number, amount))
        merge = table.delta.merge(given_rows, "t.id = s.id", "s", "t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()
    elif action == "delete":
        table.delta.delete(f"id = {number}")
    elif action == "compact":
        table.delta.optimize.compact()


@settings(max_examples=20, deadline=None)
@given(changes=CHANGES, has_feed=st.booleans())
def test_a_delta_table_that_is_read_every_night_is_one_that_is_read_once(
    changes: Sequence[tuple[str, int, float]], *, has_feed: bool
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        table = Table(folder / "cards", rows((1, 10.0), (2, 10.0)), has_feed=has_feed)
        source = f'format = "delta"\npath = "{table.path}"'
        both = []
        for name in ("nightly", "once"):
            (folder / name).mkdir()
            both.append(Nights(folder / name, source))
        nightly, once = both
        nightly.read()
        once.read()
        said: Said = {1: [10.0], 2: [10.0]}
        for action, number, amount in changes:
            if action == "read":
                nightly.read()
                continue
            change(table, action, number, amount)
            if action == "put":
                say(said, number, amount)
            elif action == "delete" and has_feed:
                say(said, number, None)
        nightly.read()
        once.read()
        assert {n: nightly.versions(n) for n in said} == said
        assert content(nightly) == content(once)


@settings(max_examples=20, deadline=None)
@given(changes=CHANGES)
def test_an_incremental_query_files_what_each_night_saw(
    changes: Sequence[tuple[str, int, float]],
) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        folder = Path(scratch)
        database = Database(folder, patch)
        database.put(1, 10.0, changed=0)
        nights = Nights(folder, QUERY)
        nights.read()
        said: Said = {1: [10.0]}
        waiting: dict[int, float] = {}
        for moment, (action, number, amount) in enumerate([*changes, ("read", 0, 0.0)], start=1):
            if action == "put":
                database.put(number, amount, changed=moment)
                waiting[number] = amount
            elif action == "read":
                nights.read()
                for each, seen in waiting.items():
                    say(said, each, seen)
                waiting.clear()
        assert {n: nights.versions(n) for n in said} == said
