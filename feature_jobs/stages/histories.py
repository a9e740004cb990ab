"""Arrow rows to the kernels' arrays and back: whole histories in, one column a feature out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.declaration import (
    LEGITIMATE,
    MICROSECOND,
    FeatureGroup,
    Window,
    WindowComputation,
)
from feature_jobs.kernels import (
    ROW_KERNELS,
    Items,
    compute_frauds,
    compute_legitimate,
    encode,
    integers,
    label_items,
    lifetimes,
    retractions,
    time_order,
    visible_times,
)
from feature_jobs.kernels import windows as kernel
from feature_jobs.stages.partial_aggregates import PartialAggregates
from feature_jobs.stages.skew import SLICE, measure_values, meets

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WANTED = "is_wanted"
WHOLE = -1  # the slice of a history that is not split


def compute_windows(
    rows: pa.Table,
    group: FeatureGroup,
    *,
    conditions: Sequence[str] = (),
    partials: pa.Table | None = None,
) -> pa.Table:
    """Compute the window features of the wanted rows.

    Args:
        rows: everything of the histories that can count, in any order: `transaction_id`,
            `event_time`, `known_time`, the keys (not null), the measures, `is_wanted`, and for
            histories that are split `slice`; with later versions `replaced_time` and `is_first`.
            Wanted are first versions from some time on.
        group: the windows.
        conditions: which measures are conditions.
        partials: the partial aggregates of slices.

    Returns:
        `transaction_id`, `event_time` and one column a feature, one line for each wanted row.
    """
    history = _History(rows, group, conditions, partials)
    wanted = history.wanted
    columns = {name: history.rows[name].take(wanted) for name in (TRANSACTION_ID, EVENT_TIME)}
    features = history.compute()
    for window in group.windows:
        columns[window.name] = _column(features[window.name][wanted.to_numpy()], window)
    return pa.table(columns)


def _column(values: Floats, window: Window) -> pa.Array:
    missing = np.isnan(values)
    if window.aggregate.is_whole:
        return pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing)
    return pa.array(values, mask=missing)


class _History:
    """Sorted rows, the start of each history, and the visible times and orders, made once."""

    def __init__(
        self,
        rows: pa.Table,
        group: FeatureGroup,
        conditions: Sequence[str],
        partials: pa.Table | None,
    ) -> None:
        known = integers(rows[KNOWN_TIME])
        order = time_order(integers(rows[EVENT_TIME]), rows[TRANSACTION_ID], known)
        codes = encode([rows[name] for name in (*group.keys, SLICE)])[order]
        by_key = np.argsort(codes, kind="stable")
        self.rows = rows.take(pa.array(order[by_key])).combine_chunks()
        codes = codes[by_key]
        edges = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
        self._starts = edges.astype(np.int64) if len(codes) else np.zeros(1, dtype=np.int64)
        self._group, self._conditions = group, conditions
        self._events = integers(self.rows[EVENT_TIME])
        self._known = integers(self.rows[KNOWN_TIME])
        wanted = self.rows[WANTED].combine_chunks().to_numpy(zero_copy_only=False)
        self._lifetimes = lifetimes(self.rows, self._known)
        self._retractions = retractions(self._lifetimes, self._starts)
        self.wanted = pa.array(np.flatnonzero(wanted))
        self._firsts = _first_wanted(wanted, self._starts)
        self._orders: dict[object, tuple[Int64s, Int64s]] = {}
        self._partials = PartialAggregates(self.rows, self._starts, group, partials)

    def compute(self) -> dict[str, Floats]:
        """Compute every feature of the group for every row; NaN where it is null or not wanted."""
        found: dict[str, Floats] = {}
        counts: dict[object, Floats] = {}
        for number, computations in self._running():
            found |= self._sums(number, computations, counts)
        for computation in self._group.computations():
            if computation.measure == LABEL:
                found |= self._labels(computation, counts)
            elif computation.measure == LEGITIMATE:
                found |= self._legitimate(computation)
            else:
                for kernel_name, windows in computation.others.items():
                    found |= self._by_row_kernel(kernel_name, computation, windows)
        return found

    def _running(self) -> list[tuple[int, list[WindowComputation]]]:
        """Group the computations that one run of the running kernel answers.

        Each group has the number of the computation whose values the kernel reads. Where a measure
        has no missing value, its run counts the transactions as well.
        """
        asked = [
            (number, computation)
            for number, computation in enumerate(self._group.computations())
            if not computation.reads_labels and (computation.running or computation.feeds_rate)
        ]
        whole = {
            computation.span: number
            for number, computation in asked
            if computation.measure is not None
            and computation.where is None
            and not self._partials.has(number)
            and not np.isnan(measure_values(self.rows, computation)).any()
        }
        computed: dict[int, list[WindowComputation]] = {
            number: [computation] for number, computation in asked
        }
        for number, computation in asked:
            if (
                computation.measure is None
                and computation.where is None
                and computation.span in whole
            ):
                computed[whole[computation.span]] += computed.pop(number)
        return list(computed.items())

    def _sums(
        self, number: int, computations: Sequence[WindowComputation], counts: dict[object, Floats]
    ) -> dict[str, Floats]:
        computation = computations[0]
        windows = [w for one in computations for w in one.running]
        statistics = [self._statistic(w) for w in windows]
        exclude_current = [w.excludes_current for w in windows]
        if any(one.feeds_rate for one in computations):
            statistics, exclude_current = [*statistics, kernel.COUNT], [*exclude_current, True]
        values = measure_values(self.rows, computation)
        enters, order = self._visibility(computation)
        out = np.full((len(statistics), len(values)), np.nan)
        kernel.compute_running(
            self._starts, self._firsts, self._events, enters, order, *self._retractions, values,
            values.view(np.int64), computation.window_plus_delay, not computation.delay,
            np.array(statistics, dtype=np.int64), np.array(exclude_current, dtype=np.bool_),
            *self._partials.of(number), out,
        )  # fmt: skip
        if any(one.feeds_rate for one in computations):
            counts[computation.span] = out[-1]
        return {w.name: out[line] for line, w in enumerate(windows)}

    def _by_row_kernel(
        self, name: str, computation: WindowComputation, windows: Sequence[Window]
    ) -> dict[str, Floats]:
        chosen = ROW_KERNELS[name]
        values = (
            encode([self.rows[str(computation.measure)]])
            if chosen.reads_codes
            else measure_values(self.rows, computation)
        )
        enters, order = self._visibility(computation)
        out = np.full((len(windows), len(enters)), np.nan)
        chosen.compute(
            self._starts, self._firsts, self._events, enters, order, *self._retractions,
            values, computation.window_plus_delay, not computation.delay,
            np.array([w.is_prior for w in windows], dtype=np.bool_), out,
        )  # fmt: skip
        return {w.name: out[line] for line, w in enumerate(windows)}

    def _labels(
        self, computation: WindowComputation, counts: dict[object, Floats]
    ) -> dict[str, Floats]:
        items = self._items(computation)
        frauds, since_last, since_first = np.full((3, len(self._events)), np.nan)
        compute_frauds(
            self._starts, self._firsts, self._events, *items,
            computation.window_plus_delay, frauds, since_last, since_first,
        )  # fmt: skip
        given = {"count": frauds, "time_since_last": since_last, "time_since_first": since_first}
        if any(w.aggregate.per_transaction for w in computation.windows):
            seen = counts[computation.span]
            # A transaction's label may be known before the transaction arrived.
            given["rate"] = np.divide(frauds, seen, out=np.zeros_like(frauds), where=seen > 0)
        return {w.name: given[w.statistic] for w in computation.windows}

    def _legitimate(self, computation: WindowComputation) -> dict[str, Floats]:
        enters, order = self._visibility(computation)
        items = self._items(computation)
        since_last, since_first = np.full((2, len(self._events)), np.nan)
        compute_legitimate(
            self._starts, self._firsts, self._events, enters, order, *self._retractions,
            *items, computation.window_plus_delay, since_last, since_first,
        )  # fmt: skip
        given = {"time_since_last": since_last, "time_since_first": since_first}
        return {w.name: given[w.statistic] for w in computation.windows}

    def _items(self, computation: WindowComputation) -> Items:
        delay = computation.delay // MICROSECOND if computation.delay else 0
        counted = None if computation.where is None else meets(self.rows, computation.where)
        return label_items(
            self.rows, self._starts, self._events, delay=delay, counted=counted,
            found=self._lifetimes,
        )  # fmt: skip

    def _statistic(self, window: Window) -> int:
        if window.measure in self._conditions and window.statistic == "count":
            return kernel.SUM  # how many rows met it
        return kernel.OPERATIONS[window.aggregate.operation]

    def _visibility(self, computation: WindowComputation) -> tuple[Int64s, Int64s]:
        """Return when each row becomes visible, and each history's rows in that order."""
        if computation.delay not in self._orders:
            enters = visible_times(self._events, self._known, computation.delay, self._lifetimes)
            order = np.arange(len(enters))
            falls = enters[1:] < enters[:-1]
            falls[self._starts[1:-1] - 1] = False  # the next history may begin earlier
            late = np.unique(np.searchsorted(self._starts, np.flatnonzero(falls), side="right") - 1)
            for first, last in zip(self._starts[late], self._starts[late + 1], strict=True):
                order[first:last] = first + np.argsort(enters[first:last], kind="stable")
            self._orders[computation.delay] = enters, order
        return self._orders[computation.delay]


def _first_wanted(wanted: Bools, starts: Int64s) -> Int64s:
    """Return each history's first wanted row, or its end where it has none."""
    rows = np.flatnonzero(wanted).astype(np.int64)
    at = np.searchsorted(rows, starts[:-1])
    found: Int64s = np.minimum(np.append(rows, starts[-1])[at], starts[1:])
    return found
