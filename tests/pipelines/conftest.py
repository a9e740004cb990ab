import contextlib
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

import tests.quiet  # noqa: F401 -- for its effect
from feature_jobs.executors.spark.session import open_session
from tests.pipelines.nights import Night, installed


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """An installation of its own for each module."""
    with installed(tmp_path_factory.mktemp("night")) as night:
        yield night


@pytest.fixture(scope="module")
def one_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Spark for all builds of a module: each would start and stop one of its own."""
    with contextlib.ExitStack() as stack:
        if SparkSession.getActiveSession() is None:
            scratch = tmp_path_factory.mktemp("spark")
            stack.enter_context(open_session("local[2]", scratch=scratch))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(SparkSession, "stop", lambda _: None)
        yield
