"""Registry of the aggregates of windows: one entry each, read by everything that lists aggregates.

To add one: an entry here, its kernel with a line in `feature_jobs.kernels.row_kernels`, and its
definition in plain Python in `tests/feature_jobs/oracle.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Subject = Literal["transactions", "number", "category", "condition", "label", "legitimate"]
Extremal = Literal["oldest_and_newest", "minima", "maxima", "newest_of_each_value", "all"]

# The kernel that gives several aggregates at once; the others are in `kernels.row_kernels`.
RUNNING = "running"
# Frauds and legitimate transactions have kernels of their own, by what is counted.
LABELS = "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregate of the values in a window.

    Attributes:
        name: as a spec has it, without `prior_`.
        subjects: the kinds of measures it is made of.
        words: for people; `{subject}` stands for what is aggregated.
        kernel: which kernel gives it.
        operation: for the running kernel, which of its operations.
        is_whole: True for whole numbers; the others are doubles.
        minimum, maximum: bounds that its value cannot leave, both inclusive.
        empty_value: its value where nothing is in the window; None: null.
        null_words: when it is null, where that is not just an empty window.
        extremal_rows: of a skewed key's rows that stay in a window all through a slice, those that
            the slice needs; None for an additive aggregate, which a partial aggregate carries.
        takes_condition: True if it can count only the rows that meet a `where`.
        excludes_current: True if it never counts the row itself; it has no `prior_` then.
        reads_times: True if it depends on the times of the counted rows, not on their values.
        per_transaction: True if it is divided by the transactions in the window.
    """

    name: str
    subjects: frozenset[Subject]
    words: str
    kernel: str = RUNNING
    operation: str = ""
    is_whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    empty_value: int | None = None
    null_words: str = "null where nothing is in the window"
    extremal_rows: Extremal | None = None
    takes_condition: bool = True
    excludes_current: bool = False
    reads_times: bool = False
    per_transaction: bool = False


_NUMBER: frozenset[Subject] = frozenset({"number"})
_TIMED: frozenset[Subject] = frozenset({"transactions", "condition", "label", "legitimate"})

_ENTRIES = (
    Aggregate(
        name="count",
        subjects=frozenset({"transactions", "number", "condition", "label"}),
        words="count of {subject}",
        operation="count",
        is_whole=True,
        minimum=0,
        empty_value=0,
    ),
    Aggregate(
        name="sum", subjects=_NUMBER, words="sum of {subject}", operation="sum", empty_value=0
    ),
    Aggregate(name="mean", subjects=_NUMBER, words="mean of {subject}", operation="mean"),
    Aggregate(
        name="std",
        subjects=_NUMBER,
        words="std of {subject}",
        operation="std",
        minimum=0,
        null_words="null where fewer than two values are in the window, or one is infinite",
    ),
    Aggregate(
        name="median",
        subjects=_NUMBER,
        words="median of {subject}",
        kernel="median",
        extremal_rows="all",
    ),
    Aggregate(
        name="min",
        subjects=_NUMBER,
        words="min of {subject}",
        operation="min",
        extremal_rows="minima",
    ),
    Aggregate(
        name="max",
        subjects=_NUMBER,
        words="max of {subject}",
        operation="max",
        extremal_rows="maxima",
    ),
    Aggregate(
        name="last",
        subjects=_NUMBER,
        words="last of {subject}",
        operation="last",
        extremal_rows="oldest_and_newest",
    ),
    Aggregate(
        name="distinct",
        subjects=frozenset({"number", "category"}),
        words="number of different values of {subject}",
        kernel="distinct",
        is_whole=True,
        minimum=0,
        empty_value=0,
        extremal_rows="newest_of_each_value",
        takes_condition=False,
    ),
    Aggregate(
        name="time_since_last",
        subjects=_TIMED,
        words="seconds since the last of the {subject}",
        operation="time_since_last",
        minimum=0,
        extremal_rows="oldest_and_newest",
        excludes_current=True,
        reads_times=True,
    ),
    Aggregate(
        name="time_since_first",
        subjects=_TIMED,
        words="seconds since the first of the {subject}",
        operation="time_since_first",
        minimum=0,
        extremal_rows="oldest_and_newest",
        excludes_current=True,
        reads_times=True,
    ),
    Aggregate(
        name="share",
        subjects=frozenset({"condition"}),
        words="share of {subject}",
        operation="mean",  # of a condition, which is 1 or 0
        minimum=0,
        maximum=1,
    ),
    Aggregate(
        name="rate",
        subjects=frozenset({"label"}),
        words="known frauds per transaction",
        kernel=LABELS,
        minimum=0,  # may exceed 1: a label may be known before its transaction has arrived
        empty_value=0,
        takes_condition=False,
        excludes_current=True,
        per_transaction=True,
    ),
)

AGGREGATES: Mapping[str, Aggregate] = MappingProxyType({entry.name: entry for entry in _ENTRIES})


def aggregates_of(subject: Subject) -> frozenset[str]:
    """Return the names of the aggregates that a kind of measure can have.

    >>> sorted(aggregates_of("legitimate"))
    ['time_since_first', 'time_since_last']
    """
    return frozenset(name for name, each in AGGREGATES.items() if subject in each.subjects)
