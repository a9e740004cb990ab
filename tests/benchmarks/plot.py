"""Seconds over rows, one line a contender, one panel a key distribution."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.contenders import ENGINE, MODULES
from tests.benchmarks.data import DISTRIBUTIONS
from tests.benchmarks.results import TABLE, Result

TITLES = {
    "uniform": "Uniform keys",
    "hot": "Zipf keys, one terminal with 25 % of the rows",
}
# Okabe and Ito's colours: told apart by colour-blind readers, too.
STYLES = dict(
    zip(
        MODULES,
        [
            ("#000000", "o"), ("#E69F00", "s"), ("#0072B2", "^"), ("#D55E00", "D"),
            ("#009E73", "v"), ("#CC79A7", "P"),
        ],
        strict=True,
    )
)  # fmt: skip


def write_plot(path: Path, results: Iterable[Result]) -> None:
    """Draw the series `table`; a timeout is an open marker at the time when it was ended."""
    drawn = [r for r in results if r.cell.series == TABLE and r.seconds is not None]
    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = figure.subplots(1, len(DISTRIBUTIONS), sharex=True, sharey=True)
    for panel, distribution in zip(panels, DISTRIBUTIONS, strict=True):
        own = [r for r in drawn if r.cell.distribution == distribution]
        for contender in MODULES:
            _draw(panel, contender, [r for r in own if r.cell.contender == contender])
        _dress(panel, TITLES[distribution], sorted({r.cell.rows for r in drawn}))
    panels[0].set_ylabel("seconds, process start to exit (median)")
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle("Count and sum, 2 entities, 4 windows; open marker: ended at the timeout")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    figure.savefig(aside, format="png", dpi=150)
    aside.replace(path)


def _draw(panel: Axes, contender: str, results: Sequence[Result]) -> None:
    color, marker = STYLES[contender]
    width = 2.5 if contender == ENGINE else 1.3
    panel.plot(
        [r.cell.rows for r in results], [r.seconds for r in results],
        color=color, linewidth=width, label=contender, marker=marker, markersize=6,
    )  # fmt: skip
    late = [r for r in results if r.outcome == "timeout"]
    panel.plot(
        [r.cell.rows for r in late], [r.seconds for r in late],
        color=color, linestyle="none", marker=marker, markersize=10, markerfacecolor="white",
    )  # fmt: skip


def _dress(panel: Axes, title: str, rows: Sequence[int]) -> None:
    panel.set_title(title)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xticks(rows, [_short(number) for number in rows], minor=False)
    panel.set_xticks([], minor=True)
    panel.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    panel.set_xlabel("rows")
    panel.grid(visible=True, which="both", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)


def _short(rows: int) -> str:
    return f"{rows / 1e6:g}M" if rows >= 1_000_000 else f"{rows / 1e3:g}k"
