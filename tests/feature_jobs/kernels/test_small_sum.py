"""Sums in two integers against `math.fsum`, which rounds exactly and once."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_jobs.kernels.exact_sum import GRID, places
from feature_jobs.kernels.small_sum import SPREAD, add_small, fits, read_small

MANTISSAS = st.integers(2**52, 2**53 - 1).flatmap(lambda m: st.sampled_from([m, -m]))
unhurried = settings(deadline=None)  # the first run compiles


@unhurried
@given(
    mantissas=st.lists(st.tuples(MANTISSAS, st.integers(0, SPREAD)), min_size=1, max_size=40),
    exponent=st.integers(min_value=-1000, max_value=900),
)
def test_sums_are_rounded_once(mantissas: list[tuple[int, int]], exponent: int) -> None:
    values = [math.ldexp(mantissa, exponent + place) for mantissa, place in mantissas]
    low, high, lowest = add(values)
    assert lowest is not None
    assert read_small(low, high, lowest) == math.fsum(values)


@unhurried
@given(st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=1, max_size=60))
def test_what_leaves_leaves_nothing(amounts: list[float]) -> None:
    low, high, lowest = add(amounts)
    assert lowest is not None
    for amount in amounts[1:]:
        low, high = add_small(low, high, bits_of(amount), lowest, -1)
    assert read_small(low, high, lowest) == amounts[0]


def test_a_tie_goes_to_the_even_mantissa_unless_a_bit_far_below_breaks_it() -> None:
    # 2^53 + 1 is a tie between 2^53 and 2^53 + 2; the last bit of a value more and it is none.
    low, high, lowest = add([2.0**37] * 65536 + [1.0])
    assert read_small(low, high, lowest or 0) == 2.0**53
    low, high, lowest = add([2.0**37] * 65536 + [1.0 + 2.0**-52])
    assert read_small(low, high, lowest or 0) == 2.0**53 + 2


def test_only_values_of_like_size_fit() -> None:
    assert fits(GRID, GRID + SPREAD)
    assert not fits(GRID, GRID + SPREAD + 1)
    assert not fits(0, 10)  # subnormal numbers


def bits_of(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def add(values: list[float]) -> tuple[int, int, int | None]:
    """The two integers of a sum and its lowest place; None for that where they do not fit."""
    array = np.array(values)
    lowest, highest = places(array.view(np.int64), 0, len(array))
    if not fits(lowest, highest):
        return 0, 0, None
    low, high = 0, 0
    for value in values:
        low, high = add_small(low, high, bits_of(value), lowest, 1)
    return low, high, lowest
