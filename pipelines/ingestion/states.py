"""States of labels, and of transactions that are withdrawn, as a source gives them."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expectations.contract import LABEL, LABEL_STATE, WITHDRAWN
from pipelines.config import Labels, ModelSpec
from pipelines.ingestion.filing.labels import WITHOUT_MEANING
from pipelines.ingestion.readers import DELETED

ABSENT = "absent"  # the state of a report that its source has no more
_MEANINGS = {"fraud": 1, "legitimate": 0, "unknown": None}


def read_states(
    spec: ModelSpec, rows: pa.Table
) -> tuple[pa.Table, dict[str, npt.NDArray[np.bool_]]]:
    """Read the states of delivered transactions.

    Returns:
        The rows with `is_fraud` and `is_withdrawn` where the spec names such columns, and masks of
        the rows whose state says nothing that the spec knows, by the rule they broke.
    """
    broken = {}
    withdrawn = spec.source.withdrawn
    if withdrawn is not None and not pa.types.is_boolean(rows.schema.field(WITHDRAWN).type):
        says = pc.is_in(rows[WITHDRAWN], value_set=pa.array(withdrawn.values, pa.string()))
        at = rows.schema.get_field_index(WITHDRAWN)
        rows = rows.set_column(at, WITHDRAWN, says)
    if DELETED in rows.column_names:
        is_deleted = rows[DELETED]
        if WITHDRAWN in rows.column_names:
            is_deleted = pc.or_kleene(is_deleted, rows[WITHDRAWN])
            rows = rows.drop_columns([WITHDRAWN])
        rows = rows.drop_columns([DELETED]).append_column(WITHDRAWN, is_deleted)
    elif WITHDRAWN in rows.column_names:  # quarantined rows may have it or not
        at = rows.schema.get_field_index(WITHDRAWN)
        rows = rows.set_column(at, WITHDRAWN, pc.fill_null(rows[WITHDRAWN], fill_value=False))
    if LABEL_STATE in rows.column_names:
        label, unknown = label_of(spec.labels, rows[LABEL_STATE])
        if LABEL in rows.column_names:  # of quarantined rows, by what states said then
            rows = rows.drop_columns([LABEL])
        rows = rows.append_column(LABEL, label.cast(pa.float64()))
        broken[WITHOUT_MEANING] = np.asarray(unknown)
    return rows, broken


def label_of(labels: Labels, states: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Translate states to labels; also mark those that the spec does not know.

    A state that is missing says that nothing is known.
    """
    words = pa.array(list(labels.states), pa.string())
    meanings = pa.array([_MEANINGS[meaning] for meaning in labels.states.values()], pa.int8())
    place = pc.index_in(states, value_set=words)
    unknown = pc.and_(place.is_null(), states.is_valid())
    return pc.take(meanings, place), unknown
