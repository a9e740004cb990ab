"""Units of work: the windows of one entity, or the links over one pair, computed together.

Also `Request`: the features that one walk of a kernel gives.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from expectations.contract import LABEL
from feature_jobs.declaration.aggregates import RUNNING
from feature_jobs.declaration.features import GENUINE, FeatureSet, Link, Window

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Request:
    """One walk: a measure over a window, and the features that it gives.

    Attributes:
        measure: None for the transactions themselves.
        where: a condition; the rows that meet it are walked.
        feeds_rate: whether a fraud rate needs the count of transactions of this walk.
    """

    measure: str | None
    where: str | None
    delay: timedelta | None
    length: timedelta
    windows: tuple[Window, ...]
    feeds_rate: bool

    @property
    def reads_labels(self) -> bool:
        """Whether it depends on what became known of rows."""
        return self.measure in {LABEL, GENUINE}

    @property
    def lifetime(self) -> int:
        """How long a value stays after its event, in microseconds."""
        return (self.length + (self.delay or timedelta())) // MICROSECOND

    @property
    def span(self) -> tuple[timedelta | None, timedelta]:
        """What requests have in common that see the same rows: delay and length."""
        return self.delay, self.length

    @property
    def running(self) -> list[Window]:
        """The features that the running kernel gives."""
        return [w for w in self.windows if w.aggregate.kernel == RUNNING]

    @property
    def others(self) -> dict[str, list[Window]]:
        """The features that other kernels give, by the kernel's name."""
        found: dict[str, list[Window]] = {}
        for window in self.windows:
            if window.aggregate.kernel != RUNNING:
                found.setdefault(window.aggregate.kernel, []).append(window)
        return found


@dataclass(frozen=True, slots=True)
class Unit:
    """Features that one task computes from the same rows; exactly one of the two is filled."""

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
        """The number under which blocks of rows travel to their histories."""
        return 2 * self.number

    @property
    def carries_number(self) -> int:
        """The number under which what slices carry travels."""
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
        """Whether known frauds are counted."""
        return any(w.reads_labels for w in self.windows) or any(
            link.statistic == "neighbour_frauds" for link in self.links
        )

    @property
    def lookback(self) -> timedelta:
        """How far before a row another one can still count."""
        reaches = [w.lifetime for w in self.windows] + [link.length for link in self.links]
        return max(reaches, default=timedelta())

    @property
    def delays(self) -> list[timedelta | None]:
        """Every delay after which a value of these windows becomes visible."""
        return list(dict.fromkeys(w.delay for w in self.windows)) or [None]

    def requests(self) -> list[Request]:
        """The walks that the windows need, those over transactions first."""
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
            Request(
                measure, where, delay, length, tuple(windows),
                feeds_rate=measure is None and where is None and (delay, length) in rates,
            )
            for (measure, where, delay, length), windows in sorted(
                found.items(), key=lambda item: item[0][0] is not None
            )
        ]  # fmt: skip


def units_of(features: FeatureSet, compute: Collection[str]) -> list[Unit]:
    """The units that give the named features.

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
    units = [
        Unit(number, keys, windows=tuple(own)) for number, (keys, own) in enumerate(windows.items())
    ]
    return units + [
        Unit(number, pair, links=tuple(own))
        for number, (pair, own) in enumerate(links.items(), start=len(units))
    ]
