"""Canonical names of columns, each spelled here once, and what a column of a table holds."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from expectations.contract.frozen_model import FrozenModel

TRANSACTION_ID = "transaction_id"


EVENT_TIME = "event_time"


KNOWN_TIME = "known_time"


AMOUNT = "amount"


EVENT_DAY = "event_day"


LABEL = "is_fraud"


RULES = "broken_rules"


# Every version of a transaction is kept. It holds from its known time until it is replaced.
REPLACED_TIME = "replaced_time"


IS_FIRST = "is_first"


# The known time that the source gave, where it gives one; the row's own may be an arrival.
SOURCE_TIME = "source_time"


# When a label was stated. A label column counts only after its delay, so it is known later.
STATED_TIME = "stated_time"


STATE = "state"  # of a label, as its source calls it


# Of a delivered row: the state of its label, or whether the transaction is withdrawn.
LABEL_STATE, WITHDRAWN = "label_state", "is_withdrawn"


ROLES = (TRANSACTION_ID, EVENT_TIME, AMOUNT)


RESERVED = frozenset(
    (
        *ROLES,
        KNOWN_TIME,
        EVENT_DAY,
        LABEL,
        RULES,
        REPLACED_TIME,
        IS_FIRST,
        SOURCE_TIME,
        STATED_TIME,
        LABEL_STATE,
        WITHDRAWN,
    )
)


LONGEST_NAME = 63


def check_name(name: str) -> str:
    """Return a name that can stand in every engine, page and file as it is.

    Raises:
        ValueError: for any other; pydantic turns it into a problem with its key.

    >>> check_name("customer_id")
    'customer_id'
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) or len(name) > LONGEST_NAME:
        msg = (
            "write a name of letters a to z, digits and _, not beginning with a digit, of at most "
            f"{LONGEST_NAME}; the source's own name of a column may be anything"
        )
        raise ValueError(msg)
    return name


CanonicalName = Annotated[str, AfterValidator(check_name)]


AttributeKind = Literal["numeric", "categorical"]


ColumnKind = Literal["key", "time", "number", "count", "text", "label"]


class Column(FrozenModel):
    """One column of a table: Spark's schema, the suites and a request's schema are made from it.

    Attributes:
        kind: `key` is an integer or text, `time` UTC microseconds, `number` a double, `count` a
            whole number, `label` 0 or 1.
        is_required: null (of a number: NaN too) is a fault.
        minimum, maximum: values outside `[minimum, maximum]` are a fault; None: unbounded.
        allowed: the only values of a text column; none: any.
    """

    name: str
    kind: ColumnKind
    is_required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """True if it has a mean."""
        return self.kind in {"number", "count", "label"}
