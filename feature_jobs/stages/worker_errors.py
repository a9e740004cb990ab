"""Errors of Spark's workers, carried to the driver as data.

Spark hands over what a worker raised as the text of a traceback. An error of ours is therefore
raised again with one marked line of JSON as its message, which the driver reads: class, message,
and for several problems each of them.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PythonException
from pyspark.sql import DataFrame
from pyspark.sql import types as t

from expectations.contract import InputError, OutcomeError, OvernightError, ProblemsError

Batches = Iterator[pa.RecordBatch]

_MARK = "overnight-error"
_LINE = re.compile(rf"{_MARK} (\{{.*\}})$", re.MULTILINE)
# From the most to the least specific.
_KINDS: tuple[type[OvernightError], ...] = (ProblemsError, InputError, OutcomeError, OvernightError)


class WorkerError(Exception):
    """Error of ours as it leaves a worker: its message is the marked line."""


def map_batches(
    frame: DataFrame, function: Callable[[Batches], Batches], schema: str | t.StructType
) -> DataFrame:
    """Run a function on a frame's Arrow batches in Spark's workers.

    What it raises comes back through `error_of_worker`.
    """

    def run(batches: Batches) -> Batches:
        try:
            yield from function(batches)
        except OvernightError as error:
            raise WorkerError(encode_error(error)) from error

    return frame.mapInArrow(run, schema)


def error_of_worker(error: PythonException) -> OvernightError:
    """Return the error that a worker raised; one that is not ours by its traceback's last line."""
    found = _LINE.findall(str(error))
    if found:
        return decode_error(found[-1])
    last = str(error).strip().splitlines()[-1]
    return OvernightError(f"A Spark worker failed: {last}. Run it again with --debug for all.")


def error_of_spark(error: Py4JJavaError) -> OvernightError:
    """Describe a failure of Spark itself: workers lost too often, a full disk, no memory."""
    reason = str(error.java_exception.getMessage()).strip().splitlines()[0]
    return OvernightError(
        f"Spark gave up: {reason}. Nothing was committed. Look at the cluster's workers, their "
        "memory and their disks, and run the step again."
    )


def encode_error(error: OvernightError) -> str:
    """Write an error as one marked line."""
    kind = next(kind for kind in _KINDS if isinstance(error, kind))
    told: dict[str, object] = {"kind": kind.__name__, "message": str(error)}
    if isinstance(error, ProblemsError):
        told |= {"where": error.where, "problems": error.problems}
    return f"{_MARK} {json.dumps(told)}"


def refuse_encoded(text: str) -> None:
    """Raise the error that `encode_error` wrote; none for an empty text.

    Raises:
        OvernightError: of the class that the error had.
    """
    if text:
        raise decode_error(text.removeprefix(f"{_MARK} "))


def decode_error(line: str) -> OvernightError:
    """Read the JSON of a marked line."""
    told: dict[str, Any] = json.loads(line)
    if told["kind"] == ProblemsError.__name__:
        return ProblemsError(told["where"], told["problems"])
    kinds: dict[str, type[OvernightError]] = {kind.__name__: kind for kind in _KINDS[1:]}
    return kinds[told["kind"]](told["message"])
