from .compute import window_computer
from .derived import derive, expression_columns, refuse_unreadable, row_schema
from .histories import WANTED, WHOLE, compute_windows
from .links import compute_links
from .map import Layout, scatterer
from .read import Input, load_known_frauds, scatter_history
from .shuffle_blocks import BLOCKS, send
from .skew import SLICE, Split, split_rows
from .worker_errors import (
    encode_error,
    error_of_spark,
    error_of_worker,
    map_batches,
    refuse_encoded,
)
from .write import (
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
    "Input",
    "Layout",
    "Split",
    "assembler",
    "compute_links",
    "compute_windows",
    "derive",
    "encode_error",
    "error_of_spark",
    "error_of_worker",
    "expression_columns",
    "finisher",
    "load_known_frauds",
    "manifest",
    "map_batches",
    "refuse_encoded",
    "refuse_unreadable",
    "row_schema",
    "scatter_history",
    "scatterer",
    "send",
    "split_rows",
    "window_computer",
    "writer",
]
