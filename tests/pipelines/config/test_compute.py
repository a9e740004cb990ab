"""What `OVERNIGHT_SPARK` and its further variables say."""

import pytest

from expectations.contract import ProblemsError
from infra.emr.job import Application, spark_options
from pipelines.config.installation.compute import Session, read_compute, read_least_rows

ROLE = "arn:aws:iam::123456789012:role/spark"
ARCHIVE = "s3://code/environment.tar.gz"


def test_a_session_is_the_default() -> None:
    assert read_compute({}) == Session("local[*]")
    assert read_compute({"OVERNIGHT_SPARK": "", "OVERNIGHT_SPARK_ARCHIVE": ""}) == read_compute({})
    cluster = {"OVERNIGHT_SPARK": "spark://here:7077", "OVERNIGHT_SPARK_ARCHIVE": "/dist/e.tar.gz"}
    assert read_compute(cluster) == Session("spark://here:7077", "/dist/e.tar.gz")


def test_an_application_has_its_role_archive_and_sizes() -> None:
    found = read_compute({
        "OVERNIGHT_SPARK": "emr-serverless://00f1abcd2345ef09",
        "OVERNIGHT_SPARK_ROLE": ROLE,
        "OVERNIGHT_SPARK_ARCHIVE": ARCHIVE,
        "OVERNIGHT_SPARK_VCPUS": "8",
        "OVERNIGHT_SPARK_MEMORY_GB": "60",
    })  # fmt: skip
    assert found == Application(
        id="00f1abcd2345ef09", role=ROLE, archive=ARCHIVE, vcpus=8, memory_gb=60
    )
    options = spark_options(found, unpacked="packed")
    assert options["spark.archives"] == f"{ARCHIVE}#packed"
    assert options["spark.executorEnv.PYSPARK_PYTHON"] == "./packed/bin/python"
    # Half is for Python, outside the Java heap.
    assert options["spark.executor.memory"] == "30g"
    assert options["spark.executor.memoryOverhead"] == "30g"
    assert options["spark.driver.cores"] == "8"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ProblemsError) as told:
        read_compute({
            "OVERNIGHT_SPARK": "emr-serverless://An App",
            "OVERNIGHT_SPARK_ARCHIVE": "dist/environment.tar.gz",
            "OVERNIGHT_SPARK_VCPUS": "3",
            "OVERNIGHT_SPARK_MAX_EXECUTORS": "many",
            "OVERNIGHT_SPARK_MAX_MINUTES": "1",
        })  # fmt: skip
    text = str(told.value)
    for name in ("", "_ROLE", "_ARCHIVE", "_VCPUS", "_MAX_EXECUTORS", "_MAX_MINUTES"):
        assert f"OVERNIGHT_SPARK{name}: " in text
    assert "_MEMORY_GB" not in text
    assert "'many'" in text


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"MEMORY_GB": "64"}, "64 is not from 8 to 30, which 4 vCPU may have"),
        ({"VCPUS": "1"}, "16 is not from 2 to 8, which 1 vCPU may have"),  # 16 is the default
    ],
)
def test_memory_that_a_machine_cannot_have_is_told_with_its_limits(
    size: dict[str, str], said: str
) -> None:
    with pytest.raises(ProblemsError, match=f"OVERNIGHT_SPARK_MEMORY_GB: {said}"):
        read_compute({
            "OVERNIGHT_SPARK": "emr-serverless://00f1abcd2345ef09",
            "OVERNIGHT_SPARK_ROLE": ROLE,
            "OVERNIGHT_SPARK_ARCHIVE": ARCHIVE,
            **{f"OVERNIGHT_SPARK_{name}": text for name, text in size.items()},
        })  # fmt: skip


def test_a_clusters_archive_in_s3_is_refused() -> None:
    with pytest.raises(ProblemsError, match="give a path or an http URL"):
        read_compute({"OVERNIGHT_SPARK": "spark://a:1", "OVERNIGHT_SPARK_ARCHIVE": ARCHIVE})


@pytest.mark.parametrize(
    ("spark", "text", "expected"),
    [
        ("local[*]", "", None),
        ("local[4]", "250", 250),
        ("local[*]", "0", 0),
        ("spark://here:7077", "", 1_000_000),
        ("spark://here:7077", "20000000", 20_000_000),
    ],
)
def test_a_cluster_ingests_from_a_million_rows_on_and_this_machine_only_where_it_is_set(
    spark: str, text: str, expected: int | None
) -> None:
    compute = read_compute({"OVERNIGHT_SPARK": spark})
    assert read_least_rows({"OVERNIGHT_SPARK_FROM_ROWS": text}, compute) == expected


@pytest.mark.parametrize("text", ["-1", "1e6", "1,000,000", "many"])
def test_a_number_of_rows_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ProblemsError, match=r"OVERNIGHT_SPARK_FROM_ROWS: .* is no number of rows"):
        read_least_rows({"OVERNIGHT_SPARK_FROM_ROWS": text}, read_compute({}))
