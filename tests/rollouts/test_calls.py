"""Calls of AWS that fail once, are not allowed, never answer or answer late."""

import pytest

from expectations.contract import OvernightError
from tests.pipelines.nights import QUIET
from tests.rollouts.calls import CALLS, CHANGING, READING, fault
from tests.rollouts.house import House
from tests.rollouts.outcome import consistent, promoted_once

pytestmark = QUIET


@pytest.mark.parametrize("effect", ["error", "lost_reply"])
@pytest.mark.parametrize("operation", CHANGING)
def test_a_call_that_fails_once_is_made_again(house: House, operation: str, effect: str) -> None:
    # S3 throttles with 503, and an answer to HEAD has no body that could name the error.
    status = 503 if CALLS[operation] == "s3" else 400
    house.arm(fault(operation, effect=effect, times=1, status=status))
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)
    assert [r.version for r in house.chain.records if r.kind == "promotion"] == [1, 2]


@pytest.mark.parametrize("effect", ["error", "lost_reply", "drop"])
def test_reading_calls_that_fail_once_each_are_made_again(house: House, effect: str) -> None:
    house.arm(*(fault(operation, effect=effect, status=503) for operation in READING))
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)


@pytest.mark.parametrize("operation", [*CHANGING, "DescribeEndpoint", "HeadObject"])
def test_a_permission_that_is_missing_is_named_and_the_champion_serves_on(
    house: House, operation: str
) -> None:
    house.arm(
        fault(
            operation, times=None, code="AccessDeniedException",
            status=403 if CALLS[operation] == "s3" else 400,
            message=f"not authorized to perform: {CALLS[operation]}:{operation}",
        )
    )  # fmt: skip
    with house.asked() as traffic:
        with pytest.raises(OvernightError, match=rf"(?s){operation}|Forbidden|AccessDenied"):
            house.deploy()
        house.disarm()
    consistent(house, traffic, serves=1)
    promoted_once(house)


@pytest.mark.parametrize("operation", ["DescribeEndpoint", "CreateModel", "UpdateEndpoint"])
def test_a_call_that_never_answers_ends_the_deployment_in_bounded_time(
    house: House, impatient, operation: str
) -> None:
    with house.asked() as traffic:
        impatient()
        house.arm(fault(operation, effect="hang", times=None))
        with pytest.raises(OvernightError, match="attempts"):
            house.deploy()
        house.disarm()
    consistent(house, traffic, serves=1)
    promoted_once(house)


def test_every_changing_call_that_answers_late_is_found_done(house: House, impatient) -> None:
    with house.asked() as traffic:
        impatient()
        house.arm(*(fault(operation, effect="hang", times=1) for operation in CHANGING))
        house.deploy()
    consistent(house, traffic, serves=2)
