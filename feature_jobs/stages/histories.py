"""Arrow rows to the kernels' arrays and back: whole histories in, a column a feature out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expectations.contract import EVENT_TIME, KNOWN_TIME, LABEL, TRANSACTION_ID
from feature_jobs.declaration import GENUINE, MICROSECOND, Request, Unit, Window
from feature_jobs.kernels import (
    ROW_KERNELS,
    SQUARE_DIGITS,
    SUM_DIGITS,
    Items,
    encode,
    integers,
    label_items,
    time_order,
    visible_times,
    walk_genuine,
    walk_labels,
)
from feature_jobs.kernels import windows as kernel
from feature_jobs.stages.skew import COUNTS, REQUEST, SLICE, SQUARES, SUMS, measure_values, meets

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WANTED = "is_wanted"
WHOLE = -1  # the slice of a history that is not cut


def compute_windows(
    rows: pa.Table, unit: Unit, *, conditions: Sequence[str] = (), carries: pa.Table | None = None
) -> pa.Table:
    """Window features of the rows that are wanted.

    Args:
        rows: everything of the histories that can count, in any order: `transaction_id`,
            `event_time`, `known_time`, the keys (not null), the measures, `is_wanted`, and for cut
            histories `slice`; a history's wanted rows are the last of it.
        unit: the windows.
        conditions: which measures are conditions.
        carries: what the slices of cut histories carry.

    Returns:
        `transaction_id`, `event_time` and one column a feature, one line for each wanted row.
    """
    history = _History(rows, unit, conditions, carries)
    wanted = history.wanted
    columns = {name: history.rows[name].take(wanted) for name in (TRANSACTION_ID, EVENT_TIME)}
    features = history.compute()
    for window in unit.windows:
        columns[window.name] = _column(features[window.name][wanted.to_numpy()], window)
    return pa.table(columns)


def _column(values: Floats, window: Window) -> pa.Array:
    missing = np.isnan(values)
    if window.aggregate.is_whole:
        return pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing)
    return pa.array(values, mask=missing)


class _History:
    """Sorted rows, where each history begins, and visible times and their orders, made once."""

    def __init__(
        self, rows: pa.Table, unit: Unit, conditions: Sequence[str], carries: pa.Table | None
    ) -> None:
        order = time_order(integers(rows[EVENT_TIME]), rows[TRANSACTION_ID])
        codes = encode([rows[name] for name in (*unit.keys, SLICE)])[order]
        by_key = np.argsort(codes, kind="stable")
        self.rows = rows.take(pa.array(order[by_key])).combine_chunks()
        codes = codes[by_key]
        edges = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
        self._starts = edges.astype(np.int64) if len(codes) else np.zeros(1, dtype=np.int64)
        self._unit, self._conditions = unit, conditions
        self._events = integers(self.rows[EVENT_TIME])
        self._known = integers(self.rows[KNOWN_TIME])
        wanted = self.rows[WANTED].combine_chunks().to_numpy(zero_copy_only=False)
        self.wanted = pa.array(np.flatnonzero(wanted))
        counted = np.add.reduceat(wanted.astype(np.int64), self._starts[:-1]) if len(wanted) else 0
        self._firsts = (self._starts[1:] - counted).astype(np.int64)
        self._orders: dict[object, tuple[Int64s, Int64s]] = {}
        self._carries = _Carries(self.rows, self._starts, unit, carries)

    def compute(self) -> dict[str, Floats]:
        """Every feature of the unit for every row; NaN where it is null or not wanted."""
        found: dict[str, Floats] = {}
        counts: dict[object, Floats] = {}
        for number, requests in self._walks():
            found |= self._sums(number, requests, counts)
        for request in self._unit.requests():
            if request.measure == LABEL:
                found |= self._labels(request, counts)
            elif request.measure == GENUINE:
                found |= self._genuine(request)
            else:
                for kernel_name, windows in request.others.items():
                    found |= self._by_row_kernel(kernel_name, request, windows)
        return found

    def _walks(self) -> list[tuple[int, list[Request]]]:
        """Requests that one walk answers, with the number of the one whose values it walks over.

        Where a measure has no missing value, its walk counts the transactions as well.
        """
        asked = [
            (number, request)
            for number, request in enumerate(self._unit.requests())
            if not request.reads_labels and (request.running or request.feeds_rate)
        ]
        whole = {
            request.span: number
            for number, request in asked
            if request.measure is not None
            and request.where is None
            and not self._carries.has(number)
            and not np.isnan(measure_values(self.rows, request)).any()
        }
        walks: dict[int, list[Request]] = {number: [request] for number, request in asked}
        for number, request in asked:
            if request.measure is None and request.where is None and request.span in whole:
                walks[whole[request.span]] += walks.pop(number)
        return list(walks.items())

    def _sums(
        self, number: int, requests: Sequence[Request], counts: dict[object, Floats]
    ) -> dict[str, Floats]:
        request = requests[0]
        windows = [w for one in requests for w in one.running]
        statistics = [self._statistic(w) for w in windows]
        priors = [w.excludes_current for w in windows]
        if any(one.feeds_rate for one in requests):
            statistics, priors = [*statistics, kernel.COUNT], [*priors, True]
        values = measure_values(self.rows, request)
        enters, order = self._visibility(request)
        out = np.full((len(statistics), len(values)), np.nan)
        kernel.walk(
            self._starts, self._firsts, self._events, enters, order, values,
            values.view(np.int64), request.lifetime, not request.delay,
            np.array(statistics, dtype=np.int64), np.array(priors, dtype=np.bool_),
            *self._carries.of(number), out,
        )  # fmt: skip
        if any(one.feeds_rate for one in requests):
            counts[request.span] = out[-1]
        return {w.name: out[line] for line, w in enumerate(windows)}

    def _by_row_kernel(
        self, name: str, request: Request, windows: Sequence[Window]
    ) -> dict[str, Floats]:
        chosen = ROW_KERNELS[name]
        if chosen.reads_codes:
            values: npt.NDArray[np.generic] = encode([self.rows[str(request.measure)]])
        else:
            values = measure_values(self.rows, request)
        enters, order = self._visibility(request)
        out = np.full((len(windows), len(enters)), np.nan)
        chosen.compute(
            self._starts, self._firsts, self._events, enters, order,
            values, request.lifetime, not request.delay,
            np.array([w.is_prior for w in windows], dtype=np.bool_), out,
        )  # fmt: skip
        return {w.name: out[line] for line, w in enumerate(windows)}

    def _labels(self, request: Request, counts: dict[object, Floats]) -> dict[str, Floats]:
        items = self._items(request)
        frauds, since_last, since_first = np.full((3, len(self._events)), np.nan)
        walk_labels(
            self._starts, self._firsts, self._events, items.starts, items.rows, items.enters,
            items.changes, request.lifetime, frauds, since_last, since_first,
        )  # fmt: skip
        given = {"count": frauds, "time_since_last": since_last, "time_since_first": since_first}
        if any(w.aggregate.per_transaction for w in request.windows):
            seen = counts[request.span]
            # A transaction's label may be known before the transaction arrived.
            given["rate"] = np.divide(frauds, seen, out=np.zeros_like(frauds), where=seen > 0)
        return {w.name: given[w.statistic] for w in request.windows}

    def _genuine(self, request: Request) -> dict[str, Floats]:
        enters, order = self._visibility(request)
        items = self._items(request)
        since_last, since_first = np.full((2, len(self._events)), np.nan)
        walk_genuine(
            self._starts, self._firsts, self._events, enters, order, items.starts, items.rows,
            items.enters, items.changes, request.lifetime, since_last, since_first,
        )  # fmt: skip
        given = {"time_since_last": since_last, "time_since_first": since_first}
        return {w.name: given[w.statistic] for w in request.windows}

    def _items(self, request: Request) -> Items:
        delay = request.delay // MICROSECOND if request.delay else 0
        counted = None if request.where is None else meets(self.rows, request.where)
        return label_items(self.rows, self._starts, self._events, delay=delay, counted=counted)

    def _statistic(self, window: Window) -> int:
        if window.measure in self._conditions and window.statistic == "count":
            return kernel.SUM  # how many rows met it
        return kernel.OPERATIONS[window.aggregate.operation]

    def _visibility(self, request: Request) -> tuple[Int64s, Int64s]:
        """When each row becomes visible, and each history's rows in that order."""
        if request.delay not in self._orders:
            enters = visible_times(self._events, self._known, request.delay)
            order = np.arange(len(enters))
            falls = np.diff(enters) < 0
            falls[self._starts[1:-1] - 1] = False  # the next history may begin earlier
            late = np.unique(np.searchsorted(self._starts, np.flatnonzero(falls), side="right") - 1)
            for first, last in zip(self._starts[late], self._starts[late + 1], strict=True):
                order[first:last] = first + np.argsort(enters[first:last], kind="stable")
            self._orders[request.delay] = enters, order
        return self._orders[request.delay]


class _Carries:
    """What slices carry, summed over their shipments, as the kernel's arrays."""

    def __init__(
        self, rows: pa.Table, starts: Int64s, unit: Unit, carries: pa.Table | None
    ) -> None:
        self._of = np.full(max(len(starts) - 1, 0), -1, dtype=np.int64)
        self._lines: dict[int, list[tuple[int, dict[str, object]]]] = {}
        if carries is None:
            return
        names = [*unit.keys, SLICE]
        heads = rows.select(names).take(pa.array(starts[:-1])).to_pylist()
        place = {tuple(head.values()): at for at, head in enumerate(heads)}
        for line in carries.to_pylist():
            at = place.get(tuple(line[name] for name in names))
            if at is not None:  # a slice without rows has nothing to compute
                self._lines.setdefault(line[REQUEST], []).append((at, line))

    def has(self, request: int) -> bool:
        """Whether any slice carries something for a request."""
        return request in self._lines

    def of(self, request: int) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """For each history its line or -1, and the lines of counts, sums and squares."""
        found = self._lines.get(request, [])
        histories = sorted({at for at, _ in found})
        number = {at: line for line, at in enumerate(histories)}
        of = self._of.copy()
        of[histories] = range(len(histories))
        sizes = {COUNTS: kernel.CARRIED, SUMS: SUM_DIGITS, SQUARES: SQUARE_DIGITS}
        made = {name: np.zeros((len(histories), size), np.int64) for name, size in sizes.items()}
        for at, line in found:
            for name, total in made.items():
                total[number[at]] += np.array(line[name], dtype=np.int64)
        return of, made[COUNTS], made[SUMS], made[SQUARES]
