"""A parsed request, whatever the format of its body."""

import msgspec

from infra.serving.model import Reasons, Row


class Request(msgspec.Struct, frozen=True, gc=False):
    """Rows, and which of their predictions carry reasons."""

    rows: list[Row]
    reasons: Reasons = "alerts"
