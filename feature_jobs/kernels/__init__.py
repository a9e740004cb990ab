"""Window kernels: numpy and numba, one sorted history in, one value a row out."""

from feature_jobs.kernels.event_order import encode, integers, owned, time_order
from feature_jobs.kernels.exact_sum import SQUARE_DIGITS, SUM_DIGITS, add_square, add_value
from feature_jobs.kernels.fraud_windows import compute_frauds, compute_legitimate
from feature_jobs.kernels.labels import (
    LABEL_TIMES,
    LABEL_VALUES,
    Items,
    attach_labels,
    is_labelled,
    label_items,
)
from feature_jobs.kernels.neighbours import count_neighbours
from feature_jobs.kernels.row_kernels import ROW_KERNELS
from feature_jobs.kernels.visibility import (
    NEVER,
    Lifetimes,
    first_versions,
    lifetimes,
    retractions,
    visible_times,
)

__all__ = [
    "LABEL_TIMES",
    "LABEL_VALUES",
    "NEVER",
    "ROW_KERNELS",
    "SQUARE_DIGITS",
    "SUM_DIGITS",
    "Items",
    "Lifetimes",
    "add_square",
    "add_value",
    "attach_labels",
    "compute_frauds",
    "compute_legitimate",
    "count_neighbours",
    "encode",
    "first_versions",
    "integers",
    "is_labelled",
    "label_items",
    "lifetimes",
    "owned",
    "retractions",
    "time_order",
    "visible_times",
]
