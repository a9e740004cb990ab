from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from feature_jobs.executors.spark.session import open_session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One Spark for all tests of this folder; `local[2]`, as on the smallest machine."""
    with open_session("local[2]", scratch=tmp_path_factory.mktemp("spark")) as session:
        yield session
