"""Parent of Spark's Python workers: it loads libraries and kernels once, then forks.

Spark starts it on every executor in place of `pyspark.daemon` (`spark.python.daemon.module`).
"""

from pyspark.daemon import manager

if __name__ == "__main__":
    import feature_jobs.stages.compute  # noqa: F401 -- what the stages use
    from feature_jobs.executors.spark.warm_up import compile_kernels

    compile_kernels()
    manager()
