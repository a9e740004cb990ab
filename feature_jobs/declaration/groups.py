"""Feature groups: the windows of one entity, or the links over one pair, computed together.

Also `WindowComputation`: the features that one run of a kernel gives.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from expectations.contract import LABEL
from feature_jobs.declaration.aggregates import RUNNING
from feature_jobs.declaration.features import LEGITIMATE, FeatureSet, Link, Window

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class WindowComputation:
    """One window computation: a measure over a window, and the features that it gives.

    Attributes:
        measure: None for the transactions themselves.
        where: a condition; only rows that meet it count.
        feeds_rate: True if a fraud rate needs this computation's count of transactions.
    """

    measure: str | None
    where: str | None
    delay: timedelta | None
    length: timedelta
    windows: tuple[Window, ...]
    feeds_rate: bool

    @property
    def reads_labels(self) -> bool:
        """True if it depends on labels."""
        return self.measure in {LABEL, LEGITIMATE}

    @property
    def window_plus_delay(self) -> int:
        """Time from an event until its value leaves the window, in microseconds."""
        return (self.length + (self.delay or timedelta())) // MICROSECOND

    @property
    def span(self) -> tuple[timedelta | None, timedelta]:
        """Delay and length: computations with the same span see the same rows."""
        return self.delay, self.length

    @property
    def running(self) -> list[Window]:
        """Features that the running kernel gives."""
        return [w for w in self.windows if w.aggregate.kernel == RUNNING]

    @property
    def others(self) -> dict[str, list[Window]]:
        """Features that other kernels give, by the kernel's name."""
        found: dict[str, list[Window]] = {}
        for window in self.windows:
            if window.aggregate.kernel != RUNNING:
                found.setdefault(window.aggregate.kernel, []).append(window)
        return found


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Features that one task computes from the same rows: either windows or links."""

    number: int
    keys: tuple[str, ...]
    windows: tuple[Window, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the features, in declared order."""
        return [w.name for w in self.windows] + [link.name for link in self.links]

    @property
    def rows_number(self) -> int:
        """Number of this group's blocks of rows in a shuffle."""
        return 2 * self.number

    @property
    def partials_number(self) -> int:
        """Number of this group's blocks of partial aggregates in a shuffle."""
        return 2 * self.number + 1

    @property
    def counts(self) -> frozenset[str]:
        """Names of the features that are whole numbers; the others are doubles."""
        whole = {w.name for w in self.windows if w.aggregate.is_whole}
        return frozenset(whole | {link.name for link in self.links})

    @property
    def needed_keys(self) -> tuple[str, ...]:
        """Keys without which a row has no value: all of a window's, a link's first."""
        return self.keys if self.windows else self.keys[:1]

    @property
    def measures(self) -> list[str]:
        """Columns that are read beside the keys; the label is not a column of rows."""
        named = dict.fromkeys(w.measure for w in self.windows if not w.reads_labels)
        named |= dict.fromkeys(w.where for w in self.windows)
        return [m for m in named if m is not None and m not in self.keys]

    @property
    def reads_labels(self) -> bool:
        """True if known frauds are counted."""
        return any(w.reads_labels for w in self.windows) or any(
            link.statistic == "neighbour_frauds" for link in self.links
        )

    @property
    def lookback(self) -> timedelta:
        """Longest time from a row back to another one that counts for it."""
        reaches = [w.window_plus_delay for w in self.windows] + [link.length for link in self.links]
        return max(reaches, default=timedelta())

    @property
    def delays(self) -> list[timedelta | None]:
        """Every delay after which a value of these windows becomes visible."""
        return list(dict.fromkeys(w.delay for w in self.windows)) or [None]

    def computations(self) -> list[WindowComputation]:
        """List the computations that the windows need, those over transactions first."""
        found: dict[tuple[str | None, str | None, timedelta | None, timedelta], list[Window]] = {}
        rates = set()
        for w in self.windows:
            if w.aggregate.per_transaction:
                rates.add((w.delay, w.length))
                found.setdefault((None, None, w.delay, w.length), [])
            measure, where = w.measure, w.where
            if (
                w.aggregate.reads_times and not w.reads_labels
            ):  # of the rows that meet the condition
                measure, where = None, w.measure
            found.setdefault((measure, where, w.delay, w.length), []).append(w)
        return [
            WindowComputation(
                measure, where, delay, length, tuple(windows),
                feeds_rate=measure is None and where is None and (delay, length) in rates,
            )
            for (measure, where, delay, length), windows in sorted(
                found.items(), key=lambda item: item[0][0] is not None
            )
        ]  # fmt: skip


def feature_groups(features: FeatureSet, compute: Collection[str]) -> list[FeatureGroup]:
    """Group the named features by the keys of their histories.

    Args:
        features: the declarations.
        compute: names of windows and links to compute; others are left out.
    """
    windows: dict[tuple[str, ...], list[Window]] = {}
    for window in features.expand():
        if window.name in compute:
            windows.setdefault(window.keys, []).append(window)
    links: dict[tuple[str, str], list[Link]] = {}
    for link in features.expand_links():
        if link.name in compute:
            links.setdefault((link.entity, link.through), []).append(link)
    groups = [
        FeatureGroup(number, keys, windows=tuple(own))
        for number, (keys, own) in enumerate(windows.items())
    ]
    return groups + [
        FeatureGroup(number, pair, links=tuple(own))
        for number, (pair, own) in enumerate(links.items(), start=len(groups))
    ]
