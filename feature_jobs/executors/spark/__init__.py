"""The stages as a Spark job."""

from feature_jobs.executors.spark.java import find_java
from feature_jobs.executors.spark.request import Answer, Build, Request, fulfil
from feature_jobs.executors.spark.session import UNPACKED, open_session
from feature_jobs.executors.spark.submitted import ENTRY

__all__ = [
    "ENTRY",
    "UNPACKED",
    "Answer",
    "Build",
    "Request",
    "find_java",
    "fulfil",
    "open_session",
]
