"""One module a contender, each with `run(source, target, *, windows)`.

Each reads the Parquet files of `source`, computes count and sum of every entity and window, writes
Parquet (zstd) below `target` with the transaction's id, its time and the features, and returns.
"""

# Candidate to module; the first is what ratios are taken to, the second what outputs must equal.
MODULES = {
    "engine": "engine",
    "kernel": "kernel",
    "spark-window": "spark_window",
    "duckdb": "duckdb_windows",
    "polars": "polars_rolling",
    "pandas": "pandas_rolling",
}
ENGINE, KERNEL = "engine", "kernel"
THREADS = 2
MEMORY_GB = 8
