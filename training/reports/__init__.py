"""The report of an evaluation as one HTML page."""

from training.reports.plots import draw_plots
from training.reports.report import by_day, by_slice, write_report

__all__ = [
    "by_day",
    "by_slice",
    "draw_plots",
    "write_report",
]
