"""Composed ids: of the values of a row only, whatever their file, place and type."""

import struct
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingestion.readers.composed_ids import IdComposer, hash_values
from pipelines.ingestion.readers.values.unusable import UnusableTypeError

FULL = 2**64


def splitmix(state: int) -> int:
    """Steele, Lea and Flood, OOPSLA 2014, in integers of Python."""
    mixed = (state + 0x9E3779B97F4A7C15) % FULL
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) % FULL
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % FULL
    return mixed ^ (mixed >> 31)


def id_by_hand(values: list[float], number: int) -> str:
    """The id of a row of numbers, of which `number` rows before are equal."""
    words = [struct.unpack("<Q", struct.pack("<d", value))[0] for value in values]
    halves = [0, 0xD1B54A32D192ED03]
    for word in words:
        halves = [splitmix(half ^ splitmix(word)) for half in halves]
    return "".join(f"{splitmix(half ^ number):016x}" for half in halves)


def compose(*columns: list[object], batch: int = 1_000) -> list[str]:
    composer, found = IdComposer(), []
    for start in range(0, len(columns[0]), batch):
        hashes = [hash_values(pa.array(column[start : start + batch])) for column in columns]
        found += composer.compose(hashes).to_pylist()
    return found


def test_an_id_is_the_one_computed_by_hand() -> None:
    times, amounts = [3.0, 3.0, 4.5], [19.99, 19.99, -1.0]
    assert compose(times, amounts) == [
        id_by_hand([3.0, 19.99], 0), id_by_hand([3.0, 19.99], 1), id_by_hand([4.5, -1.0], 0),
    ]  # fmt: skip


ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", ""])), max_size=40)


@given(rows=ROWS, batch=st.integers(1, 7), data=st.data())
def test_ids_do_not_depend_on_batches_nor_on_the_order_of_rows(rows, batch, data) -> None:
    again = data.draw(st.permutations(rows))
    if not rows:
        return
    whole = compose(*map(list, zip(*rows, strict=True)))
    assert len(set(whole)) == len(rows)
    assert compose(*map(list, zip(*rows, strict=True)), batch=batch) == whole
    moved = compose(*map(list, zip(*again, strict=True)), batch=batch)
    assert sorted(zip(again, moved, strict=True)) == sorted(zip(rows, whole, strict=True))


@pytest.mark.parametrize(
    "same",
    [
        (pa.array([7], pa.int8()), pa.array([7.0]), pa.array([7], pa.uint64())),
        (pa.array([0.0]), pa.array([-0.0]), pa.array([False])),
        (pa.array([None], pa.float64()), pa.array([float("nan")]), pa.array([""]), pa.nulls(1)),
        (pa.array(["web"]), pa.array(["web"], pa.large_string())),
        (pa.array(["web"]), pa.array(["web"]).dictionary_encode()),
        (
            pa.array([datetime(2025, 1, 1, tzinfo=UTC)], pa.timestamp("ns", "UTC")),
            pa.array([datetime(2025, 1, 1)], pa.timestamp("s")),  # noqa: DTZ001
        ),
    ],
)  # fmt: skip
def test_a_value_has_one_hash_in_every_type_that_holds_it(same: tuple[pa.Array, ...]) -> None:
    assert len({hash_values(values)[0].as_py() for values in same}) == 1


def test_other_values_have_other_hashes() -> None:
    values = [0.0, 1.0, -1.0, None, 0.1, np.nextafter(0.1, 1)]
    assert len(set(hash_values(pa.array(values)).to_pylist())) == len(values)
    assert hash_values(pa.array(["1"])) != hash_values(pa.array([1]))


def test_a_list_composes_no_id() -> None:
    with pytest.raises(UnusableTypeError, match=r"leave it out of source\.roles\.transaction_id"):
        hash_values(pa.array([[1, 2]]))
