"""Columns of a delivery that differ from the filed ones, and ids that are composed otherwise."""

import json

from expectations.contract import InputError
from pipelines.config import ComposedId, ModelSpec, TableVersion
from pipelines.ingestion.filing.filed_days import FiledDays
from pipelines.lake import Lake

ID_COLUMNS = "overnight.id_columns"


def changed_columns(filed: FiledDays, *, lost: int) -> InputError:
    """Make the error for a delivery of other columns, without some of the filed rows."""
    before = filed.columns_before
    changed = [
        f"{name} was {before.field(name).type} and is {filed.schema.field(name).type}"
        for name in filed.new if name in before.names
    ]  # fmt: skip
    fresh = [f"{name} is new" for name in filed.new if name not in before.names]
    differences = ", ".join([*changed, *fresh, *(f"{name} is gone" for name in filed.lost)])
    return InputError(
        f"The columns of {filed.at} changed ({differences}), and {lost:,} of its rows are not "
        "in this delivery. Deliver the whole history once, or give the spec another name."
    )


def id_columns(spec: ModelSpec) -> str:
    """Return the columns that ids are composed of, as JSON; empty for a column of ids."""
    named = spec.source.roles.transaction_id
    return json.dumps(named.columns) if isinstance(named, ComposedId) else ""


def refuse_other_ids(spec: ModelSpec, at: TableVersion | None, lake: Lake) -> None:
    """Refuse to file the same rows again under other ids.

    Args:
        spec: says how ids are composed.
        at: transactions that are filed.
        lake: has them.

    Raises:
        InputError: when the filed ids are composed otherwise.
    """
    filed = None if at is None else lake.note(at, ID_COLUMNS)
    if filed is None or filed == id_columns(spec):
        return
    before = ", ".join(json.loads(filed)) if filed else "a column of ids"
    raise InputError(
        f"The transactions of {at} have their ids of {before}, and source.roles.transaction_id is "
        "another now: each row would be filed a second time. Put it back, or give the spec another "
        "name and so a lake of its own."
    )
