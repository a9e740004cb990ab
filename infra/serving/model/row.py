"""One row as the model reads it: numbers of 32 bits, missing as NaN, in the model's order.

Training rounds to 32 bits as well, so both see the same bits.
"""

import math
import struct
from collections.abc import Sequence

import msgspec

# From here on a number rounds to infinity in 32 bits; training takes it for missing, and so do we.
BEYOND_FLOAT32 = 2.0**128 - 2.0**103


class Row(msgspec.Struct, frozen=True, gc=False):
    """The numbers, packed, and the positions of those that are missing."""

    numbers: bytes
    missing: tuple[int, ...]


class Packer:
    """Makes rows of one width."""

    def __init__(self, width: int) -> None:
        # Standard packing raises OverflowError from `BEYOND_FLOAT32` on; native packing would not.
        self.pack = struct.Struct(f"={width}f").pack

    def row(self, values: Sequence[float]) -> Row:
        """Return a row of numbers; NaN and what is beyond 32 bits is missing."""
        bounded = [v if abs(v) < BEYOND_FLOAT32 else math.nan for v in values]
        missing = tuple(at for at, value in enumerate(bounded) if value != value)  # noqa: PLR0124
        return Row(self.pack(*bounded), missing)
