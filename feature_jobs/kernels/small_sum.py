"""Exact sums in two integers, for histories whose values are of similar size, as amounts are.

The same sums as those of `feature_jobs.kernels.exact_sum`, at a fraction of the cost: where the
largest value
is at most 2^SPREAD times the smallest, a sum is an integer multiple of the smallest's last bit
and fits in 122 bits. It is kept as `high * 2^60 + low` with `0 <= low < 2^60`, and rounded once.
"""

import math

import numba

from feature_jobs.kernels.exact_sum import GRID, unpack

SPREAD = 38  # 53 bits of a value, 38 of spread and 30 for 2^30 values are below 60 + 62
_NORMAL = 52  # from this place on, what is read cannot be a subnormal number
_BITS = 60
_LOW = (1 << _BITS) - 1


@numba.njit(cache=True)
def fits(lowest: int, highest: int) -> bool:
    """Return True if values between two places on the grid may be summed in two integers."""
    return lowest >= _NORMAL and highest - lowest <= SPREAD


@numba.njit(cache=True)
def add_small(low: int, high: int, bits: int, lowest: int, sign: int) -> tuple[int, int]:
    """Add a finite double, given as its 64 bits, to the sum (`sign` 1) or subtract it (-1)."""
    if bits << 1 == 0:
        return low, high
    mantissa, place = unpack(bits)
    shift = place - lowest
    if bits < 0:
        sign = -sign
    low += sign * ((mantissa << shift) & _LOW)  # what is shifted out stands in the high part
    high += sign * (mantissa >> (_BITS - shift)) + (low >> _BITS)
    return low & _LOW, high


@numba.njit(cache=True)
def read_small(low: int, high: int, lowest: int) -> float:
    """Return the sum, rounded once to the nearest double, ties to even; infinite if too large."""
    sign = 1.0
    if high < 0:
        sign = -1.0
        high = -high if low == 0 else -high - 1
        low = -low & _LOW
    place = lowest - GRID
    if high == 0:
        return sign * math.ldexp(float(low), place)
    # 61 bits or one less, the last of them set if anything below it is: a conversion rounds once.
    _, length = math.frexp(float(high))
    kept = max(_BITS + 1 - length, 0)
    dropped = _BITS - kept
    top = (high << kept) | (low >> dropped)
    if low & ((1 << dropped) - 1) != 0:
        top |= 1
    return sign * math.ldexp(float(top), place + dropped)
