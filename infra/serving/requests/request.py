"""A parsed request, whatever the format of its body."""

import msgspec

from infra.serving.model import Reasons, Row


class Request(msgspec.Struct, frozen=True, gc=False):
    """Parsed rows, and the choice of predictions that carry reasons."""

    rows: list[Row]
    reasons: Reasons = "alerts"
