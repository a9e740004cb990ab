"""What is said about a Spark cluster that is not there."""

import pytest

from expectations.contract import OvernightError
from feature_jobs.executors.spark.cluster_health import refuse_silent_master
from tests.infra.embedded_server import free_port


def test_an_address_where_no_master_listens_is_refused_with_the_remedy() -> None:
    address = f"spark://127.0.0.1:{free_port()}"
    with pytest.raises(
        OvernightError, match=rf"No Spark master answers at {address}.*refused.*OVERNIGHT_SPARK"
    ):
        refuse_silent_master(address)


def test_every_address_of_several_is_named() -> None:
    with pytest.raises(OvernightError, match=r"127\.0\.0\.1:1: .*; nonsense: it is not host:port"):
        refuse_silent_master("spark://127.0.0.1:1,nonsense")


def test_other_masters_are_left_to_spark() -> None:
    refuse_silent_master("local[*]")
    refuse_silent_master("yarn")
