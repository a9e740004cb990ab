"""Kernels that give one aggregate each, by their name in the registry of aggregates.

All take the same arguments, as `windows` describes them: the arrays of the histories, values or
codes, `window_plus_delay`, `include_current`, `exclude_current` and `out`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from feature_jobs.kernels.distinct import count_distinct
from feature_jobs.kernels.median import compute_median


@dataclass(frozen=True, slots=True)
class RowKernel:
    """Kernel for one aggregate.

    Attributes:
        compute: the compiled function.
        reads_codes: True if it takes the measure's values as numbers from 0 on, -1 for null;
            False if it takes them as doubles, NaN for null.
    """

    compute: Callable[..., None]
    reads_codes: bool


ROW_KERNELS: Mapping[str, RowKernel] = MappingProxyType(
    {
        "distinct": RowKernel(count_distinct, reads_codes=True),
        "median": RowKernel(compute_median, reads_codes=False),
    }
)
