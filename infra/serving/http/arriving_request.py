"""A request while its bytes arrive."""

import msgspec


class ArrivingRequest(msgspec.Struct):
    """A request as far as it has arrived.

    Attributes:
        has_head: its headers are complete; what follows the body does not add to them.
        more: the body from its second part on.
        stalled_size: bytes that came since the last part of the body, or of the head, was whole.
    """

    headers: dict[bytes, bytes]
    target: bytes = b""
    head_size: int = 0
    has_head: bool = False
    body: bytes = b""
    more: bytearray | None = None
    size: int = 0
    stalled_size: int = 0
    method: bytes = b""
    is_last: bool = False
