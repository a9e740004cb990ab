"""Exact sums of doubles: integer digits on one grid that spans every double there is.

A double is an integer times 2^-1074, so a sum is kept as integer digits of 32 bits and rounded
once, when it is read (Kulisch 2013, "Computer Arithmetic and Validity"). What was added and taken
away again leaves nothing behind: a window's sum depends on what is in it and on nothing else, not
on where its history began or in which order it arrived. The same holds for sums of squares.

Digits are carried only when read: each addition changes a digit by less than 2^33, so 2^30
additions fit.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

GRID = 1074
SUM_DIGITS = 72
SQUARE_DIGITS = 144
_MASK = (1 << 32) - 1
_HALF = (1 << 27) - 1
_FRACTION = (1 << 52) - 1
_EXPONENT = 0x7FF


@numba.njit(cache=True)
def unpack(bits: int) -> tuple[int, int]:
    """Return mantissa (53 bits) and place on the grid of a finite double, given as its 64 bits."""
    exponent = (bits >> 52) & _EXPONENT
    mantissa = bits & _FRACTION
    if exponent == 0:
        return mantissa, 0
    return mantissa | (1 << 52), exponent - 1


@numba.njit(cache=True)
def _place(digits: Int64s, number: int, place: int, sign: int) -> None:
    """Add `sign * number * 2^place`; the number has at most 54 bits."""
    at, shift = place >> 5, place & 31
    low = (number & _MASK) << shift
    high = (number >> 32) << shift
    digits[at] += sign * (low & _MASK)
    digits[at + 1] += sign * ((low >> 32) + (high & _MASK))
    digits[at + 2] += sign * (high >> 32)


@numba.njit(cache=True)
def add_value(digits: Int64s, bits: int, sign: int) -> None:
    """Add a finite double to a sum (`sign` 1) or take it away (-1)."""
    mantissa, place = unpack(bits)
    _place(digits, mantissa, place, -sign if bits < 0 else sign)


@numba.njit(cache=True)
def add_square(digits: Int64s, bits: int, sign: int) -> None:
    """Add the square of a finite double to a sum on the grid 2^-2148, or take it away."""
    mantissa, place = unpack(bits)
    low, high = mantissa & _HALF, mantissa >> 27
    _place(digits, low * low, 2 * place, sign)
    _place(digits, 2 * low * high, 2 * place + 27, sign)
    _place(digits, high * high, 2 * place + 54, sign)


@numba.njit(cache=True)
def places(bits: Int64s, first: int, last: int) -> tuple[int, int]:
    """Find the lowest and highest place of nonzero finite doubles; `(GRID * 2, 0)` for none."""
    lowest, highest = 2 * GRID, 0
    for row in range(first, last):
        exponent = (bits[row] >> 52) & _EXPONENT
        if exponent == _EXPONENT or bits[row] << 1 == 0:
            continue
        place = max(exponent - 1, 0)
        lowest, highest = min(lowest, place), max(highest, place)
    return lowest, highest


@numba.njit(cache=True)
def _carry(digits: Int64s, low: int, high: int, out: Int64s) -> int:
    """Write digits of `[low, high)` as magnitudes in `[0, 2^32)` to `out`; return the sign."""
    carry = 0
    for at in range(low, high):
        total = digits[at] + carry
        out[at - low] = total & _MASK
        carry = total >> 32
    if carry >= 0:
        return 1
    carry = 1
    for at in range(high - low):
        total = (_MASK - out[at]) + carry
        out[at] = total & _MASK
        carry = total >> 32
    return -1


@numba.njit(cache=True)
def _round(digits: Int64s, size: int) -> tuple[int, int]:
    """Round magnitudes to 53 bits, ties to even: mantissa, and its place above the first digit."""
    top = size - 1
    while top >= 0 and digits[top] == 0:
        top -= 1
    if top < 0:
        return 0, 0
    first = digits[top]
    middle = digits[top - 1] if top >= 1 else 0
    last = digits[top - 2] if top >= 2 else 0  # noqa: PLR2004 -- the third digit
    length = 32
    while first >> (length - 1) == 0:
        length -= 1
    if length >= 22:  # noqa: PLR2004 -- 54 bits stand in two digits
        drop = length - 22
        wide = (first << (32 - drop)) | (middle >> drop)
        rest = (middle & ((1 << drop) - 1)) | last
        place = 32 * (top - 1) + drop
    else:
        need = 22 - length
        wide = (first << (32 + need)) | (middle << need) | (last >> (32 - need))
        rest = last & ((1 << (32 - need)) - 1)
        place = 32 * (top - 1) - need
    mantissa = wide >> 1
    if wide & 1:
        at = top - 3
        while rest == 0 and at >= 0:
            rest = digits[at]
            at -= 1
        if rest != 0 or mantissa & 1:
            mantissa += 1
    return mantissa, place + 1


@numba.njit(cache=True)
def read_sum(digits: Int64s, low: int, high: int, scratch: Int64s) -> float:
    """Return the sum, rounded once to the nearest double; infinite beyond the largest."""
    sign = _carry(digits, low, high, scratch)
    mantissa, place = _round(scratch, high - low)
    return sign * math.ldexp(float(mantissa), place + 32 * low - GRID)


@numba.njit(cache=True)
def read_deviation(  # noqa: PLR0917 -- numba takes no keywords
    sums: Int64s, low: int, high: int, squares: Int64s, count: int, scratch: Int64s
) -> float:
    """Compute the standard deviation of a sample of `count` values from the digits of their sums.

    The variance's numerator, `n * sum(x^2) - sum(x)^2`, is formed in integers, so nothing cancels:
    equal values have the deviation 0.
    """
    if count < 2:  # noqa: PLR2004 -- one value has no spread
        return np.nan
    size = high - low
    width = 2 * size + 2
    total, square = scratch[:size], scratch[size : size + width]
    spread = scratch[size + width : size + 2 * width]
    _carry(sums, low, high, total)
    _carry(squares, 2 * low, 2 * low + width, square)
    spread[:] = 0
    for at in range(width - 1):
        product = square[at] * count
        spread[at] += product & _MASK
        spread[at + 1] += product >> 32
    for one in range(size):
        if total[one] == 0:
            continue
        for other in range(size):
            # Digits of up to 32 bits: the product is split so that it fits 63 bits.
            half = total[one] * (total[other] & 0xFFFF)
            rest = total[one] * (total[other] >> 16)
            low_part = half + ((rest & 0xFFFF) << 16)
            spread[one + other] -= low_part & _MASK
            spread[one + other + 1] -= (low_part >> 32) + (rest >> 16)
    _carry(spread, 0, width, square)
    mantissa, place = _round(square, width)
    place += 64 * low - 2 * GRID
    numerator = float(mantissa)
    if place & 1:
        numerator, place = 2.0 * numerator, place - 1
    return math.ldexp(math.sqrt(numerator / (float(count) * float(count - 1))), place // 2)
