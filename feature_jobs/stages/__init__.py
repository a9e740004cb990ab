"""Arrow batches in, Arrow batches out: read, map, compute, write."""

from feature_jobs.stages.compute import window_computer
from feature_jobs.stages.derived import derive, expression_columns, refuse_unreadable, row_schema
from feature_jobs.stages.histories import WANTED, WHOLE, compute_windows
from feature_jobs.stages.links import compute_links
from feature_jobs.stages.map import Layout, scatterer
from feature_jobs.stages.read import load_known_frauds, scatter_history
from feature_jobs.stages.shuffle_blocks import BLOCKS, send
from feature_jobs.stages.skew import SLICE, Split, split_rows
from feature_jobs.stages.worker_errors import error_of_worker, map_batches
from feature_jobs.stages.write import (
    MANIFEST,
    PASSTHROUGH,
    WRITTEN,
    Assembly,
    Day,
    assembler,
    finisher,
    manifest,
    writer,
)

__all__ = [
    "BLOCKS",
    "MANIFEST",
    "PASSTHROUGH",
    "SLICE",
    "WANTED",
    "WHOLE",
    "WRITTEN",
    "Assembly",
    "Day",
    "Layout",
    "Split",
    "assembler",
    "compute_links",
    "compute_windows",
    "derive",
    "error_of_worker",
    "expression_columns",
    "finisher",
    "load_known_frauds",
    "manifest",
    "map_batches",
    "refuse_unreadable",
    "row_schema",
    "scatter_history",
    "scatterer",
    "send",
    "split_rows",
    "window_computer",
    "writer",
]
