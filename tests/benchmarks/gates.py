"""`python -m tests.benchmarks.gates NAME SOURCE`: one way of checking the same expectations, once.

For each of 60 columns that it is never missing, for each of 56 numbers that it lies in a range and
that its mean does, and that no id stands twice: about 170 expectations.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from expectations.contract import EVENT_TIME, KNOWN_TIME, TRANSACTION_ID, Column
from expectations.policy import Contract
from expectations.run import quiet_great_expectations

NUMBERS = [f"number_{n}" for n in range(56)]
TEXT = "channel"
LOW, HIGH = -20.0, 20.0
AS_OF = datetime(2025, 3, 2, tzinfo=UTC)
COLUMNS = (
    Column(name=TRANSACTION_ID, kind="key", is_required=True),
    Column(name=EVENT_TIME, kind="time", is_required=True),
    Column(name=KNOWN_TIME, kind="time", is_required=True),
    Column(name=TEXT, kind="text", is_required=True),
    *(Column(name=n, kind="number", is_required=True, minimum=LOW, maximum=HIGH) for n in NUMBERS),
)


def check_profile(source: Path) -> int:
    """One pass, and Great Expectations on its profile: what the gates do."""
    quiet_great_expectations()
    from expectations.profile import Profiler
    from expectations.run import validate_profile
    from expectations.suites import build_feature_suite

    profiler = Profiler(COLUMNS, as_of=AS_OF)
    for path in sorted(source.glob("*/*.parquet")):
        day = path.parent.name.partition("=")[2]
        profiler.add(day, pq.ParquetFile(path).read(columns=[c.name for c in COLUMNS]))
    suite = build_feature_suite(COLUMNS, Contract())
    found = validate_profile(profiler.finish(), suite, table="rows")
    found.refuse_critical()
    return found.expectations


def check_pandas(source: Path) -> int:
    """Great Expectations as it comes, on all rows in pandas."""
    quiet_great_expectations()
    from expectations.run import open_batch, open_context

    rows = pq.ParquetDataset(sorted(source.glob("*/*.parquet"))).read()
    return _validate(open_batch(open_context(), rows, name="all"))


def check_spark(source: Path) -> int:
    """Great Expectations as it comes, on a Spark frame of all files."""
    quiet_great_expectations()
    from expectations.run import open_context
    from feature_jobs.executors.spark.session import open_session

    with open_session("local[2]", scratch=source.parent / "scratch") as session:
        asset = open_context().data_sources.add_spark("s").add_dataframe_asset("a")
        whole = asset.add_batch_definition_whole_dataframe("b")
        return _validate(whole.get_batch({"dataframe": session.read.parquet(str(source))}))


def _validate(batch: Any) -> int:
    import great_expectations as gx

    suite = gx.ExpectationSuite(name="all", expectations=list(_expectations()))
    result = batch.validate(suite, result_format="BASIC")
    if not result.success:
        failed = next(r for r in result.results if not r.success)
        raise SystemExit(f"{failed.expectation_config}: {failed.result} {failed.exception_info}")
    return len(result.results)


def _expectations() -> Iterator[Any]:
    import great_expectations.expectations as gxe

    for column in COLUMNS:
        yield gxe.ExpectColumnValuesToNotBeNull(column=column.name)
    for name in NUMBERS:
        yield gxe.ExpectColumnValuesToBeBetween(column=name, min_value=LOW, max_value=HIGH)
        yield gxe.ExpectColumnMeanToBeBetween(column=name, min_value=-1, max_value=1)
    yield gxe.ExpectColumnValuesToBeUnique(column=TRANSACTION_ID)


WAYS: dict[str, Callable[[Path], int]] = {
    "profile": check_profile,
    "gx-pandas": check_pandas,
    "gx-spark": check_spark,
}

if __name__ == "__main__":
    sys.stdout.write(f"{WAYS[sys.argv[1]](Path(sys.argv[2]))} expectations\n")
