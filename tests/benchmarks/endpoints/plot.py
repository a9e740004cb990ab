"""Four panels, a bar a server: throughput, latency alone and under load, processor time."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from tests.benchmarks.endpoints.load import Loaded

PANELS = (
    ("requests_per_second", "requests/s,\n8 connections", "{:,.0f}"),
    ("p50_us", "median latency, µs,\n1 connection", "{:,.0f}"),
    ("p99_ms", "99th percentile, ms,\n8 connections", "{:,.1f}"),
    ("cpu_us", "processor time a request,\nµs", "{:,.0f}"),
)
COLORS = ("#000000", "#E69F00")


def write_plot(path: Path, results: Mapping[str, Loaded]) -> None:
    """Draw one round of each server, on logarithmic axes."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, (field, title, form) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        values = [getattr(loaded, field) for loaded in results.values()]
        bars = axes.bar(list(results), values, color=COLORS, width=0.6)
        axes.bar_label(bars, [form.format(value) for value in values], padding=2)
        axes.set(title=title, yscale="log", ylim=(min(values) / 3, max(values) * 3))
        axes.tick_params(axis="x", labelsize=8)
    figure.suptitle("200 trees, 31 leaves, 60 features; 2 workers and the client on 2 cores")
    aside = path.with_suffix(".partial")
    figure.savefig(aside, format="png", dpi=150)
    aside.replace(path)
