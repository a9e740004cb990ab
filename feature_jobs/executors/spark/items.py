"""Work that falls into items: a function of each item's text, run in Spark's workers.

What the items are is the caller's: files to read, days to write. Texts go in and come out, so that
the same items can be a message to a job elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from expectations.contract import OvernightError
from feature_jobs.stages import error_of_spark, error_of_worker, map_batches

_ANSWERS = "item long, answer string"
_ABSENT = "ModuleNotFoundError"


def map_items(
    session: SparkSession, function: Callable[[str], str], items: Sequence[str]
) -> list[str]:
    """Call a function with each item, one task an item; return the answers in the order of items.

    Args:
        session: an open session.
        function: of a module that the workers have; it may be called again for an item whose task
            was lost.
        items: any number.

    Raises:
        OvernightError: what the function raised, or when Spark gives up.
    """
    if not items:
        return []

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for item in batch["id"].to_pylist():
                answered = function(items[item])
                yield pa.RecordBatch.from_pydict({"item": [item], "answer": [answered]})

    try:
        numbers = session.range(0, len(items), numPartitions=len(items))
        answers = map_batches(numbers, answer, _ANSWERS).collect()
    except PythonException as error:
        if _ABSENT in str(error):
            raise OvernightError(
                f"Spark's workers lack a module: {str(error).strip().splitlines()[-1]}. Run "
                '"make dist" and put dist/environment.tar.gz where OVERNIGHT_SPARK_ARCHIVE points.'
            ) from error
        raise error_of_worker(error) from error
    except Py4JJavaError as error:
        raise error_of_spark(error) from error
    return [found.answer for found in sorted(answers, key=lambda found: found.item)]
