"""Row rules of the contract: they split a delivery into rows that may enter the lake and the rest.

The rules run on Arrow columns before anything is written, so a bad row costs no table scan later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.clock import EARLIEST
from expectations.contract import (
    AMOUNT,
    EVENT_TIME,
    KNOWN_TIME,
    LABEL,
    RULES,
    TRANSACTION_ID,
    InputError,
)
from expectations.day_metrics import not_allowed
from expectations.policy import (
    AMOUNT_ABOVE,
    AMOUNT_BELOW,
    AMOUNT_MISSING,
    IN_FUTURE,
    TOO_OLD,
    Contract,
    Severity,
)
from expectations.results import EXAMPLES

_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Rows split in two: `rows.num_rows == clean.num_rows + quarantined.num_rows`.

    `quarantined` has a further column `broken_rules`: names of all rules the row broke. `warned`
    counts the rows that broke a rule which only warns; they are clean unless they broke another.
    """

    clean: pa.Table
    quarantined: pa.Table
    warned: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Count the rows that broke each rule."""
        counted: dict[str, int] = {}
        for text in self.quarantined[RULES].to_pylist():
            for rule in text.split(", "):
                counted[rule] = counted.get(rule, 0) + 1
        return dict(sorted(counted.items()))


def apply_row_rules(
    rows: pa.Table,
    contract: Contract,
    *,
    entities: Sequence[str],
    received_at: datetime | None,
    further: Mapping[str, np.ndarray] | None = None,
) -> SplitRows:
    """Apply every row rule of the contract.

    Args:
        rows: canonical columns: ids, `event_time`, `known_time`, `amount`, entities.
        contract: the allowed ranges.
        entities: columns that must not be null.
        received_at: when the delivery was written; a row that happened later cannot be true. None:
            `further` says it.
        further: masks of more rules, and of rules that are applied elsewhere.

    Returns:
        The rows that may enter, and the others with their rules. Rows that share an id may be
        versions of one transaction; which of them are repeated is not judged here.

    Raises:
        InputError: when rows broke a rule of severity `stop`.
    """
    received = pa.scalar(received_at, type=rows[EVENT_TIME].type)
    broken = _masks(rows, contract, entities, received)
    for rule, mask in (further or {}).items():
        broken[rule] = mask | broken[rule] if rule in broken else mask
    return _sort_by_severity(rows, broken, contract.severities)


def _masks(
    rows: pa.Table, contract: Contract, entities: Sequence[str], received: pa.Scalar
) -> dict[str, np.ndarray]:
    amount = rows[AMOUNT]
    broken: dict[str, np.ndarray] = {
        "transaction_id_missing": _mask(rows[TRANSACTION_ID].is_null()),
        "event_time_missing": _mask(rows[EVENT_TIME].is_null()),
        TOO_OLD: _mask(pc.less(rows[EVENT_TIME].cast(_UTC), pa.scalar(EARLIEST).cast(_UTC))),
        IN_FUTURE: _mask(pc.greater(rows[EVENT_TIME], received)),
        # Without a column of its own, known_time is the event time: one fault, not two.
        "known_time_missing": _mask(
            pc.and_(rows[KNOWN_TIME].is_null(), rows[EVENT_TIME].is_valid())
        ),
        "known_before_event": _mask(pc.less(rows[KNOWN_TIME], rows[EVENT_TIME])),
        AMOUNT_MISSING: _mask(amount.is_null(nan_is_null=True)),
        AMOUNT_BELOW: _mask(pc.less(amount, contract.amount.minimum)),
        AMOUNT_ABOVE: _mask(pc.greater(amount, contract.amount.maximum)),
    }
    broken |= {f"{entity}_missing": _mask(rows[entity].is_null()) for entity in entities}
    if LABEL in rows.column_names:
        known = pc.is_in(rows[LABEL], value_set=pa.array([0.0, 1.0]))
        broken["label_not_0_or_1"] = _mask(pc.and_not(rows[LABEL].is_valid(), known))
    for column, values in contract.allowed.items():
        broken[f"{column}_not_allowed"] = not_allowed(rows[column].combine_chunks(), values)
    return broken


def _sort_by_severity(
    rows: pa.Table, broken: dict[str, np.ndarray], severities: Mapping[str, Severity]
) -> SplitRows:
    stopping = {r: m for r, m in broken.items() if severities.get(r) == "stop" and m.any()}
    if stopping:
        lines = [
            f"  - {rule}: {int(mask.sum()):,} rows, such as transactions "
            f"{rows[TRANSACTION_ID].take(pa.array(np.flatnonzero(mask)[:EXAMPLES])).to_pylist()}"
            for rule, mask in stopping.items()
        ]
        raise InputError(
            "\n".join(
                [
                    "Rows of the delivery broke rules that stop the run:",
                    *lines,
                    "Nothing was ingested. Correct the source, or contract.severities.",
                ]
            )
        )
    warned = {r: int(m.sum()) for r, m in broken.items() if severities.get(r) == "warn" and m.any()}
    split = split_rows(
        rows, {r: m for r, m in broken.items() if severities.get(r, "quarantine") == "quarantine"}
    )
    return SplitRows(split.clean, split.quarantined, warned)


def split_rows(rows: pa.Table, broken: dict[str, np.ndarray]) -> SplitRows:
    """Split rows by rules, given for each rule a mask of the rows that broke it."""
    bad = np.zeros(rows.num_rows, dtype=bool)
    for mask in broken.values():
        bad |= mask
    chosen = np.flatnonzero(bad)
    names = [
        ", ".join(rule for rule, mask in broken.items() if mask[index]) for index in chosen.tolist()
    ]
    quarantined = rows.take(pa.array(chosen)).append_column(RULES, pa.array(names, pa.string()))
    return SplitRows(rows.filter(pa.array(~bad)), quarantined)


def _mask(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(values, fill_value=False).to_numpy(), dtype=bool)
