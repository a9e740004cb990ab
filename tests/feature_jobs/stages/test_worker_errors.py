"""Errors cross from Spark's workers to the driver as they were raised."""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from expectations.contract import InputError, OutcomeError, OvernightError, ProblemsError
from feature_jobs.stages.worker_errors import error_of_worker, map_batches


class OwnError(InputError):
    """A subclass that the driver does not know: it comes back as what it is a kind of."""


def raised_on_a_worker(spark: SparkSession, make: Callable[[], Exception]) -> OvernightError:
    def fail(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                raise make()
            yield batch

    with pytest.raises(PythonException) as caught:
        map_batches(spark.range(1), fail, "id long").collect()
    return error_of_worker(caught.value)


@pytest.mark.parametrize("kind", [OvernightError, OutcomeError, InputError])
def test_class_and_every_line_of_the_message_come_back(spark: SparkSession, kind: type) -> None:
    message = 'Day 2025-01-01 has "two" files.\nInputError: not this line. größe {"kind": 1}'
    found = raised_on_a_worker(spark, lambda: kind(message))
    assert type(found) is kind
    assert str(found) == message


def test_several_problems_come_back_one_by_one(spark: SparkSession) -> None:
    problems = ["features.windows.0: first", "features.windows.1: second\nof two lines"]
    found = raised_on_a_worker(spark, lambda: ProblemsError("bank.toml", problems))
    assert isinstance(found, ProblemsError)
    assert (found.where, found.problems) == ("bank.toml", tuple(problems))
    assert str(found) == str(ProblemsError("bank.toml", problems))


def test_a_subclass_comes_back_as_the_error_it_is_a_kind_of(spark: SparkSession) -> None:
    own = OwnError
    found = raised_on_a_worker(spark, lambda: own("no column"))
    assert (type(found), str(found)) == (InputError, "no column")


def test_any_other_failure_is_told_by_the_last_line_of_its_traceback(spark: SparkSession) -> None:
    found = raised_on_a_worker(spark, lambda: ZeroDivisionError("a fault of the program"))
    assert type(found) is OvernightError
    assert "A Spark worker failed: ZeroDivisionError: a fault of the program" in str(found)
